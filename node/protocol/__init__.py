"""Records, keys, limits and errors: what every node must agree on, with no I/O and no clock."""
