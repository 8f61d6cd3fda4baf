"""Attacks on the finished systems, in pixel space, and the protocol around them."""
