"""Shots in forests that were never recorded: sources, ways, recorders, each with its exact truth."""
