"""Accounts and trades of a member: what their program signs, and what it must not."""
