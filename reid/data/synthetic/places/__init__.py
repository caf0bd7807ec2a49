"""Made-up places: what stands in them, how it looks, and pictures of it."""
