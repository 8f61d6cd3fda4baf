"""Metrics and intervals, read off the tables; nothing else computes a number that is shown."""
