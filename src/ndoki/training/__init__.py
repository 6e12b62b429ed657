"""Recipe → trained detector. The only place that knows torch."""
