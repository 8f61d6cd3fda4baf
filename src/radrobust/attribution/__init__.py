"""Explaining the finished systems, and asking of each map whether it looks at the finding."""
