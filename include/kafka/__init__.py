"""ensure_topic and publish: topics, the ledger of what was published, and the producer.

Must not know the lake: only receipts tie the two.
"""
