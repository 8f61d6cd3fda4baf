"""Tables of the figures that the pages show."""

from __future__ import annotations

from radrobust.core import paths
from radrobust.core.tables.schema import LABEL, SYSTEM, Column, Table

CONDITION = Column("condition", "str", "key of the condition, as in the table conditions")
EXPLAINER = Column("explainer", "str", "the method that made the map")
IMAGE = Column("image", "str", "clean, or attacked: as the headline attack left it")
METRIC = Column("metric", "str", "what is measured")
_N = Column("n", "int64", "number of samples, or of whatever it is a share or mean of")


def _estimate(of: str = "the metric") -> tuple[Column, ...]:
    return (
        Column("value", "float64", f"of {of}; NaN where it is undefined", optional=True),
        Column("low", "float64", "lower end of its interval", optional=True),
        Column("high", "float64", "upper end of its interval", optional=True),
    )


def _summary(name: str, row: str, *columns: Column, key: tuple[str, ...]) -> Table:
    return Table(f"summary-{name}", paths.SUMMARY / f"{name}.parquet", row, columns, key)


METRICS = _summary(
    "metrics",
    "a system, condition and metric; the systems always_negative and always_positive give the "
    "same answer to every radiograph",
    SYSTEM,
    CONDITION,
    METRIC,
    *_estimate(),
    key=("system", "condition", "metric"),
)
CONFUSION = _summary(
    "confusion",
    "a system, condition, actual and predicted class",
    SYSTEM,
    CONDITION,
    Column("actual", "int8", "label"),
    Column("predicted", "int8", "class decided for"),
    Column("count", "int64", "number of test samples"),
    key=("system", "condition", "actual", "predicted"),
)
CLASSES = _summary(
    "classes",
    "a system, condition and class, which takes the part of the finding",
    SYSTEM,
    CONDITION,
    LABEL,
    Column("precision", "float64", "share of right answers among those that name it", True),
    Column("recall", "float64", "share of its samples that are recognised", True),
    Column("f1", "float64", "harmonic mean of the two", True),
    Column("support", "int64", "number of its test samples"),
    key=("system", "condition", "label"),
)
ITERATIONS = _summary(
    "iterations",
    "a system, condition and step of the attack",
    SYSTEM,
    CONDITION,
    Column("iteration", "int16", "step at which a sample was first misclassified; -1: never"),
    Column("count", "int64", "number of test samples"),
    key=("system", "condition", "iteration"),
)
PERTURBATIONS = _summary(
    "perturbations",
    "a system and condition that changes images",
    SYSTEM,
    CONDITION,
    Column("n", "int64", "number of test samples whose image was changed"),
    Column("linf_max", "float64", "largest change of a pixel in any, in pixels of [0, 1]", True),
    Column("linf_median", "float64", "median of the largest changes", True),
    Column("l2_median", "float64", "median length of the change", True),
    key=("system", "condition"),
)
COMPARISONS = _summary(
    "comparisons",
    "a condition, two systems on the same samples, and a metric",
    CONDITION,
    Column("first", "str", "key of the one system"),
    Column("second", "str", "key of the other"),
    METRIC,
    Column("difference", "float64", "of the first less the second", optional=True),
    Column("low", "float64", "lower end of its interval, by a paired bootstrap", optional=True),
    Column("high", "float64", "upper end of its interval", optional=True),
    Column("only_first", "int64", "number of samples that only the first is right about"),
    Column("only_second", "int64", "number of samples that only the second is right about"),
    Column("p", "float64", "of McNemar's exact test that both are right equally often"),
    Column("p_holm", "float64", "the same, adjusted by Holm over all pairs at that condition"),
    key=("condition", "first", "second", "metric"),
)
SUBGROUPS = _summary(
    "subgroups",
    "a system, condition, member of a subgroup, and metric",
    SYSTEM,
    CONDITION,
    Column("subgroup", "str", "attribute by which samples are told apart"),
    Column("member", "str", "its value"),
    _N,
    Column("findings", "int64", "how many of them have the finding"),
    METRIC,
    *_estimate(),
    key=("system", "condition", "subgroup", "member", "metric"),
)
VERDICTS = _summary(
    "checks",
    "a system and a check of its evaluation",
    SYSTEM,
    Column("check", "str", "name of the check"),
    Column("status", "str", "pass, fail or unclear"),
    *_estimate("what is held against the limit"),
    Column("limit", "float64", "up to which, or from which, the check passes"),
    _N,
    Column("context", "float64", "a second number for the reader", optional=True),
    key=("system", "check"),
)
LOCALISATION = _summary(
    "attributions",
    "a system, explainer, image, kind of answer, region and metric: do maps look at the finding?",
    SYSTEM,
    EXPLAINER,
    IMAGE,
    Column("answers", "str", "all, or those samples that the system is right or wrong about"),
    Column("region", "str", "mask, the finding's outline, or box, that around it"),
    METRIC,
    *_estimate(),
    Column("chance", "float64", "what a map that knows nothing scores", optional=True),
    _N,
    key=("system", "explainer", "image", "answers", "region", "metric"),
)
CONVERGENCE = _summary(
    "convergence",
    "a system, explainer that promises maps that add up, image and metric",
    SYSTEM,
    EXPLAINER,
    IMAGE,
    METRIC,
    *_estimate(),
    _N,
    key=("system", "explainer", "image", "metric"),
)
SURVIVED = _summary(
    "survival",
    "a system, explainer, kind of answer and metric: what the attack leaves of maps",
    SYSTEM,
    EXPLAINER,
    Column("answers", "str", "all that the attack changed, or those misclassified or robust"),
    METRIC,
    *_estimate(),
    Column("chance", "float64", "what two unrelated maps score", optional=True),
    _N,
    key=("system", "explainer", "answers", "metric"),
)
FAITHFUL = _summary(
    "faithfulness",
    "a system, explainer (random: noise) and metric: do maps name what the network goes by?",
    SYSTEM,
    EXPLAINER,
    METRIC,
    *_estimate(),
    _N,
    Column("gain", "float64", "by how much it is better than noise", optional=True),
    Column("gain_low", "float64", "lower end of the gain's interval", optional=True),
    Column("gain_high", "float64", "upper end of the gain's interval", optional=True),
    key=("system", "explainer", "metric"),
)
FAITHFUL_CURVES = _summary(
    "faithfulness_curves",
    "a system, explainer, curve and share of pixels",
    SYSTEM,
    EXPLAINER,
    Column("curve", "str", "deletion or insertion"),
    Column("share", "float64", "of the pixels taken away or put back, in [0, 1]"),
    Column("value", "float64", "mean probability of the class that is explained"),
    key=("system", "explainer", "curve", "share"),
)
REDRAWN = _summary(
    "randomisation",
    "a system, explainer and depth: what redrawing weights leaves of maps",
    SYSTEM,
    EXPLAINER,
    Column("depth", "int64", "0: the head alone; the last: everything"),
    Column("part", "str", "down to which weights are redrawn"),
    *_estimate("the rank correlation with the map of the finished network"),
    _N,
    Column("limit", "float64", "what it should be below in the end"),
    key=("system", "explainer", "depth"),
)
COUNTS = _summary(
    "counts",
    "a split and class",
    Column("split", "str", "train, val or test"),
    LABEL,
    Column("count", "int64", "number of samples"),
    key=("split", "label"),
)
NOTES = _summary(
    "notes",
    "a kind of fault",
    Column("fault", "str", "truncated file, or unmarked finding"),
    Column("count", "int64", "number of samples"),
    key=("fault",),
)
CONDITIONS = _summary(
    "conditions",
    "a condition that figures are of",
    Column("condition", "str", "its key"),
    Column("image", "str", "what tables of maps call it: clean, attacked, or empty for none"),
    Column("family", "str", "what was done to the images: clean, pgd, …"),
    Column("level", "float64", "how much of it, in the family's units; 0 for clean images"),
    Column("norm", "str", "linf or l2, in which the level is a radius; empty for none"),
    Column("units", "str", "pixel of [0, 1], or normalized: CIFAR-10's standard deviations"),
    Column("decision", "str", "argmax of the logits, or the threshold chosen on validation"),
    Column("threat_model", "str", "what the attacker sees and may change; empty for none"),
    key=("condition",),
)

FIGURES = (
    *(METRICS, CONFUSION, CLASSES, ITERATIONS, PERTURBATIONS, COMPARISONS, SUBGROUPS, VERDICTS),
    *(LOCALISATION, CONVERGENCE, SURVIVED, FAITHFUL, FAITHFUL_CURVES, REDRAWN, COUNTS, NOTES),
    CONDITIONS,
)
"""What stage summarise leaves."""
