"""Data sets of tracklets with known people."""
