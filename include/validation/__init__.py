"""validate: what was landed, read back with other eyes than Spark's, and whether it is everything.

Must not change anything.
"""
