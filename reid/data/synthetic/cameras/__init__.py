"""What cameras and detectors make of what is in front of them."""
