"""What is done to a lake beside its landings: compact, expire, clean up, forget, repair, bring rights in line.

Must commit as a landing does, through the lake's one swap.
"""
