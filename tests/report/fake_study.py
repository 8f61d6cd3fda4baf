"""A small study that was never computed: tables of the right shape and plausible content."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from ruamel.yaml import YAML

from radrobust.core.params import Params, budget_text, load_params
from radrobust.data.samples import load_samples
from radrobust.systems.catalogue import SYSTEMS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

REPOSITORY = Path(__file__).parents[2]
CHECK_FILMS = 10
BEST_EPOCH = 8
EXPLAINED_OTHERS, FAITHFUL_FILMS = 6, 4
CHECKED, MEASURED = "results/summary/checks.parquet", "results/summary/metrics.parquet"
PERCENTS = (5, 15, 25, 50, 75, 85, 95)
IMAGES = ("clean", "attacked")
REDRAWN = ("head", "last stage", "middle stage", "first stage and stem")
UNSIGNED = ("saliency", "grad_cam")
PROMISE_A_SUM = ("deeplift", "integrated_gradients")
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
    size: int = 32,
    marked: bool = True,
) -> Params:
    """Write params.yaml and results/ of a fake study under `root`; return its parameters.

    `model` and `attack` replace values of the sections of those names, `size` is that of the films;
    of those that are not `marked` nobody has drawn where the finding is. Of the two systems that
    there are if nothing is said, huang2021 fails one check (another start breaks what stands) and
    leaves one unclear (noise: the attack breaks too little to compare with). Of the films that are
    explained some are wrong before the attack, which leaves them as they are.
    """
    yaml = YAML()
    document = yaml.load((REPOSITORY / "params.yaml").read_text())
    document["dataset"] |= {"name": dataset, "image_size": size}
    document["systems"] = list(systems)
    document["model"].update(model or {})
    document["attack"].update(attack or {})
    document["checks"]["films"] = CHECK_FILMS
    document["explain"] |= {"others": EXPLAINED_OTHERS, "films": FAITHFUL_FILMS}
    document["evaluate"]["bootstrap"] = 200
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w") as file:
        yaml.dump(document, file)
    params = load_params(root / "params.yaml")
    rng = np.random.default_rng(7)
    table = _write_samples(root, params, count, rng, marked)
    _write_audit(root / "results/audit", table)
    test = table[table["split"] == "test"].reset_index(drop=True)
    explained = _explained(root, params, test)
    for system in systems:
        folder = root / f"results/predictions/{system}"
        fake = Fake(system, test, params, _margins(system, test, rng))
        _write(_predictions(fake), folder / "predictions.parquet")
        _write(_checks(fake), folder / "checks.parquet")
        _write(_gradients(fake, rng), folder / "gradients.parquet")
        _write_pipeline(fake, folder / "pipeline.json")
        _write_images(fake, root / "results/films/images.npy", table, folder / "images.npz")
        _write_explanations(root / f"results/attributions/{system}", fake, explained, rng)
        _write_model(root / f"results/models/{system}", system, params)
    return params


def decide(root: Path, failed: str) -> None:
    """Have none, one or all of the checks of a summarised study fail.

    Where all do, no system is better than guessing either, and the one with the longest name comes
    first: there is no more that could be wrong, and no more to be said.
    """
    systems = load_params(root / "params.yaml").systems
    table = pd.read_parquet(root / CHECKED)
    starts = table["check"] == "restarts"
    chosen = {"none": False, "one": starts & (table["system"] == systems[0]), "all": True}[failed]
    table["status"] = np.where(chosen, "fail", "pass")
    table.loc[starts, "value"] = np.where(table.loc[starts, "status"] == "fail", 0.1, 0.0)
    _write(table, root / CHECKED)
    if failed == "all":
        table = pd.read_parquet(root / MEASURED)
        guessing = table["metric"].isin(["auroc", "balanced_accuracy", "accuracy"])
        guessing &= table["system"].isin(systems)
        table.loc[guessing, ["value", "low", "high"]] = 0.52, 0.44, 0.6
        first = max(systems, key=lambda key: len(SYSTEMS[key].title))
        table.loc[guessing & (table["system"] == first), "value"] = 0.53
        _write(table, root / MEASURED)


def write_site_sources(root: Path) -> None:
    """Copy what turns results into a site to `root`."""
    shutil.copytree(REPOSITORY / "reports", root / "reports")
    shutil.copytree(REPOSITORY / "assets", root / "assets")
    shutil.copy(REPOSITORY / "_quarto.yml", root / "_quarto.yml")


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)


def _write_samples(
    root: Path, params: Params, count: int, rng: np.random.Generator, marked: bool
) -> pd.DataFrame:
    folder = root / "results/films"
    folder.mkdir(parents=True, exist_ok=True)
    size = params.dataset.image_size
    labels = (np.arange(count) % 5 < 2).astype(np.int8)
    split = np.array(["train", "val", "test", "train"])[np.arange(count) // 5 % 4]
    rows, columns = np.mgrid[:size, :size]
    padding = round(size * (1 - 373 / 454) / 2)
    images = np.zeros((count, size, size), np.uint8)
    masks = np.zeros((count, size, size), bool)
    boxes: list[list[list[float]]] = []
    for index in range(count):
        x, y = rng.integers(size // 4, 3 * size // 4, size=2)
        bone = 170 * np.exp(-(((columns - x) / (size / 9)) ** 2))
        images[index] = np.clip(bone + rng.normal(30, 12, (size, size)), 0, 255)
        images[index, [*range(padding), *range(size - padding, size)]] = 0
        boxes.append([])
        if labels[index]:
            reach = size // 12
            masks[index, y - reach : y + reach, x - reach : x + reach] = True
            images[index][(np.abs(rows - y) < 2) & masks[index]] = 40
            boxes[-1] = [[float(x - reach), float(y - reach), float(x + reach), float(y + reach)]]
    if not marked:
        masks[:], boxes = False, [[] for _ in range(count)]
    np.save(folder / "images.npy", images)
    np.save(folder / "masks.npy", masks)
    table = pd.DataFrame(
        {
            "sample_id": [f"film-{index:04d}" for index in range(count)],
            "label": labels,
            "split": split,
            "group": [f"film-{index - (index == 9):04d}" for index in range(count)],
            "patient": "",
            "official": "",
            "width": np.int32(454),
            "height": np.int32(373),
            "mode": "L",
            "truncated": np.arange(count) == 3,
            "file_bytes": rng.integers(20_000, 60_000, count),
            "mean_grey": images.mean(axis=(1, 2)).astype(np.float32),
            "border": np.float32(0),
            "film": [[0, padding, size, size - padding]] * count,
            "regions": np.array([len(found) for found in boxes], np.int16),
            "boxes": boxes,
            "mask_area": masks.mean(axis=(1, 2)).astype(np.float32),
            "note": ["the file ends early" if index == 3 else "" for index in range(count)],
            "subgroup_region": rng.choice(["hand", "leg"], count),
        }
    )
    _write(table, root / "results/samples/samples.parquet")
    films = table.drop(columns=["split", "group"])
    films.insert(2, "picture", [f"{index - (index == 9):064x}" for index in range(count)])
    films.to_parquet(folder / "films.parquet", index=False)
    unreadable = pd.DataFrame({"sample_id": [], "label": [], "fault": []}, dtype=str)
    unreadable.astype({"label": np.int8}).to_parquet(folder / "unreadable.parquet", index=False)
    thumbnails = [Image.fromarray(image).resize((48, 48)) for image in images]
    np.save(folder / "thumbnails.npy", np.stack([np.asarray(small) for small in thumbnails]))
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


def _write_audit(folder: Path, films: pd.DataFrame) -> None:
    """One file ends early, one picture is there twice, three pairs are alike; one probe warns."""
    names = films["sample_id"].tolist()
    together = "kept, in one split with it"
    near = [(12, 13, 0.991, False), (15, 35, 0.987, True), (20, 21, 0.999, False)]
    faults = [
        (names[3], "truncated", "the file ends early", "kept, read as far as it goes"),
        *(
            (names[one], "same_picture", f"same picture as {names[other]}", together)
            for one, other in ((8, 9), (9, 8))
        ),
        *(
            (names[first], "mirrored" if mirrored else "near_duplicate", names[second], together)
            for one, other, _, mirrored in near
            for first, second in ((one, other), (other, one))
        ),
    ]
    columns = ["sample_id", "kind", "fault", "done"]
    _write(pd.DataFrame(faults, columns=columns), folder / "faults.parquet")
    pairs = [(names[8], names[9], True, 1.0, False)]
    pairs += [(names[one], names[other], False, *rest) for one, other, *rest in near]
    columns = ["one", "other", "picture", "correlation", "mirrored"]
    _write(pd.DataFrame(pairs, columns=columns), folder / "pairs.parquet")
    probes = [
        ("file_size", 0.71, 0.64, 0.78),
        ("image_size", 0.5, np.nan, np.nan),
        ("pixel_format", 0.5, np.nan, np.nan),
        ("mean_grey", 0.53, 0.45, 0.61),
        ("border", 0.5, np.nan, np.nan),
        ("thumbnail", 0.81, 0.75, 0.87),
    ]
    table = pd.DataFrame(probes, columns=["probe", "auroc", "low", "high"])
    _write(table.assign(films=len(films)), folder / "probes.parquet")


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
    def attacked(self) -> FloatArray:
        """Margins under the headline attack."""
        return self.under(float(self.params.attack.eps), self.params.attack.space)

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
        "precision": _precision(fake.system),
    }
    path.write_text(json.dumps(facts, indent=2) + "\n")


def _precision(system: str) -> dict[str, str | float]:
    """Return what was measured: bfloat16 is the faster on the larger networks alone."""
    if system in ("peng2023", "amini2024"):
        return {"name": "bfloat16", "float32_seconds": 0.31, "bfloat16_seconds": 0.17}
    return {"name": "float32", "float32_seconds": 0.052, "bfloat16_seconds": 0.098}


def _write_images(fake: Fake, stored: Path, samples: pd.DataFrame, path: Path) -> None:
    names = fake.test["sample_id"]
    rows = samples["sample_id"].tolist()
    films = np.load(stored)[[rows.index(name) for name in names]].astype(np.float32) / 255
    space = fake.params.attack.space
    films = np.repeat(films[:, None], 1 if space == "pixel" else 3, axis=1)
    reach = float(fake.params.attack.eps) * STRENGTH[space]
    columns = np.arange(films.shape[-1])
    changes = np.float32(reach) * np.where(columns % 2, 1, -1).astype(np.float32)
    films[fake.right] = (films[fake.right] + changes).clip(0, 1)
    np.savez_compressed(path, sample_ids=names.to_numpy(np.str_), images=films)


def _explained(root: Path, params: Params, test: pd.DataFrame) -> list[int]:
    """Return the rows among the test films of those that are explained: with the finding first."""
    order = load_samples(root).shuffled("test", params.seed, "explain")
    present, absent = (order.loc[order["label"] == label, "sample_id"] for label in (1, 0))
    names = test["sample_id"].tolist()
    return [names.index(name) for name in [*present, *absent.head(params.explain.others)]]


class Maps(NamedTuple):
    """Maps of one explainer of one image of each of N films, and what is said of them."""

    table: pd.DataFrame
    values: FloatArray


def _write_explanations(
    folder: Path, fake: Fake, rows: list[int], rng: np.random.Generator
) -> None:
    tables, arrays = [], {}
    changed = fake.right[rows]
    for explainer in fake.params.explain.methods:
        clean, attacked = (_maps(fake, rows, explainer, image, rng) for image in IMAGES)
        kept = clean.table.assign(image="attacked")
        tables += [clean.table, pd.concat([attacked.table[changed], kept[~changed]]).sort_index()]
        values = np.where(changed[:, None, None], attacked.values, clean.values)
        for image, found in zip(IMAGES, (clean.values, values), strict=True):
            arrays[f"{explainer}-{image}"] = found.astype(np.float16)
    _write(pd.concat(tables, ignore_index=True), folder / "attributions.parquet")
    _write(_survival(fake, rows, rng), folder / "survival.parquet")
    asked = [row for row in rows if fake.test["label"][row] == 1][: fake.params.explain.films]
    _write(_faithfulness(fake, asked, rng), folder / "faithfulness.parquet")
    _write(_randomisation(fake, asked, rng), folder / "randomisation.parquet")
    names = fake.test["sample_id"].to_numpy(np.str_)[rows]
    np.savez_compressed(folder / "maps.npz", sample_ids=names, **arrays)


def _maps(
    fake: Fake, rows: list[int], explainer: str, image: str, rng: np.random.Generator
) -> Maps:
    """Draw maps that look at the finding, less so under attack; the last film's Grad-CAM is 0."""
    films, size = fake.test.iloc[rows], fake.params.dataset.image_size
    margins = (fake.attacked if image == "attacked" else fake.margins)[rows]
    marked = films["mask_area"].to_numpy() > 0
    values = rng.normal(0, 1, (len(rows), size, size)).cumsum(axis=1).cumsum(axis=2)
    values /= np.abs(values).max(axis=(1, 2), keepdims=True)
    largest = rng.uniform(0.01, 0.1, len(rows))
    if explainer in UNSIGNED:
        values = np.abs(values)
    if explainer == "grad_cam":
        values[-1] = largest[-1] = 0
    table = {
        "system": fake.system,
        "sample_id": films["sample_id"].to_numpy(),
        "label": films["label"].to_numpy(),
        "image": image,
        "explainer": explainer,
        "target": (margins > 0).astype(np.int8),
        "predicted": (margins > 0).astype(np.int8),
        "probability": 1 / (1 + np.exp(-margins)),
        "right": margins * fake.sign[rows] > 0,
        "changed": fake.right[rows],
        "broken": fake.right[rows] & (fake.attacked * fake.sign <= 0)[rows],
        "output_difference": np.abs(margins) / 2 + 0.4,
        "delta": rng.uniform(-1e-4, 1e-4, len(rows)) if explainer in PROMISE_A_SUM else np.nan,
        "largest": largest,
    }
    # What falls on a share of the film is that share to a power: the smaller, the better.
    power = rng.uniform(0.2, 0.7, len(rows)) + (0.3 if image == "attacked" else 0)
    mask_area = films["mask_area"] * size**2 / (size * (size - 2 * films["film"].iloc[0][1]))
    for region, area in {"mask": mask_area, "box": 1.3 * mask_area}.items():
        measures = {f"coverage_{percent}": (percent / 100) ** power for percent in PERCENTS}
        measures["pointing"] = rng.random(len(rows)) < 1 - power
        measures |= {"mass": area**power, "auprc": area**power / 2 + area / 2, "area": area}
        table |= {
            f"{region}_{name}": np.where(marked, measure, np.nan)
            for name, measure in measures.items()
        }
        power = power + 0.05
    return Maps(_single(pd.DataFrame(table)), values)


def _survival(fake: Fake, rows: list[int], rng: np.random.Generator) -> pd.DataFrame:
    changed = fake.right[rows]
    broken = changed & (fake.attacked * fake.sign <= 0)[rows]
    tables = []
    for explainer in fake.params.explain.methods:
        kept = np.where(broken, 0.4, 0.8) + rng.uniform(-0.15, 0.15, len(rows))
        measures = {"spearman": kept, "ssim": kept - 0.1, "overlap_10": kept - 0.2}
        table = {
            "system": fake.system,
            "sample_id": fake.test["sample_id"].to_numpy()[rows],
            "label": fake.test["label"].to_numpy()[rows],
            "explainer": explainer,
            "changed": changed,
            "broken": broken,
        }
        table |= {name: np.where(changed, values, 1.0) for name, values in measures.items()}
        tables.append(_single(pd.DataFrame(table)))
    return pd.concat(tables, ignore_index=True)


def _faithfulness(fake: Fake, rows: list[int], rng: np.random.Generator) -> pd.DataFrame:
    tables, share = [], np.linspace(0, 1, 17)
    certain = (1 / (1 + np.exp(-np.abs(fake.margins[rows]))))[:, None]
    for explainer in [*fake.params.explain.methods, "random"]:
        better = explainer != "random"
        power = rng.uniform(0.2, 0.6, (len(rows), 1)) if better else np.ones((len(rows), 1))
        curves = {  # from what is said of the film to what is said of the baseline, and back
            "deletion": certain + (0.3 - certain) * share**power,
            "insertion": 0.3 + (certain - 0.3) * share**power,
        }
        table = {
            "system": fake.system,
            "sample_id": fake.test["sample_id"].to_numpy()[rows],
            "explainer": explainer,
            **{name: np.trapezoid(curve, share, axis=1) for name, curve in curves.items()},
            **{f"{name}_curve": list(curve.astype("f4")) for name, curve in curves.items()},
            "infidelity": rng.uniform(0.01, 0.1, len(rows)) if better else np.nan,
            "max_sensitivity": rng.uniform(0.2, 0.9, len(rows)) if better else np.nan,
        }
        tables.append(_single(pd.DataFrame(table)))
    return pd.concat(tables, ignore_index=True)


def _randomisation(fake: Fake, rows: list[int], rng: np.random.Generator) -> pd.DataFrame:
    """Correlations that fall to nothing; the first film's map by occlusion ends up constant."""
    tables = []
    for explainer in fake.params.explain.methods:
        for depth, part in enumerate(REDRAWN):
            spearman = 0.6 / 2**depth + rng.uniform(-0.05, 0.05, len(rows))
            if explainer == "occlusion" and depth == len(REDRAWN) - 1:
                spearman[0] = np.nan
            table = {
                "system": fake.system,
                "sample_id": fake.test["sample_id"].to_numpy()[rows],
                "explainer": explainer,
                "depth": np.int16(depth),
                "part": part,
                "spearman": spearman,
            }
            tables.append(_single(pd.DataFrame(table)))
    return pd.concat(tables, ignore_index=True)


def _single(table: pd.DataFrame) -> pd.DataFrame:
    """Make every number with a fraction float32."""
    return table.astype(dict.fromkeys(table.select_dtypes("float64"), np.float32))


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
        "val_sensitivity": 0.8,
        "val_specificity": 0.75,
    }
    if not model.evaluation_alone:
        facts |= {
            "trainable": model.trainable,
            "objective": SYSTEMS[system].objective,
            "epochs": params.finetune.epochs,
            "best_epoch": BEST_EPOCH,
            "seconds": 61.5,
            "images_per_second": 117.2,
            "precision": _precision(system),
        }
        _training_curve(system, params).to_csv(folder / "training.csv", index=False)
    (folder / "training.json").write_text(json.dumps(facts))


def _training_curve(system: str, params: Params) -> pd.DataFrame:
    """A loss that falls, and a validation metric that is highest at `BEST_EPOCH`."""
    epochs = np.arange(1, params.finetune.epochs + 1)
    score = 0.9 - 0.03 * np.abs(epochs - BEST_EPOCH)
    table = {"epoch": epochs, "loss": 0.7 / epochs, f"val_{params.finetune.metric}": score}
    if SYSTEMS[system].objective != "standard":
        table[f"val_attacked_{params.finetune.metric}"] = score - 0.2
    return pd.DataFrame(table | {"lr": 0.005, "seconds": 6.0, "best": epochs == BEST_EPOCH})
