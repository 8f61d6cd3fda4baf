"""One module or package for each page; none imports another."""
