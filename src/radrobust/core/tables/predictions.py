"""Tables of what each system says of test samples, clean and attacked."""

from __future__ import annotations

from radrobust.core import paths
from radrobust.core.tables.schema import LABEL, SAMPLE, SYSTEM, Column, Table

CONDITION = Column("condition", "str", "key of the condition, as in the table conditions")

_ANSWER = (
    SYSTEM,
    SAMPLE,
    LABEL,
    CONDITION,
    Column("clean_logit_0", "float32", "logit of the finding's absence, of the clean image"),
    Column("clean_logit_1", "float32", "logit of the finding, of the clean image"),
    Column("logit_0", "float32", "logit of the finding's absence, under the condition"),
    Column("logit_1", "float32", "logit of the finding, under the condition"),
    Column("probability", "float32", "of the finding as the decision has it, in [0, 1]"),
    Column("predicted", "int8", "class decided for, 0 or 1"),
    Column("misclassified", "bool", "whether that is wrong"),
    Column(
        "iteration",
        "int16",
        "steps of the attack, over all starts, until it became so; 0 by the clean image or by a "
        "start alone, -1 never",
    ),
    Column("linf", "float32", "largest change of a pixel, in pixels of [0, 1]"),
    Column("l2", "float32", "Euclidean length of the change, in pixels of [0, 1]"),
)

PREDICTIONS = Table(
    "predictions",
    paths.PREDICTIONS / "{system}" / "predictions.parquet",
    "a system, test sample and condition",
    _ANSWER,
    ("system", "sample_id", "condition"),
)
CHECKED = Table(
    "checks",
    paths.PREDICTIONS / "{system}" / "checks.parquet",
    "a system, check of its attack, and test sample",
    (
        SYSTEM,
        Column("check", "str", "name of the check, or of a part of it"),
        SAMPLE,
        LABEL,
        Column("condition", "str", "the kind of attack, its norm and its budget in pixels"),
        *_ANSWER[4:],
    ),
    ("system", "check", "sample_id"),
)
GRADIENTS = Table(
    "gradients",
    paths.PREDICTIONS / "{system}" / "gradients.parquet",
    "a system and sample on which its attack is checked",
    (
        SYSTEM,
        SAMPLE,
        Column("norm", "float32", "length of the margin's gradient", optional=True),
        Column("zero_share", "float32", "share of pixels in which it is exactly 0"),
        Column("constant", "bool", "whether it is the same in all pixels"),
    ),
    ("system", "sample_id"),
)
