"""`./landfall`: results go to stdout, everything else to stderr."""
