"""One-camera trackers behind one protocol."""
