"""People in front of backdrops, as pictures."""
