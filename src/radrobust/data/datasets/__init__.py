"""The datasets: the phantom that is drawn, those that are published, and a folder of one's own."""
