"""Belonging to a chapter, and what its officers, mediators and relays do."""
