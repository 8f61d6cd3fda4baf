"""From the tables of a study to every number that its pages show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from radrobust.core.params import Params
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
    share,
)
from radrobust.evaluation.results import Results, answers
from radrobust.evaluation.subgroups import by_subgroup
from radrobust.evaluation.survival import survival

REFERENCES = {"always_negative": always_negative, "always_positive": always_positive}
"""Who always gives the same answer; no attack changes it."""

SPLITS = ("train", "val", "test")
SPACES = ("pixel", "normalized")
OF_A_DECISION = ("balanced_accuracy", "sensitivity", "specificity")
"""Metrics that are given for the decision at the chosen threshold too, as `…_at_threshold`."""

OF_A_SPACE = ("accuracy", "balanced_accuracy", "auroc")

LOGGED = ("epoch", "loss", "val_auroc", "val_attacked_auroc")
"""What `dvc plots` shows of training."""

COVERED = "coverage_5"
"""What `metrics.json` tells of maps."""

Slice = tuple[str, float, pd.DataFrame]
"""A system, a budget, and a row for each test film."""

# All else follows from always giving the same answer, or from the share of films with a finding,
# which stratified resamples keep: it has no sampling error that they could show.
_UNSURE_OF_A_REFERENCE = ("accuracy", "precision")


def summarise(results: Results) -> dict[str, pd.DataFrame]:
    """Compute every number that is shown.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    dict of str to DataFrame
        Long tables. `eps` is in the unit of `attack.eps`, 0 for clean films; unless said
        otherwise films are attacked in `attack.space` and what is decided is the argmax.

        - ``metrics``: `system`, `eps`, `metric`, `value`, `low`, `high`; the systems
          `always_negative` and `always_positive` are references that call every film free of
          findings, or none. What ends in `_at_threshold` is of the decision at the threshold from
          validation, clean and at `attack.eps`. Under attack whatever needs a score or a
          probability is computed on the images that the attack returned.
        - ``comparisons``: see `compare`. ``subgroups``: see `by_subgroup`. ``checks``: see
          `check_all`.
        - ``spaces``: `system`, `space`, `grey_levels`, `metric`, `value`, `low`, `high`: what
          `attack.eps` means in each space; `grey_levels` is the largest change of a pixel in
          any film.
        - ``perturbations``: `system`, `attack`, `threat_model`, `n`, `linf_max`, `linf_median`,
          `l2_median`, at `attack.eps`, of the `n` films that were changed; in pixels of [0, 1].
        - ``confusion``: `system`, `eps`, `actual`, `predicted`, `count`.
        - ``classes``: `system`, `eps`, `label`, `precision`, `recall`, `f1`, `support`.
        - ``falls``: `system`, `eps`, `iteration`, `count`: when films fall. -1: never.
        - ``attributions``: where maps look, see `localisation`. ``convergence``: whether they add
          up. ``survival``: what the attack leaves of them. ``faithfulness`` and
          ``faithfulness_curves``: whether they name what the network goes by. ``randomisation``:
          what is left of them once it is redrawn. Each as the function of that name says.
        - ``counts``: `split`, `label`, `count`. ``notes``: `fault`, `count`.

    Raises
    ------
    InputError
        A system or a budget of `params` has no predictions, or not the test films', a check has
        not been run, or films have not been explained.
    """
    params, samples = results.params, results.samples
    slices = [
        (system, eps, results.at(system, eps))
        for system in params.systems
        for eps in results.budgets
    ]
    labels = results.test["label"].to_numpy()
    weights = resample_weights(labels, params.evaluate.bootstrap, params.seed)
    return {
        "metrics": _metrics(results, slices, weights),
        "comparisons": compare(results, weights),
        "subgroups": by_subgroup(results),
        "spaces": _spaces(results, weights),
        "checks": check_all(results),
        "perturbations": _perturbations(results),
        "confusion": pd.concat([_confusion(*part) for part in slices], ignore_index=True),
        "classes": pd.concat([_classes(*part, params) for part in slices], ignore_index=True),
        "falls": pd.concat([_falls(*part) for part in slices if part[1]], ignore_index=True),
        "attributions": localisation(results),
        "convergence": convergence(results),
        "survival": survival(results),
        "faithfulness": faithfulness(results),
        "faithfulness_curves": faithfulness_curves(results),
        "randomisation": randomisation(results),
        "counts": _counts(samples),
        "notes": _notes(samples),
    }


def _metrics(results: Results, slices: list[Slice], weights: FloatArray) -> pd.DataFrame:
    params, level = results.params, results.params.evaluate.level
    rows = [
        (system, eps, metric, *found)
        for system, eps, table in slices
        for metric, found in estimate(answers(table), weights, level).items()
    ]
    rows += [
        (system, eps, f"{metric}_at_threshold", *found)
        for system in params.systems
        for eps in (0.0, results.eps)
        for metric, found in estimate(
            results.answers(system, eps, decision="threshold"), weights, level, OF_A_DECISION
        ).items()
    ]
    labels = results.test["label"].to_numpy()
    references = {
        name: estimate(always(labels), weights, level) for name, always in REFERENCES.items()
    }
    rows += [
        (name, eps, metric, *_of_a_reference(metric, found))
        for name, reference in references.items()
        for eps in results.budgets
        for metric, found in reference.items()
    ]
    return pd.DataFrame(rows, columns=["system", "eps", "metric", "value", "low", "high"])


def _of_a_reference(metric: str, found: Estimate) -> Estimate:
    if metric in _UNSURE_OF_A_REFERENCE:
        return found
    return Estimate(found.value, math.nan, math.nan)


def _spaces(results: Results, weights: FloatArray) -> pd.DataFrame:
    rows = []
    for system in results.params.systems:
        for space in SPACES:
            table = results.at(system, results.eps, space)
            grey_levels = float(table["linf"].max()) * 255
            level = results.params.evaluate.level
            found = estimate(answers(table), weights, level, OF_A_SPACE)
            rows += [(system, space, grey_levels, metric, *found[metric]) for metric in found]
    columns = ["system", "space", "grey_levels", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _perturbations(results: Results) -> pd.DataFrame:
    rows = []
    for system in results.params.systems:
        table = results.at(system, results.eps)
        linf, l2 = (_changed(table)[norm].astype(np.float64) for norm in ("linf", "l2"))
        attack = table["attack"].iloc[0], table["threat_model"].iloc[0]
        rows.append((system, *attack, len(linf), linf.max(), linf.median(), l2.median()))
    columns = ["system", "attack", "threat_model", "n", "linf_max", "linf_median", "l2_median"]
    return pd.DataFrame(rows, columns=columns)


def _changed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the films that the attack changed; those that were wrong anyway it left alone."""
    return table[table["linf"] > 0]


def _confusion(system: str, eps: float, table: pd.DataFrame) -> pd.DataFrame:
    tp, fn, fp, tn = (round(float(count)) for count in confusion(answers(table)))
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


def _counts(samples: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (split, label, int(((samples["split"] == split) & (samples["label"] == label)).sum()))
        for split in SPLITS
        for label in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["split", "label", "count"])


def _notes(samples: pd.DataFrame) -> pd.DataFrame:
    unmarked = (samples["label"] == 1) & (samples["mask_area"].fillna(0) == 0)
    faults = {"truncated": samples["truncated"], "unmarked": unmarked}
    rows = [(fault, int(rows.sum())) for fault, rows in faults.items()]
    return pd.DataFrame(rows, columns=["fault", "count"])


def headline(summary: dict[str, pd.DataFrame], params: Params) -> dict[str, Any]:
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


def _figures(summary: dict[str, pd.DataFrame], system: str, params: Params) -> dict[str, float]:
    """Return what `metrics.json` holds of one system."""
    metrics = _rows(summary["metrics"], system=system)
    clean, attacked = (
        _values(metrics[np.isclose(metrics["eps"], eps, rtol=0, atol=1e-9)])
        for eps in (0.0, float(params.attack.eps))
    )
    method = params.explain.methods[0]
    maps = _rows(summary["attributions"], system=system, explainer=method, image="clean")
    figures = {
        "clean": clean["balanced_accuracy"],
        "attacked": attacked["balanced_accuracy"],
        "auroc": clean["auroc"],
        "covered": _values(_rows(maps, answers="all", region="mask"))[COVERED],
    }
    shares = {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}
    return shares | {"failed": len(_rows(summary["checks"], system=system, status=FAIL))}


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


def curves(metrics: pd.DataFrame) -> pd.DataFrame:
    """Arrange the systems' metrics for `dvc plots`: a row a system and budget.

    The budget, `eps_255`, is in grey levels. References are left out: no attack changes them.
    """
    systems = metrics[~metrics["system"].isin(REFERENCES)]
    wide = systems.pivot(index=["system", "eps"], columns="metric", values="value")
    wide = wide.reindex(systems["system"].unique(), level="system").reset_index()
    wide.insert(1, "eps_255", (wide.pop("eps") * 255).round(4))
    return wide[["system", "eps_255", *METRICS]].round(6)
