"""Page *Methods*."""
