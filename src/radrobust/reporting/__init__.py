"""Figures, tables, galleries and sentences for the pages; numbers come from `evaluation`."""
