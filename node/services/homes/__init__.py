"""Homes as a whole: backed up, exported, made from a file, mended."""
