"""Normalised cross-correlation with a few shots: the baseline that the Elephant Listening Project uses."""
