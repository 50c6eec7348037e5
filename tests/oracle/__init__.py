"""Other eyes: what a landing should be, worked out independently of the code that lands it."""
