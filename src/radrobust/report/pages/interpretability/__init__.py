"""Page *Interpretability*: maps against the finding, against noise and against shuffled weights."""
