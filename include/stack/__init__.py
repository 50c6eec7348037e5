"""The embedded stack: real Kafka, NameNode, DataNode and Airflow as child processes, with everything they own in one folder.

`settings` says where everything is, `lifecycle` starts and stops it, the rest are the parts.
"""
