"""Sound → scores or boxes, by name."""
