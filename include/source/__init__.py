"""find_source: which files a day has, whether they are whole, and where each record's bytes begin and end.

Must not know Kafka or the lake.
"""
