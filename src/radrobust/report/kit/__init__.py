"""Pieces that several pages use: the study as read, numbers as text, tables, charts, pictures."""
