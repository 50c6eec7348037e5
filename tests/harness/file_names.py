"""Names that a file system takes and that something on the way might take for more than a name."""

NAMES = [
    "D.ndjson", "D.ndjson#part2", "D.ndjson?v=2", "D.ndjson%23part2", "D%20x", "D::x.ndjson", "D[1].json", "D*.json", "D?.json", "D a.json",
    "D\nb.json", "D\tb.json", "Dé☃😀.json", "D;a&b=c,d+e.json", "D\\x.json", "D:x.json", "D{1}.json", "D'\"$`!.json",
]  # fmt: skip
