"""What may be done to images: the balls that training and attacks move in."""
