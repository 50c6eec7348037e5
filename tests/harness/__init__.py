"""What tests stand on: a Landfall of their own, servers that fail, a run of tasks without a scheduler."""
