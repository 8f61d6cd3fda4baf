"""A small study that was never computed: tables of the right shape and plausible content."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from radrobust.params import Params, load_params
from radrobust.systems.catalogue import SYSTEMS

REPOSITORY = Path(__file__).parents[2]
GALLERY = 8
SKILL = {  # separation clean, lost per 4/255
    "standard": (4.0, 9.0),
    "zhang2020": (2.4, 1.3),
    "huang2021": (1.7, 0.6),
    "rebuffi2021": (2.8, 1.1),
    "rade2022": (2.6, 1.2),
    "peng2023": (3.0, 1.6),
    "chen2024": (0.2, 0.1),
    "amini2024": (3.2, 0.9),
}
ROBUSTBENCH = {"scale": "paper", "weights": "robustbench", "head": "mlp", "trainable": "head"}


def write_study(
    root: Path,
    dataset: str = "phantom",
    systems: tuple[str, ...] = ("standard", "huang2021"),
    count: int = 240,
    model: dict[str, str] | None = None,
) -> Params:
    """Write params.yaml and results/ of a fake study under `root`; return its parameters.

    `model` replaces values of the section of that name.
    """
    yaml = YAML()
    document = yaml.load((REPOSITORY / "params.yaml").read_text())
    document["dataset"]["name"] = dataset
    document["systems"] = list(systems)
    document["model"].update(model or {})
    document["evaluate"]["bootstrap"] = 200
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w") as file:
        yaml.dump(document, file)
    params = load_params(root / "params.yaml")
    rng = np.random.default_rng(7)
    table = _write_samples(root / "results/samples", params, count, rng)
    test = table[table["split"] == "test"].reset_index(drop=True)
    for system in systems:
        predictions = _predictions(system, test, params, rng)
        _write(predictions, root / f"results/predictions/{system}.parquet")
        _write_attributions(
            root / f"results/attributions/{system}", system, test, predictions, params, rng
        )
        _write_model(root / f"results/models/{system}", system, params)
    return params


def write_site_sources(root: Path) -> None:
    """Copy what turns results into a site to `root`."""
    shutil.copytree(REPOSITORY / "reports", root / "reports")
    shutil.copytree(REPOSITORY / "assets", root / "assets")
    shutil.copy(REPOSITORY / "_quarto.yml", root / "_quarto.yml")


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)


def _write_samples(
    folder: Path, params: Params, count: int, rng: np.random.Generator
) -> pd.DataFrame:
    folder.mkdir(parents=True, exist_ok=True)
    size = params.dataset.image_size
    labels = (np.arange(count) % 5 < 2).astype(np.int8)
    split = np.array(["train", "val", "test", "train"])[np.arange(count) // 5 % 4]
    rows, columns = np.mgrid[:size, :size]
    images = np.zeros((count, size, size), np.uint8)
    masks = np.zeros((count, size, size), bool)
    boxes: list[list[list[float]]] = []
    for index in range(count):
        x, y = rng.integers(size // 4, 3 * size // 4, size=2)
        bone = 170 * np.exp(-(((columns - x) / (size / 9)) ** 2))
        images[index] = np.clip(bone + rng.normal(30, 12, (size, size)), 0, 255)
        boxes.append([])
        if labels[index]:
            reach = size // 12
            masks[index, y - reach : y + reach, x - reach : x + reach] = True
            images[index][(np.abs(rows - y) < 2) & masks[index]] = 40
            boxes[-1] = [[float(x - reach), float(y - reach), float(x + reach), float(y + reach)]]
    np.save(folder / "images.npy", images)
    np.save(folder / "masks.npy", masks)
    table = pd.DataFrame(
        {
            "sample_id": [f"film-{index:04d}" for index in range(count)],
            "label": labels,
            "split": split,
            "group": [f"{index - (index == 9):064x}" for index in range(count)],
            "width": np.int32(454),
            "height": np.int32(373),
            "mode": "L",
            "truncated": np.arange(count) == 3,
            "regions": np.array([len(found) for found in boxes], np.int16),
            "boxes": boxes,
            "mask_area": masks.mean(axis=(1, 2)).astype(np.float32),
            "note": ["the file ends early" if index == 3 else "" for index in range(count)],
            "subgroup_region": rng.choice(["hand", "leg"], count),
        }
    )
    table.to_parquet(folder / "samples.parquet", index=False)
    facts = {
        "name": params.dataset.name,
        "title": params.dataset.name.capitalize(),
        "classes": ["no fracture", "fracture"],
        "finding": "fracture",
        "licence": "CC BY 4.0",
        "source": "https://example.org/dataset",
        "citation": "Nobody et al. 2026, <Journal> & Co.",
    }
    (folder / "dataset.json").write_text(json.dumps(facts))
    return table


def _predictions(
    system: str, test: pd.DataFrame, params: Params, rng: np.random.Generator
) -> pd.DataFrame:
    separation, lost = SKILL[system]
    sign = np.where(test["label"] == 1, 1.0, -1.0)
    margin = sign * separation / 2 + rng.normal(0, 1.0, len(test))
    broken = np.zeros(len(test), bool)
    iteration = np.full(len(test), -1)
    tables = []
    for eps in [0.0, *(float(budget) for budget in params.attack.budgets)]:
        moved = margin - sign * lost * eps / (4 / 255)
        now = (moved > 0) != (test["label"] == 1)
        new = now & ~broken
        if eps:
            steps = rng.integers(0, params.attack.steps + 1, len(test))
        else:
            steps = np.zeros(len(test), int)
        iteration[new] = steps[new]
        broken |= now
        tables.append(
            pd.DataFrame(
                {
                    "system": system,
                    "sample_id": test["sample_id"],
                    "label": test["label"],
                    "decision": "argmax",
                    "attack": "pgd-linf" if eps else "none",
                    "eps": eps,
                    "logit_0": (-moved / 2).astype(np.float32),
                    "logit_1": (moved / 2).astype(np.float32),
                    "probability": (1 / (1 + np.exp(-moved))).astype(np.float32),
                    "predicted": (moved > 0).astype(np.int8),
                    "broken": broken.copy(),
                    "iteration": iteration.astype(np.int16),
                    "linf": np.float32(eps),
                }
            )
        )
    at_threshold = [
        table.assign(decision="threshold")
        for table in tables
        if table["eps"].iloc[0] in (0.0, float(params.attack.eps))
    ]
    return pd.concat([*tables, *at_threshold], ignore_index=True)


def _write_attributions(
    folder: Path,
    system: str,
    test: pd.DataFrame,
    predictions: pd.DataFrame,
    params: Params,
    rng: np.random.Generator,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    present = test[test["label"] == 1].head(params.explain.samples)
    absent = test[test["label"] == 0].head(2)
    chosen = pd.concat([present, absent])
    gallery = [*present["sample_id"].head(GALLERY - 2), *absent["sample_id"]]
    clean = predictions[(predictions["eps"] == 0) & (predictions["decision"] == "argmax")]
    clean = clean.set_index("sample_id").loc[chosen["sample_id"]]
    marked = (chosen["label"] == 1).to_numpy()
    size = params.dataset.image_size
    tables, maps = [], {}
    for explainer in params.explain.methods:
        coverage = {
            f"coverage_{percent}": np.where(
                marked, rng.beta(4 * percent / 50, 4 * (1 - percent / 100), len(chosen)), np.nan
            ).astype(np.float32)
            for percent in (5, 25, 50)
        }
        delta = rng.normal(0, 1e-4, len(chosen)) if explainer == "deeplift" else np.nan
        tables.append(
            pd.DataFrame(
                {
                    "system": system,
                    "sample_id": chosen["sample_id"].to_numpy(),
                    "label": chosen["label"].to_numpy(),
                    "explainer": explainer,
                    "target": clean["predicted"].to_numpy(),
                    "predicted": clean["predicted"].to_numpy(),
                    "probability": clean["probability"].to_numpy(),
                    "output_difference": np.float32(0.4),
                    "delta": delta,
                    **coverage,
                    "pointing": [bool(rng.random() < 0.3) if here else None for here in marked],
                    "mask_area": np.where(marked, chosen["mask_area"], np.nan),
                    "gallery": chosen["sample_id"].isin(gallery).to_numpy(),
                }
            )
        )
        shape = len(gallery), size, size
        values = rng.normal(0, 1, shape).cumsum(axis=1).cumsum(axis=2)
        maps[explainer] = (np.abs(values) if explainer == "saliency" else values).astype("f2")
    _write(pd.concat(tables, ignore_index=True), folder / "attributions.parquet")
    np.savez_compressed(folder / "maps.npz", sample_ids=np.array(gallery, dtype=np.str_), **maps)


def _write_model(folder: Path, system: str, params: Params) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model = params.model
    facts = {
        "system": system,
        "scale": model.scale,
        "head": model.head,
        "weights": model.weights,
        "parameters": 77402,
        "threshold": 0.1,
    }
    if not model.evaluation_alone:
        facts |= {
            "trainable": model.trainable,
            "objective": SYSTEMS[system].objective,
            "epochs": params.finetune.epochs,
            "best_epoch": 8,
            "seconds": 61.5,
            "images_per_second": 117.2,
        }
    (folder / "training.json").write_text(json.dumps(facts))
    pd.DataFrame(
        {"epoch": [1, 2], "loss": [0.7, 0.5], "val_auroc": [0.6, 0.8], "seconds": [6.0, 6.0]}
    ).to_csv(folder / "training.csv", index=False)
