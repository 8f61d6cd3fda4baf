"""Can this radiograph classifier be trusted? Clean, attacked and explained, as a website."""
