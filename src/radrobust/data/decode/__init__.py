"""From a file on disk to grey values, a mask and a square frame."""
