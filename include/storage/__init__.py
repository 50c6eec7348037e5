"""Where bytes lie: HDFS over WebHDFS, files behind HTTP, the local disk, the rights on them, and claims on a day.

Must not know what a record, a topic or a table is.
"""
