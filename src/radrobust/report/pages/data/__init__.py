"""Page *Data*: counts, shortcuts, faults and examples."""
