"""Where the commands go: this machine's embedded stack, or a deployment that a profile names; and whether all of it works."""
