"""Made-up people: who they are, how they walk, what they wear."""
