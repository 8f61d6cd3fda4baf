"""The systems under study: who they are, what they are built of, and how they are kept on disk."""
