"""Samples → frames. Pure."""
