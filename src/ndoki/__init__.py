"""Ndoki finds gunshots in forest sound."""
