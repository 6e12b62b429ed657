"""Labelled audio → training examples."""
