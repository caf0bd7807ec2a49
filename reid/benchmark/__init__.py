"""Scores that name their protocol: contestants, protocols, runs and tables of `vreid benchmark`."""
