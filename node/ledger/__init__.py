"""Trades and balances: the one fold that computes them, with no I/O and no clock."""
