"""A small study that was never computed: tables of the right shape and plausible content."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from ruamel.yaml import YAML

from radrobust.core.conditions import NORMALIZED, PIXEL, Condition, attacked, predicted
from radrobust.core.params import Params, load_params
from radrobust.core.tables import data, explanations, figures, predictions
from radrobust.core.tables.schema import Table
from radrobust.data.samples import load_samples
from radrobust.systems.bibliography import bibliography
from radrobust.systems.catalogue import load
from radrobust.training.objectives import OBJECTIVES

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

REPOSITORY = Path(__file__).parents[2]
CHECK_FILMS = 10
BEST_EPOCH = 8
EXPLAINED_OTHERS, FAITHFUL_FILMS = 6, 4
IMAGES = ("clean", "attacked")
REDRAWN = ("head", "last stage", "middle stage", "first stage and stem")
UNSIGNED = ("saliency", "grad_cam")
PROMISE_A_SUM = ("deeplift", "integrated_gradients")
STRENGTH = {PIXEL: 1.0, NORMALIZED: 0.25}
"""What a budget weighs in each unit: a standard deviation of CIFAR-10 is a quarter of a pixel."""

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
    _write_audit(root, table)
    test = table[table["split"] == "test"].reset_index(drop=True)
    explained = _explained(root, params, test)
    for system in systems:
        folder = root / f"results/predictions/{system}"
        fake = Fake(system, test, params, _margins(system, test, rng))
        write(_predictions(fake), predictions.PREDICTIONS, root, system)
        write(_checks(fake), predictions.CHECKED, root, system)
        write(_gradients(fake, rng), predictions.GRADIENTS, root, system)
        _write_pipeline(fake, folder / "pipeline.json")
        _write_images(fake, root / "results/films/images.npy", table, folder / "images.npz")
        _write_explanations(root, fake, explained, rng)
        _write_model(root / f"results/models/{system}", system, params)
    return params


def decide(root: Path, failed: str) -> None:
    """Have none, one or all of the checks of a summarised study fail.

    Where all do, no system is better than guessing either, and the one with the longest name comes
    first: there is no more that could be wrong, and no more to be said.
    """
    systems = load_params(root / "params.yaml").systems
    table = figures.VERDICTS.read(root)
    starts = table["check"] == "restarts"
    chosen = {"none": False, "one": starts & (table["system"] == systems[0]), "all": True}[failed]
    table["status"] = np.where(chosen, "fail", "pass")
    table.loc[starts, "value"] = np.where(table.loc[starts, "status"] == "fail", 0.1, 0.0)
    write(table, figures.VERDICTS, root)
    if failed == "all":
        table = figures.METRICS.read(root)
        guessing = table["metric"].isin(["auroc", "balanced_accuracy", "accuracy"])
        guessing &= table["system"].isin(systems)
        table.loc[guessing, ["value", "low", "high"]] = 0.52, 0.44, 0.6
        first = max(systems, key=lambda key: len(bibliography(key).title))
        table.loc[guessing & (table["system"] == first), "value"] = 0.53
        write(table, figures.METRICS, root)


def write_site_sources(root: Path) -> None:
    """Copy what turns results into a site to `root`."""
    shutil.copytree(REPOSITORY / "reports", root / "reports")
    shutil.copytree(REPOSITORY / "assets", root / "assets")
    shutil.copy(REPOSITORY / "_quarto.yml", root / "_quarto.yml")


def write(rows: pd.DataFrame, table: Table, root: Path, system: str = "") -> None:
    """Write a table of a study; columns that nobody has filled hold nothing, or zeros.

    What is written is held against the schema, so that no fake is of a shape that is not there.
    """
    nothing = {"str": "", "object": [], "bool": False}
    absent = [column for column in table.columns if column.name not in rows]
    filled = {
        column.name: [np.nan if column.optional else nothing.get(column.dtype, 0)] * len(rows)
        for column in absent
    }
    folder = (root / table.file(system)).parent
    folder.mkdir(parents=True, exist_ok=True)
    table.write(rows.assign(**filled), folder)


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
            "picture": [f"{index - (index == 9):064x}" for index in range(count)],
            "width": 454,
            "height": 373,
            "mode": "L",
            "truncated": np.arange(count) == 3,
            "file_bytes": rng.integers(20_000, 60_000, count),
            "mean_grey": images.mean(axis=(1, 2)),
            "extent": [[0, padding, size, size - padding]] * count,
            "regions": [len(found) for found in boxes],
            "boxes": boxes,
            "mask_area": masks.mean(axis=(1, 2)),
            "note": ["the file ends early" if index == 3 else "" for index in range(count)],
            "subgroup_region": rng.choice(["hand", "leg"], count),
        }
    )
    write(table.drop(columns="picture"), data.SAMPLES, root)
    write(table.drop(columns=["split", "group"]), data.FILMS, root)
    write(pd.DataFrame(columns=data.UNREADABLE.names), data.UNREADABLE, root)
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
    return data.SAMPLES.read(root)


def _write_audit(root: Path, films: pd.DataFrame) -> None:
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
    write(data.FAULTS.of_rows(faults), data.FAULTS, root)
    pairs = [(names[8], names[9], True, 1.0, False)]
    pairs += [(names[one], names[other], False, *rest) for one, other, *rest in near]
    write(data.PAIRS.of_rows(pairs), data.PAIRS, root)
    probes = [
        ("file_size", 0.71, 0.64, 0.78),
        ("image_size", 0.5, np.nan, np.nan),
        ("pixel_format", 0.5, np.nan, np.nan),
        ("mean_grey", 0.53, 0.45, 0.61),
        ("border", 0.5, np.nan, np.nan),
        ("thumbnail", 0.81, 0.75, 0.87),
    ]
    of_films = [(*probe, len(films)) for probe in probes]
    write(data.PROBES.of_rows(of_films), data.PROBES, root)


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

    def under(self, condition: Condition) -> FloatArray:
        """Margins under attack; the larger the budget, the further from the label."""
        weight = STRENGTH[condition.units] * float(condition.level) / (4 / 255)
        lost = SKILL[self.system][1] * weight
        return np.where(self.right, self.margins - self.sign * lost, self.margins)

    @property
    def attacked(self) -> FloatArray:
        """Margins under the headline attack."""
        return self.under(attacked(self.params.attack))

    @property
    def headline(self) -> BoolArray:
        """What the headline attack misclassifies, in pixels, as the checks have it in any case."""
        return self.under(attacked(self.params.attack, units=PIXEL)) * self.sign <= 0


def _margins(system: str, test: pd.DataFrame, rng: np.random.Generator) -> FloatArray:
    sign = np.where(test["label"] == 1, 1.0, -1.0)
    return sign * SKILL[system][0] / 2 + rng.normal(0, 1.0, len(test))


def _outcome(fake: Fake, condition: Condition, margins: FloatArray) -> pd.DataFrame:
    """What an attack that ends at `margins` leaves in the table, a row a test sample."""
    wrong = margins * fake.sign <= 0
    step = 1 + np.arange(len(wrong)) % fake.params.attack.steps
    linf = np.where(fake.right, float(condition.level) * STRENGTH[condition.units], 0.0)
    return pd.DataFrame(
        {
            "system": fake.system,
            "sample_id": fake.test["sample_id"],
            "label": fake.test["label"],
            "condition": condition.key,
            "clean_logit_0": -fake.margins / 2,
            "clean_logit_1": fake.margins / 2,
            "logit_0": -margins / 2,
            "logit_1": margins / 2,
            "probability": 1 / (1 + np.exp(-margins)),
            "predicted": (margins > 0).astype(np.int8),
            "misclassified": wrong,
            "iteration": np.where(~fake.right, 0, np.where(wrong, step, -1)),
            "linf": linf,
            "l2": linf * fake.params.dataset.image_size,
        }
    )


def _predictions(fake: Fake) -> pd.DataFrame:
    under = predicted(fake.params.attack)
    return pd.concat([_outcome(fake, condition, fake.under(condition)) for condition in under])


def _checks(fake: Fake) -> pd.DataFrame:
    params = fake.params
    headline = fake.headline
    every_second = np.arange(len(headline)) % 2 == 0
    restart = headline.copy()
    if fake.system == "huang2021":
        restart[np.flatnonzero(~headline)[:1]] = True
    found = {
        "more_steps": headline,
        "restart_1": restart,
        **{f"restart_{number}": headline for number in range(2, params.checks.restarts + 1)},
        "noise": ~fake.right,
        "square": ~fake.right | (headline & every_second),
        "apgd_ce": headline,
        "apgd_margin": headline,
        "fab": headline,
        "zero": ~fake.right,
        "far": np.ones_like(headline),
    }
    if fake.system == "amini2024":
        found["plain_gradient"] = ~fake.right | (headline & every_second)
    budgets = {"zero": Fraction(0), "far": params.far}
    tables = []
    for check, wrong in found.items():
        condition = attacked(params.attack, budgets.get(check), PIXEL)
        barely = np.where(wrong, -fake.sign, fake.sign) / 2
        margins = np.where(fake.right & (check != "zero"), barely, fake.margins)
        table = _outcome(fake, condition, margins).assign(check=check)
        tables.append(table if check == "far" else table.head(CHECK_FILMS))
    return pd.concat(tables, ignore_index=True)


def _gradients(fake: Fake, rng: np.random.Generator) -> pd.DataFrame:
    films = fake.test.head(CHECK_FILMS)
    return pd.DataFrame(
        {
            "system": fake.system,
            "sample_id": films["sample_id"],
            "norm": rng.gamma(4.0, 1.0, len(films)),
            "zero_share": rng.random(len(films)) / 100,
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


def _write_explanations(root: Path, fake: Fake, rows: list[int], rng: np.random.Generator) -> None:
    tables, arrays = [], {}
    changed = fake.right[rows]
    for explainer in fake.params.explain.methods:
        clean, attacked = (_maps(fake, rows, explainer, image, rng) for image in IMAGES)
        kept = clean.table.assign(image="attacked")
        tables += [clean.table, pd.concat([attacked.table[changed], kept[~changed]]).sort_index()]
        values = np.where(changed[:, None, None], attacked.values, clean.values)
        for image, found in zip(IMAGES, (clean.values, values), strict=True):
            arrays[f"{explainer}-{image}"] = found.astype(np.float16)
    asked = [row for row in rows if fake.test["label"][row] == 1][: fake.params.explain.films]
    found = {
        explanations.ATTRIBUTIONS: pd.concat(tables, ignore_index=True),
        explanations.SURVIVAL: _survival(fake, rows, rng),
        explanations.FAITHFULNESS: _faithfulness(fake, asked, rng),
        explanations.RANDOMISATION: _randomisation(fake, asked, rng),
    }
    for table, values in found.items():
        write(values, table, root, fake.system)
    names = fake.test["sample_id"].to_numpy(np.str_)[rows]
    folder = root / f"results/attributions/{fake.system}"
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
        "misclassified": fake.right[rows] & (fake.attacked * fake.sign <= 0)[rows],
        "output_difference": np.abs(margins) / 2 + 0.4,
        "delta": rng.uniform(-1e-4, 1e-4, len(rows)) if explainer in PROMISE_A_SUM else np.nan,
        "largest": largest,
    }
    # What falls on a share of the film is that share to a power: the smaller, the better.
    power = rng.uniform(0.2, 0.7, len(rows)) + (0.3 if image == "attacked" else 0)
    mask_area = films["mask_area"] * size**2 / (size * (size - 2 * films["extent"].iloc[0][1]))
    for region, area in {"mask": mask_area, "box": 1.3 * mask_area}.items():
        measures = {
            f"coverage_{percent}": (percent / 100) ** power for percent in explanations.PERCENTS
        }
        measures["pointing"] = rng.random(len(rows)) < 1 - power
        measures |= {"mass": area**power, "auprc": area**power / 2 + area / 2, "area": area}
        table |= {
            f"{region}_{name}": np.where(marked, measure, np.nan)
            for name, measure in measures.items()
        }
        power = power + 0.05
    return Maps(pd.DataFrame(table), values)


def _survival(fake: Fake, rows: list[int], rng: np.random.Generator) -> pd.DataFrame:
    changed = fake.right[rows]
    wrong = changed & (fake.attacked * fake.sign <= 0)[rows]
    tables = []
    for explainer in fake.params.explain.methods:
        kept = np.where(wrong, 0.4, 0.8) + rng.uniform(-0.15, 0.15, len(rows))
        measures = {"spearman": kept, "ssim": kept - 0.1, "overlap_10": kept - 0.2}
        table = {
            "system": fake.system,
            "sample_id": fake.test["sample_id"].to_numpy()[rows],
            "label": fake.test["label"].to_numpy()[rows],
            "explainer": explainer,
            "changed": changed,
            "misclassified": wrong,
        }
        table |= {name: np.where(changed, values, 1.0) for name, values in measures.items()}
        tables.append(pd.DataFrame(table))
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
        tables.append(pd.DataFrame(table))
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
                "depth": depth,
                "part": part,
                "spearman": spearman,
            }
            tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


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
        objective = load(system).objective
        facts |= {
            "trainable": model.trainable,
            "objective": objective,
            "epochs": params.finetune.epochs,
            "helper_epochs": params.finetune.epochs * OBJECTIVES[objective].needs_helper,
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
    if load(system).objective != "standard":
        table[f"val_attacked_{params.finetune.metric}"] = score - 0.2
    return pd.DataFrame(table | {"lr": 0.005, "seconds": 6.0, "best": epochs == BEST_EPOCH})
