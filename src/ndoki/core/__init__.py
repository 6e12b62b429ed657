"""Nouns and rules, without reading or writing."""
