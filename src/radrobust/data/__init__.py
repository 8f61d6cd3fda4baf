"""The datasets, and the way from a film on disk to a row of `results/samples`. Knows no torch."""
