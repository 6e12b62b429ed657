"""Scores → events. Pure."""
