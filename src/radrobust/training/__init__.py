"""Training the systems: each paper's objective, and the loop around it."""
