"""From videos to identities: detection, tracking, tracklets, embedding, association, a run directory."""
