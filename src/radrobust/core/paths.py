"""Where the parts of a study lie, relative to the repository's root, where DVC runs every stage."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
SOURCES = Path("sources")
SPLITS = SOURCES / "splits"
DATA = Path("data")
RESULTS = Path("results")
PROGRAM = RESULTS / "program"
CHECKED = RESULTS / "checked.json"
FILMS = RESULTS / "films"
AUDIT = RESULTS / "audit"
SAMPLES = RESULTS / "samples"
MODELS = RESULTS / "models"
TRAINING = RESULTS / "training"
RESUME = RESULTS / "resume"
PREDICTIONS = RESULTS / "predictions"
ATTRIBUTIONS = RESULTS / "attributions"
SUMMARY = RESULTS / "summary"
CASES = RESULTS / "cases"
TABLES = RESULTS / "tables"
CURVES = RESULTS / "curves.csv"
EPOCHS = RESULTS / "epochs.csv"
METRICS = Path("metrics.json")
REPORTS = Path("reports")
NOTEBOOKS = Path("notebooks")
RENDERER = RESULTS / "renderer.json"
SITE = Path("_site")

ATTACKED = "images.npz"
"""In the folder of a system in `PREDICTIONS`: every test image as the headline attack left it."""

MAPS = "maps.npz"
"""In the folder of a system in `ATTRIBUTIONS`: every map, in half precision."""

CACHE_VARIABLE = "RADROBUST_CACHE"


def cache_folder(configured: str) -> Path:
    """Return the folder for downloads: RADROBUST_CACHE if it is set, else what params.yaml says."""
    return Path(os.environ.get(CACHE_VARIABLE) or configured).expanduser()
