"""Tables of the maps of what each system says, and of what was asked of them."""

from __future__ import annotations

from radrobust.core import paths
from radrobust.core.tables.schema import LABEL, SAMPLE, SYSTEM, Column, Table

EXPLAINER = Column("explainer", "str", "the method that made the map")
IMAGE = Column("image", "str", "clean, or attacked: as the headline attack left it")
CHANGED = Column("changed", "bool", "whether the headline attack changed the image")
TURNED = Column("misclassified", "bool", "whether it turned a right answer into a wrong one")

PERCENTS = (5, 15, 25, 50, 75, 85, 95)
"""Percentages of a radiograph's pixels by which the coverage of the finding is measured."""

REGIONS = ("mask", "box")
"""By what a finding is marked: its outline, or the boxes around it."""

_ASKED = {
    **{
        f"coverage_{percent}": f"share of the finding among the strongest {percent} % of pixels"
        for percent in PERCENTS
    },
    "pointing": "1 where the strongest pixel lies in the finding, else 0",
    "mass": "share of the map's magnitude in the finding",
    "auprc": "area under precision and recall of the finding's pixels by their magnitude",
    "area": "share of the radiograph that the finding covers: what chance scores",
}
ASKED = tuple(_ASKED)
MEASURES = tuple(f"{region}_{name}" for region in REGIONS for name in ASKED)
"""Columns that hold a map against the finding."""

_LOCALISED = tuple(
    Column(
        f"{region}_{name}",
        "float32",
        f"{meaning}, by its {region}; in [0, 1], NaN where none is marked",
        optional=True,
    )
    for region in REGIONS
    for name, meaning in _ASKED.items()
)

ATTRIBUTIONS = Table(
    "attributions",
    paths.ATTRIBUTIONS / "{system}" / "attributions.parquet",
    "a system, sample, image and explainer: one map",
    (
        SYSTEM,
        SAMPLE,
        LABEL,
        IMAGE,
        EXPLAINER,
        Column("target", "int8", "class that is explained: the one predicted for that image"),
        Column("predicted", "int8", "class predicted for that image"),
        Column("probability", "float32", "of the finding, for that image"),
        Column("right", "bool", "whether the prediction is right"),
        Column("output_difference", "float32", "target's logit of the image less the baseline's"),
        Column("delta", "float32", "sum over the map less that; NaN where none is promised", True),
        Column("largest", "float32", "largest magnitude in the map"),
        *_LOCALISED,
        CHANGED,
        TURNED,
    ),
    ("system", "explainer", "image", "sample_id"),
)
SURVIVAL = Table(
    "survival",
    paths.ATTRIBUTIONS / "{system}" / "survival.parquet",
    "a system, sample and explainer: the clean map against the attacked one",
    (
        SYSTEM,
        SAMPLE,
        LABEL,
        EXPLAINER,
        Column("spearman", "float32", "rank correlation of the magnitudes, in [-1, 1]", True),
        Column("ssim", "float32", "structural similarity, at most 1", True),
        Column("overlap_10", "float32", "share of the strongest tenth in common", True),
        CHANGED,
        TURNED,
    ),
    ("system", "explainer", "sample_id"),
)
_CURVE = "probability of the target after k/16 of the pixels, k from 0 to 16"
FAITHFULNESS = Table(
    "faithfulness",
    paths.ATTRIBUTIONS / "{system}" / "faithfulness.parquet",
    "a system, sample and explainer, maps of noise (random) among them",
    (
        SYSTEM,
        SAMPLE,
        EXPLAINER,
        Column("deletion", "float32", "area under the curve, in [0, 1]; smaller is better"),
        Column("deletion_curve", "object", f"{_CURVE} were taken away"),
        Column("insertion", "float32", "area under the curve, in [0, 1]; larger is better"),
        Column("insertion_curve", "object", f"{_CURVE} were put back"),
        Column(
            "infidelity", "float32", "a share: 0 is perfect, 1 says nothing; NaN of noise", True
        ),
        Column("max_sensitivity", "float32", "largest change nearby; NaN of noise", True),
    ),
    ("system", "explainer", "sample_id"),
)
RANDOMISATION = Table(
    "randomisation",
    paths.ATTRIBUTIONS / "{system}" / "randomisation.parquet",
    "a system, sample, explainer and depth down to which weights are redrawn",
    (
        SYSTEM,
        SAMPLE,
        EXPLAINER,
        Column("spearman", "float32", "rank correlation with the map of before", optional=True),
        Column("depth", "int16", "0 for the head alone"),
        Column("part", "str", "down to which weights are redrawn"),
    ),
    ("system", "explainer", "depth", "sample_id"),
)

EXPLANATIONS = (ATTRIBUTIONS, SURVIVAL, FAITHFULNESS, RANDOMISATION)
"""What stage explain leaves."""
