"""What all else rests on: parameters, paths, files, seeds, tensors, finished parts of work."""
