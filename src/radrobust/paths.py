"""Where the parts of a study lie, relative to the repository's root, where DVC runs every stage."""

from pathlib import Path

PARAMS = Path("params.yaml")
SOURCES = Path("sources")
DATA = Path("data")
RESULTS = Path("results")
CHECKED = RESULTS / "checked.json"
SAMPLES = RESULTS / "samples"
MODELS = RESULTS / "models"
TRAINING = RESULTS / "training"
RESUME = RESULTS / "resume"
PREDICTIONS = RESULTS / "predictions"
ATTRIBUTIONS = RESULTS / "attributions"
SUMMARY = RESULTS / "summary"
CASES = RESULTS / "cases"
CURVES = RESULTS / "curves.csv"
METRICS = Path("metrics.json")
REPORTS = Path("reports")
NOTEBOOKS = Path("notebooks")
SITE = Path("_site")
