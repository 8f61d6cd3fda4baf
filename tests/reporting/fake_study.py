"""A small study that was never computed: tables of the right shape and plausible content."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ruamel.yaml import YAML

from radrobust.params import Params, budget_text, load_params
from radrobust.systems.catalogue import SYSTEMS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

REPOSITORY = Path(__file__).parents[2]
GALLERY = 8
CHECK_FILMS = 10
STRENGTH = {"pixel": 1.0, "normalized": 0.25}
"""What a budget weighs in each space: a standard deviation of CIFAR-10 is a quarter of a pixel."""

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
    attack: dict[str, object] | None = None,
) -> Params:
    """Write params.yaml and results/ of a fake study under `root`; return its parameters.

    `model` and `attack` replace values of the sections of those names. Of the two systems that
    there are if nothing is said, huang2021 fails one check (another start breaks what stands) and
    leaves one unclear (noise: the attack breaks too little to compare with).
    """
    yaml = YAML()
    document = yaml.load((REPOSITORY / "params.yaml").read_text())
    document["dataset"]["name"] = dataset
    document["systems"] = list(systems)
    document["model"].update(model or {})
    document["attack"].update(attack or {})
    document["checks"]["films"] = CHECK_FILMS
    document["evaluate"]["bootstrap"] = 200
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w") as file:
        yaml.dump(document, file)
    params = load_params(root / "params.yaml")
    rng = np.random.default_rng(7)
    table = _write_samples(root / "results/samples", params, count, rng)
    test = table[table["split"] == "test"].reset_index(drop=True)
    for system in systems:
        folder = root / f"results/predictions/{system}"
        fake = Fake(system, test, params, _margins(system, test, rng))
        predictions = _predictions(fake)
        _write(predictions, folder / "predictions.parquet")
        _write(_checks(fake), folder / "checks.parquet")
        _write(_gradients(fake, rng), folder / "gradients.parquet")
        _write_pipeline(fake, folder / "pipeline.json")
        _write_images(fake, root / "results/samples/images.npy", table, folder / "images.npz")
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


class Fake(NamedTuple):
    """A system that was never run; `margins` of its logits on the clean test films."""

    system: str
    test: pd.DataFrame
    params: Params
    margins: FloatArray

    @property
    def sign(self) -> FloatArray:
        return np.where(self.test["label"] == 1, 1.0, -1.0)

    @property
    def right(self) -> BoolArray:
        return self.margins * self.sign > 0

    def under(self, eps: float, space: str) -> FloatArray:
        """Margins under attack; the larger the budget, the further from the label."""
        lost = SKILL[self.system][1] * STRENGTH[space] * eps / (4 / 255)
        return np.where(self.right, self.margins - self.sign * lost, self.margins)

    @property
    def headline(self) -> BoolArray:
        """What the headline attack breaks, in pixels, as the checks have it in either space."""
        return self.under(float(self.params.attack.eps), "pixel") * self.sign <= 0


def _margins(system: str, test: pd.DataFrame, rng: np.random.Generator) -> FloatArray:
    sign = np.where(test["label"] == 1, 1.0, -1.0)
    return sign * SKILL[system][0] / 2 + rng.normal(0, 1.0, len(test))


def _outcome(fake: Fake, attack: str, eps: float, space: str, margins: FloatArray) -> pd.DataFrame:
    """What an attack that ends at `margins` leaves in the table, a row a test film."""
    params = fake.params
    broken = margins * fake.sign <= 0
    step = 1 + np.arange(len(broken)) % params.attack.steps
    linf = np.where(fake.right, eps * STRENGTH[space], 0.0)
    allowed = f"white box; {params.attack.norm}, at most {budget_text(eps)} in {space} space"
    return pd.DataFrame(
        {
            "system": fake.system,
            "sample_id": fake.test["sample_id"],
            "label": fake.test["label"],
            "attack": attack,
            "threat_model": allowed if eps else "no attack",
            "eps": eps,
            "clean_logit_0": (-fake.margins / 2).astype(np.float32),
            "clean_logit_1": (fake.margins / 2).astype(np.float32),
            "logit_0": (-margins / 2).astype(np.float32),
            "logit_1": (margins / 2).astype(np.float32),
            "probability": (1 / (1 + np.exp(-margins))).astype(np.float32),
            "predicted": (margins > 0).astype(np.int8),
            "broken": broken,
            "iteration": np.where(~fake.right, 0, np.where(broken, step, -1)).astype(np.int16),
            "linf": linf.astype(np.float32),
            "l2": (linf * params.dataset.image_size).astype(np.float32),
        }
    )


def _predictions(fake: Fake) -> pd.DataFrame:
    attack = fake.params.attack
    name, headline = f"pgd-{attack.norm}", float(attack.eps)

    def rows(eps: float, space: str, decision: str) -> pd.DataFrame:
        table = _outcome(fake, name if eps else "none", eps, space, fake.under(eps, space))
        table.insert(3, "space", space)
        table.insert(4, "decision", decision)
        return table

    (other,) = STRENGTH.keys() - {attack.space}
    budgets = [0.0, *(float(budget) for budget in attack.budgets)]
    return pd.concat(
        [
            *(rows(eps, attack.space, "argmax") for eps in budgets),
            *(rows(eps, attack.space, "threshold") for eps in (0.0, headline)),
            rows(headline, other, "argmax"),
        ],
        ignore_index=True,
    )


def _checks(fake: Fake) -> pd.DataFrame:
    params = fake.params
    eps, far = float(params.attack.eps), float(params.far)
    headline = fake.headline
    every_second = np.arange(len(headline)) % 2 == 0
    restart = headline.copy()
    if fake.system == "huang2021":
        restart[np.flatnonzero(~headline)[:1]] = True
    found = {
        "more_steps": ("pgd-linf", eps, headline),
        "restart_1": ("pgd-linf", eps, restart),
        **{
            f"restart_{number}": ("pgd-linf", eps, headline)
            for number in range(2, params.checks.restarts + 1)
        },
        "noise": ("noise", eps, ~fake.right),
        "square": ("square", eps, ~fake.right | (headline & every_second)),
        "apgd_ce": ("apgd-ce", eps, headline),
        "apgd_margin": ("apgd-margin", eps, headline),
        "fab": ("fab", eps, headline),
        "zero": ("pgd-linf", 0.0, ~fake.right),
        "far": ("pgd-linf", far, np.ones_like(headline)),
    }
    if fake.system == "amini2024":
        found["plain_gradient"] = ("pgd-linf", eps, ~fake.right | (headline & every_second))
    tables = []
    for check, (attack, budget, broken) in found.items():
        barely = np.where(broken, -fake.sign, fake.sign) / 2
        margins = np.where(fake.right & (budget > 0), barely, fake.margins)
        table = _outcome(fake, attack, budget, "pixel", margins)
        table.insert(2, "check", check)
        tables.append(table if check == "far" else table.head(CHECK_FILMS))
    return pd.concat(tables, ignore_index=True)


def _gradients(fake: Fake, rng: np.random.Generator) -> pd.DataFrame:
    films = fake.test.head(CHECK_FILMS)
    return pd.DataFrame(
        {
            "system": fake.system,
            "sample_id": films["sample_id"],
            "norm": rng.gamma(4.0, 1.0, len(films)).astype(np.float32),
            "zero_share": (rng.random(len(films)) / 100).astype(np.float32),
            "constant": False,
        }
    )


def _write_pipeline(fake: Fake, path: Path) -> None:
    facts = {
        "normalisations": 1,
        "pixel_difference": 0.0,
        "repeat_difference": 4.2e-7,
        "training_mode": 0,
        "weights_changed": False,
        "frozen_changed": None if fake.params.model.trainable == "all" else False,
    }
    path.write_text(json.dumps(facts, indent=2) + "\n")


def _gallery(test: pd.DataFrame, params: Params) -> list[str]:
    present = test.loc[test["label"] == 1, "sample_id"].head(
        min(GALLERY - 2, params.explain.samples)
    )
    return [*present, *test.loc[test["label"] == 0, "sample_id"].head(2)]


def _write_images(fake: Fake, stored: Path, samples: pd.DataFrame, path: Path) -> None:
    gallery = _gallery(fake.test, fake.params)
    rows = samples["sample_id"].tolist()
    films = np.load(stored)[[rows.index(name) for name in gallery]].astype(np.float32) / 255
    space = fake.params.attack.space
    films = np.repeat(films[:, None], 1 if space == "pixel" else 3, axis=1)
    reach = float(fake.params.attack.eps) * STRENGTH[space]
    columns = np.arange(films.shape[-1])
    films += np.float32(reach) * np.where(columns % 2, 1, -1).astype(np.float32)
    np.savez_compressed(path, sample_ids=np.array(gallery, np.str_), images=films.clip(0, 1))


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
    gallery = _gallery(test, params)
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
