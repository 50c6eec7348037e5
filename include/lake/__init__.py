"""commit: a customer's Iceberg tables, the proof that a landing needs, and the swap that makes it visible.

Must not know Kafka: only receipts tie the two.
"""
