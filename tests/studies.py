"""How tests cut the shipped study down."""

QUICK = {
    "count: 1200": "count: 60",
    "epochs: 13": "epochs: 1",
    "  films: 50": "  films: 4",
    "  steps: 20": "  steps: 2",
    "  steps: 50": "  steps: 2",
    "  restarts: 2": "  restarts: 1",
    "  iterations: 20": "  iterations: 2",
    "  queries: 150": "  queries: 2",
    "  steps: 16": "  steps: 2",
    "window: 15": "window: 60",
    "stride: 8": "stride: 60",
    "others: 24": "others: 2",
    "  films: 16": "  films: 2",
    "bootstrap: 2000": "bootstrap: 100",
}
"""Texts of `params.yaml`, and what takes their place: every stage then takes seconds."""
