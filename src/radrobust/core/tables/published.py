"""Every table of a study, and those that whoever reads on can download."""

from __future__ import annotations

from radrobust.core.tables.data import FAULTS, PAIRS, PROBES, SAMPLES
from radrobust.core.tables.explanations import ATTRIBUTIONS, EXPLANATIONS
from radrobust.core.tables.figures import FIGURES
from radrobust.core.tables.predictions import CHECKED, GRADIENTS, PREDICTIONS

OF_SYSTEMS = (PREDICTIONS, CHECKED, GRADIENTS, *EXPLANATIONS)
"""Tables of which each system has its own."""

PUBLISHED = (SAMPLES, FAULTS, PAIRS, PROBES, PREDICTIONS, ATTRIBUTIONS, *FIGURES)
"""Tables for download."""
