"""From the tables of a study to every number that its pages show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radrobust.core.conditions import CLEAN, as_table, attacked, curve
from radrobust.core.params import Params
from radrobust.core.tables import figures
from radrobust.core.tables.schema import Table
from radrobust.evaluation.attributions import convergence, localisation
from radrobust.evaluation.checks import FAIL, check_all
from radrobust.evaluation.comparisons import compare
from radrobust.evaluation.faithfulness import faithfulness, faithfulness_curves, randomisation
from radrobust.evaluation.intervals import FloatArray, resample_weights
from radrobust.evaluation.metrics import (
    METRICS,
    Answers,
    Estimate,
    always_negative,
    always_positive,
    confusion,
    estimate,
    f1,
)
from radrobust.evaluation.results import Results, answers
from radrobust.evaluation.subgroups import by_subgroup
from radrobust.evaluation.survival import survival

REFERENCES = {"always_negative": always_negative, "always_positive": always_positive}
"""Who always gives the same answer; no attack changes it."""

SPLITS = ("train", "val", "test")
LOGGED = ("epoch", "loss", "val_auroc", "val_attacked_auroc")
"""What `dvc plots` shows of training."""

COVERED = "coverage_5"
"""What `metrics.json` tells of maps."""

Row = tuple[object, ...]


class Slice(NamedTuple):
    """What one system says under one condition, a row a test sample."""

    system: str
    condition: str
    table: pd.DataFrame


# All else follows from always giving the same answer, or from the share of films with a finding,
# which stratified resamples keep: it has no sampling error that they could show.
_UNSURE_OF_A_REFERENCE = ("accuracy", "precision")


def summarise(results: Results) -> dict[Table, pd.DataFrame]:
    """Compute every number that is shown.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    dict of Table to DataFrame
        `figures.FIGURES`. Whatever is under a condition is under each of them. Under attack what
        needs a score or a probability is computed on the images that the attack returned.

    Raises
    ------
    InputError
        A system or a condition of `params` has no predictions, or not the test samples', a check
        has not been run, or samples have not been explained.
    """
    slices = [
        Slice(system, condition.key, results.at(system, condition))
        for condition in results.conditions
        for system in results.params.systems
    ]
    labels = results.test["label"].to_numpy()
    weights = resample_weights(labels, results.params.evaluate.bootstrap, results.params.seed)
    of_rows = {
        figures.METRICS: _metrics(results, slices, weights),
        figures.CONFUSION: chain.from_iterable(map(_confusion, slices)),
        figures.CLASSES: chain.from_iterable(map(_classes, slices)),
        figures.ITERATIONS: chain.from_iterable(map(_iterations, slices)),
        figures.PERTURBATIONS: map(_perturbation, filter(_is_changed, slices)),
        figures.COUNTS: _counts(results.samples),
        figures.NOTES: _notes(results.samples),
    }
    return {table: table.of_rows(rows) for table, rows in of_rows.items()} | {
        figures.CONDITIONS: as_table(results.params.attack),
        figures.COMPARISONS: compare(results, weights),
        figures.SUBGROUPS: by_subgroup(results),
        figures.VERDICTS: check_all(results),
        figures.LOCALISATION: localisation(results),
        figures.CONVERGENCE: convergence(results),
        figures.SURVIVED: survival(results),
        figures.FAITHFUL: faithfulness(results),
        figures.FAITHFUL_CURVES: faithfulness_curves(results),
        figures.REDRAWN: randomisation(results),
    }


def _metrics(results: Results, slices: list[Slice], weights: FloatArray) -> Iterator[Row]:
    level = results.params.evaluate.level
    for one in slices:
        for metric, found in estimate(answers(one.table), weights, level).items():
            yield one.system, one.condition, metric, *found
    labels = results.test["label"].to_numpy()
    for name, always in REFERENCES.items():
        reference = estimate(always(labels), weights, level)
        for condition in results.conditions:
            for metric, found in reference.items():
                yield name, condition.key, metric, *_of_a_reference(metric, found)


def _of_a_reference(metric: str, found: Estimate) -> Estimate:
    if metric in _UNSURE_OF_A_REFERENCE:
        return found
    return Estimate(found.value, math.nan, math.nan)


def _is_changed(one: Slice) -> bool:
    """Tell whether a condition changes any image."""
    return bool((one.table["linf"] > 0).any())


def _perturbation(one: Slice) -> Row:
    """Tell how far images were changed; those that were misclassified anyway were left alone."""
    changed = one.table[one.table["linf"] > 0]
    linf, l2 = (changed[norm].astype(np.float64) for norm in ("linf", "l2"))
    return one.system, one.condition, len(linf), linf.max(), linf.median(), l2.median()


def _confusion(one: Slice) -> Iterator[Row]:
    tp, fn, fp, tn = (round(float(count)) for count in confusion(answers(one.table)))
    for (actual, predicted), count in {(0, 0): tn, (0, 1): fp, (1, 0): fn, (1, 1): tp}.items():
        yield one.system, one.condition, actual, predicted, count


def _classes(one: Slice) -> Iterator[Row]:
    for label in (0, 1):
        # Each class in turn takes the part of the finding.
        actual = (one.table["label"] == label).to_numpy().astype(np.int8)
        said = (one.table["predicted"] == label).to_numpy().astype(np.int8)
        counts = confusion(Answers(actual, said, said.astype(np.float64)))
        tp, fn, fp, _ = (round(float(count)) for count in counts)
        precision, recall = (tp / n if n else math.nan for n in (tp + fp, tp + fn))
        yield one.system, one.condition, label, precision, recall, float(f1(counts)), tp + fn


def _iterations(one: Slice) -> Iterator[Row]:
    counts = one.table["iteration"].value_counts().sort_index()
    for iteration, count in counts.items():
        yield one.system, one.condition, iteration, count


def _counts(samples: pd.DataFrame) -> Iterator[Row]:
    for split in SPLITS:
        for label in (0, 1):
            rows = (samples["split"] == split) & (samples["label"] == label)
            yield split, label, int(rows.sum())


def _notes(samples: pd.DataFrame) -> Iterator[Row]:
    unmarked = (samples["label"] == 1) & (samples["mask_area"].fillna(0) == 0)
    yield "truncated", int(samples["truncated"].sum())
    yield "unmarked", int(unmarked.sum())


def headline(summary: Mapping[Table, pd.DataFrame], params: Params) -> dict[str, Any]:
    """Choose what `metrics.json` holds: the few figures that experiments are compared by.

    They are a row in `dvc exp show` and lines in `dvc metrics diff`; keys are short for that, and
    the study's own come first. Every other figure is in the tables.

    Returns
    -------
    dict
        Of the study: `best`, the key of the system whose balanced accuracy under attack is the
        highest, its `clean` and its `attacked`, and `failed` of all systems together. By the key of
        each system: `clean` and `attacked`, its balanced accuracy on clean films and on films
        attacked at `attack.eps`; `auroc`, on clean films; `covered`, how much of the outlined
        finding lies among the strongest 5 % of a clean film by the first of the study's methods;
        `failed`, how many checks it fails. Shares in [0, 1], rounded to four digits; what is
        undefined is left out.
    """
    systems = {system: _figures(summary, system, params) for system in params.systems}
    best = max(systems, key=lambda system: systems[system].get("attacked", -math.inf))
    study: dict[str, Any] = {"best": best}
    study |= {name: systems[best][name] for name in ("clean", "attacked") if name in systems[best]}
    study["failed"] = sum(figures["failed"] for figures in systems.values())
    return study | systems


def _figures(
    summary: Mapping[Table, pd.DataFrame], system: str, params: Params
) -> dict[str, float]:
    """Return what `metrics.json` holds of one system."""
    metrics = _rows(summary[figures.METRICS], system=system)
    clean, under = (
        _values(_rows(metrics, condition=condition.key))
        for condition in (CLEAN, attacked(params.attack))
    )
    method = params.explain.methods[0]
    maps = _rows(summary[figures.LOCALISATION], system=system, explainer=method, image="clean")
    found = {
        "clean": clean["balanced_accuracy"],
        "attacked": under["balanced_accuracy"],
        "auroc": clean["auroc"],
        "covered": _values(_rows(maps, answers="all", region="mask"))[COVERED],
    }
    shares = {name: round(value, 4) for name, value in found.items() if not math.isnan(value)}
    return shares | {"failed": len(_rows(summary[figures.VERDICTS], system=system, status=FAIL))}


def _rows(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    """Return the rows in which each of the named columns has its value."""
    return table[np.logical_and.reduce([table[name] == value for name, value in values.items()])]


def _values(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["metric"], table["value"].astype(float), strict=True))


def epochs(logged: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Arrange what training logged for `dvc plots`: a row a system and epoch.

    Parameters
    ----------
    logged : dict of str to DataFrame
        By system, no rows where nothing was trained. Of its columns `LOGGED` are kept.
    """
    parts = [table.reindex(columns=LOGGED).assign(system=key) for key, table in logged.items()]
    return pd.concat(parts, ignore_index=True)[["system", *LOGGED]].round(6)


def curves(metrics: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Arrange the systems' metrics for `dvc plots`: a row a system and budget of the curve.

    The budget, `eps_255`, is in grey levels. References are left out: no attack changes them.
    """
    levels = {one.key: round(float(one.level) * 255, 4) for one in curve(params.attack)}
    rows = metrics["system"].isin(params.systems) & metrics["condition"].isin(levels)
    table = metrics[rows].assign(eps_255=metrics["condition"].map(levels))
    wide = table.pivot(index=["system", "eps_255"], columns="metric", values="value")
    wide = wide.reindex(params.systems, level="system").reset_index()
    return wide[["system", "eps_255", *METRICS]].round(6)
