"""From the tables of a study to every number that its pages show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radrobust.errors import InputError
from radrobust.evaluation.attributions import summarise_attributions
from radrobust.evaluation.intervals import FloatArray, resample_weights
from radrobust.evaluation.metrics import (
    METRICS,
    Answers,
    Estimate,
    always_negative,
    confusion,
    estimate,
    f1,
    share,
)
from radrobust.params import Params, budget_text

ALWAYS_NEGATIVE = "always_negative"
SPLITS = ("train", "val", "test")
OF_A_DECISION = ("balanced_accuracy", "sensitivity", "specificity")
"""Metrics that are given for the decision at the chosen threshold too, as `…_at_threshold`."""

Slice = tuple[str, float, pd.DataFrame]
"""A system, a budget, and a row for each test film."""

# What follows from always giving the same answer, and so has no sampling error.
_BY_DEFINITION = ("sensitivity", "specificity", "balanced_accuracy", "auroc")


def summarise(
    samples: pd.DataFrame, predictions: pd.DataFrame, attributions: pd.DataFrame, params: Params
) -> dict[str, pd.DataFrame]:
    """Compute every number that is shown.

    Parameters
    ----------
    samples : DataFrame
        One row an image of the study.
    predictions : DataFrame
        One row a system, test image and budget.
    attributions : DataFrame
        One row a system, image and explainer.
    params : Params
        The study.

    Returns
    -------
    dict of str to DataFrame
        Long tables. `eps` is in pixels of [0, 1], 0 for clean films.

        - ``metrics``: `system`, `eps`, `metric`, `value`, `low`, `high`; the system
          `always_negative` is the reference that calls every film free of findings. What ends in
          `_at_threshold` is of the decision at the threshold from validation, clean and at
          `attack.eps`.
        - ``confusion``: `system`, `eps`, `actual`, `predicted`, `count`.
        - ``classes``: `system`, `eps`, `label`, `precision`, `recall`, `f1`, `support`.
        - ``falls``: `system`, `eps`, `iteration`, `count`: when films fall. -1: never.
        - ``attributions``: `system`, `explainer`, `metric`, `value`, `low`, `high`, `chance`, `n`.
        - ``counts``: `split`, `label`, `count`. ``notes``: `fault`, `count`.
        - ``remarks``: `remark`, `count`: what was noted of films while reading, word for word.

    Raises
    ------
    InputError
        A system or a budget of `params` has no predictions, or not the test films'.
    """
    argmax, threshold = (
        predictions[predictions["decision"] == decision] for decision in ("argmax", "threshold")
    )
    slices = list(_slices(samples, argmax, budgets(params), params))
    headline = [0.0, float(params.attack.eps)]
    at_threshold = list(_slices(samples, threshold, headline, params))
    labels = slices[0][2]["label"].to_numpy()
    weights = resample_weights(labels, params.evaluate.bootstrap, params.seed)
    return {
        "metrics": _metrics(slices, at_threshold, weights, params),
        "confusion": pd.concat([_confusion(*part) for part in slices], ignore_index=True),
        "classes": pd.concat([_classes(*part, params) for part in slices], ignore_index=True),
        "falls": pd.concat([_falls(*part) for part in slices if part[1]], ignore_index=True),
        "attributions": _attributions(attributions, params),
        "counts": _counts(samples),
        "notes": _notes(samples),
        "remarks": _remarks(samples),
    }


def budgets(params: Params) -> list[float]:
    """List the points of the curve, 0 for clean films first."""
    return [0.0, *(float(budget) for budget in params.attack.budgets)]


def _slices(
    samples: pd.DataFrame, predictions: pd.DataFrame, at: list[float], params: Params
) -> Iterator[Slice]:
    """Yield each system's rows at each budget, in the order of the test films."""
    films = samples.loc[samples["split"] == "test", "sample_id"].tolist()
    if not films:
        raise InputError("results/samples: no film is in the test split; raise split.test")
    for system in params.systems:
        of_system = predictions[predictions["system"] == system]
        for eps in at:
            rows = of_system[np.isclose(of_system["eps"], eps, rtol=0, atol=1e-9)]
            if sorted(rows["sample_id"]) != sorted(films):
                raise InputError(
                    f"results/predictions/{system}.parquet has {len(rows)} films at eps "
                    f"{budget_text(eps)}, not the {len(films)} of the test split; run `dvc repro`"
                )
            yield system, eps, rows.set_index("sample_id").loc[films].reset_index()


def _answers(table: pd.DataFrame) -> Answers:
    # The margin orders films as the probability does, but never rounds to a tie at 0 or 1.
    margin = table["logit_1"].to_numpy(np.float64) - table["logit_0"].to_numpy(np.float64)
    return Answers(table["label"].to_numpy(), table["predicted"].to_numpy(), margin)


def _metrics(
    slices: list[Slice], at_threshold: list[Slice], weights: FloatArray, params: Params
) -> pd.DataFrame:
    level = params.evaluate.level
    rows = [
        (system, eps, metric, *found)
        for system, eps, table in slices
        for metric, found in estimate(_answers(table), weights, level).items()
    ]
    rows += [
        (system, eps, f"{metric}_at_threshold", *found)
        for system, eps, table in at_threshold
        for metric, found in estimate(_answers(table), weights, level).items()
        if metric in OF_A_DECISION
    ]
    reference = estimate(always_negative(slices[0][2]["label"].to_numpy()), weights, level)
    rows += [
        (ALWAYS_NEGATIVE, eps, metric, *_without_error(metric, found))
        for eps in budgets(params)
        for metric, found in reference.items()
    ]
    return pd.DataFrame(rows, columns=["system", "eps", "metric", "value", "low", "high"])


def _without_error(metric: str, found: Estimate) -> Estimate:
    if metric in _BY_DEFINITION:
        return Estimate(found.value, math.nan, math.nan)
    return found


def _confusion(system: str, eps: float, table: pd.DataFrame) -> pd.DataFrame:
    tp, fn, fp, tn = (round(float(count)) for count in confusion(_answers(table)))
    return pd.DataFrame(
        {
            "system": system,
            "eps": eps,
            "actual": np.array([0, 0, 1, 1], np.int8),
            "predicted": np.array([0, 1, 0, 1], np.int8),
            "count": [tn, fp, fn, tp],
        }
    )


def _classes(system: str, eps: float, table: pd.DataFrame, params: Params) -> pd.DataFrame:
    level = params.evaluate.level
    rows = []
    for label in (0, 1):
        # Each class in turn takes the part of the finding.
        actual = (table["label"] == label).to_numpy().astype(np.int8)
        said = (table["predicted"] == label).to_numpy().astype(np.int8)
        counts = confusion(Answers(actual, said, said.astype(np.float64)))
        tp, fn, fp, _ = (round(float(count)) for count in counts)
        precision, recall = share(tp, tp + fp, level).value, share(tp, tp + fn, level).value
        rows.append((system, eps, label, precision, recall, float(f1(counts)), tp + fn))
    columns = ["system", "eps", "label", "precision", "recall", "f1", "support"]
    return pd.DataFrame(rows, columns=columns)


def _falls(system: str, eps: float, table: pd.DataFrame) -> pd.DataFrame:
    falls = table["iteration"].value_counts().sort_index()
    return pd.DataFrame(
        {"system": system, "eps": eps, "iteration": falls.index, "count": falls.to_numpy()}
    )


def _attributions(table: pd.DataFrame, params: Params) -> pd.DataFrame:
    parts = []
    for system in params.systems:
        for explainer in params.explain.methods:
            chosen = table[(table["system"] == system) & (table["explainer"] == explainer)]
            if chosen.empty:
                raise InputError(
                    f"results/attributions/{system} has no maps by {explainer}; run `dvc repro`"
                )
            part = summarise_attributions(chosen, params.evaluate, params.seed)
            part.insert(0, "system", system)
            part.insert(1, "explainer", explainer)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _counts(samples: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (split, label, int(((samples["split"] == split) & (samples["label"] == label)).sum()))
        for split in SPLITS
        for label in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["split", "label", "count"])


def _notes(samples: pd.DataFrame) -> pd.DataFrame:
    in_group = samples.groupby("group")["sample_id"].transform("size")
    splits = samples.groupby("group")["split"].transform("nunique")
    unmarked = (samples["label"] == 1) & (samples["mask_area"].fillna(0) == 0)
    faults = {
        "truncated": samples["truncated"],
        "duplicate": in_group > 1,
        "duplicate_across_splits": splits > 1,
        "unmarked": unmarked,
    }
    rows = [(fault, int(rows.sum())) for fault, rows in faults.items()]
    return pd.DataFrame(rows, columns=["fault", "count"])


def _remarks(samples: pd.DataFrame) -> pd.DataFrame:
    remarks = samples["note"].str.split("; ").explode()
    counted = remarks[remarks != ""].value_counts().rename_axis("remark").reset_index()
    return counted.sort_values(["count", "remark"], ascending=[False, True], ignore_index=True)


def nested(summary: dict[str, pd.DataFrame], params: Params) -> dict[str, Any]:
    """Arrange the summary for `metrics.json`, where `dvc metrics diff` reads it.

    Returns
    -------
    dict
        {system: {clean: {metric: value}, attacked: {…}, attributions: {explainer: {…}}}}, rounded
        to six digits, None where a value is undefined.
    """
    metrics, maps = summary["metrics"], summary["attributions"]
    at = {"clean": 0.0, "attacked": float(params.attack.eps)}
    document: dict[str, Any] = {}
    for system in [*params.systems, ALWAYS_NEGATIVE]:
        of_system = metrics[metrics["system"] == system]
        document[system] = {
            name: _plain(of_system[np.isclose(of_system["eps"], eps, rtol=0, atol=1e-9)])
            for name, eps in at.items()
        }
    for system in params.systems:
        document[system]["attributions"] = {
            str(explainer): _plain(rows)
            for explainer, rows in maps[maps["system"] == system].groupby("explainer", sort=False)
        }
    return document


def _plain(rows: pd.DataFrame) -> dict[str, float | None]:
    return {
        str(metric): None if math.isnan(value) else round(float(value), 6)
        for metric, value in zip(rows["metric"], rows["value"], strict=True)
    }


def curves(metrics: pd.DataFrame) -> pd.DataFrame:
    """Arrange the metrics for `dvc plots`: a row a system and budget, `eps_255` in grey levels."""
    wide = metrics.pivot(index=["system", "eps"], columns="metric", values="value").reset_index()
    order = metrics["system"].drop_duplicates().tolist()
    wide = wide.sort_values(
        ["system", "eps"],
        key=lambda column: column.map(order.index) if column.name == "system" else column,
        ignore_index=True,
    )
    wide.insert(1, "eps_255", (wide.pop("eps") * 255).round(4))
    return wide[["system", "eps_255", *METRICS]].round(6)
