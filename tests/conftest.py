"""A miniature FracAtlas that is drawn here, and a part of the real one where it lies nearby."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from radrobust.core.params import Params, load_params
from radrobust.data.datasets import fracatlas

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "FracAtlas"

settings.register_profile("untimed", deadline=None)  # no test asserts a timing, this one neither
settings.load_profile("untimed")


@dataclass(frozen=True)
class Chosen:
    """Real films with something to them."""

    shown_twice = (
        ("IMG0000000", "IMG0002292"),
        ("IMG0001763", "IMG0002615"),
        ("IMG0002745", "IMG0004116"),  # the same pixels in files that differ
    )
    labelled_both_ways = ("IMG0002886", "IMG0004243", "IMG0003034", "IMG0004314", "IMG0004341")
    halved = "IMG0000019"
    turned = ("IMG0002588", "IMG0002628")
    truncated = ("IMG0004028", "IMG0004029", "IMG0004036")
    mislabelled = "IMG0003298"

    @property
    def all(self) -> set[str]:
        groups = (*self.shown_twice, self.labelled_both_ways, self.turned, self.truncated)
        return {name for group in groups for name in group} | {self.halved, self.mislabelled}


def write_tables(folder: Path, rows: Iterable[dict[str, Any]], coco: dict[str, Any]) -> None:
    with (folder / fracatlas.TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, fracatlas.COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    (folder / fracatlas.OUTLINES).parent.mkdir(parents=True, exist_ok=True)
    (folder / fracatlas.OUTLINES).write_text(json.dumps(coco))


def square_outline(image_id: int, x: float, y: float, side: float) -> dict[str, Any]:
    polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
    return {"image_id": image_id, "segmentation": [polygon], "bbox": [x, y, side, side]}


def draw_films(
    folder: Path, absent: int = 14, present: int = 14, size: tuple[int, int] = (40, 48)
) -> Path:
    """A FracAtlas of noise, a bright square of 10 pixels at (12, 8) on each fractured film."""
    rng = np.random.default_rng(0)
    rows, images, annotations = [], [], []
    for number in range(absent + present):
        label = int(number >= absent)
        name = f"IMG{number:07d}.jpg"
        picture = rng.integers(0, 60, (size[1], size[0]), dtype=np.uint8)
        if label:
            picture[8:18, 12:22] = 255
            images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
            annotations.append(square_outline(number, 12, 8, 10))
        path = folder / fracatlas.FOLDERS[label] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=95)
        rows.append(dict.fromkeys(fracatlas.COLUMNS, 0) | {"image_id": name, "hand": 1})
        rows[-1]["fractured"] = label
    write_tables(folder, rows, {"images": images, "annotations": annotations})
    return folder


@pytest.fixture(name="draw_films")
def draw_films_fixture() -> Callable[..., Path]:
    return draw_films


def draw_tb(folder: Path, absent: int = 14, present: int = 14) -> Path:
    """Chest radiographs of noise, in the layout of TB_Chest_Radiography_Database."""
    rng = np.random.default_rng(1)
    for name, count, shade in (("Normal", absent, 90), ("Tuberculosis", present, 140)):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            picture = rng.integers(shade - 60, shade + 60, (64, 64), dtype=np.uint8)
            Image.fromarray(picture).save(folder / name / f"{name}-{number}.png")
    return folder


@pytest.fixture(name="draw_tb")
def draw_tb_fixture() -> Callable[..., Path]:
    return draw_tb


@pytest.fixture(name="square_outline")
def square_outline_fixture() -> Callable[..., dict[str, Any]]:
    return square_outline


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return draw_films(tmp_path / "FracAtlas")


def import_module(path: Path) -> ModuleType:
    """Import a file of the tests; `tests` is no package that could be imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fake_study() -> ModuleType:
    """What writes fake studies."""
    return import_module(Path(__file__).with_name("report") / "fake_study.py")


@pytest.fixture(scope="session")
def zoo() -> ModuleType:
    """What builds RobustBench's own models and writes their checkpoints."""
    return import_module(Path(__file__).with_name("systems") / "robustbench_zoo.py")


@pytest.fixture(scope="session")
def chosen() -> Chosen:
    return Chosen()


@pytest.fixture(scope="session")
def real() -> Path:
    """The real FracAtlas."""
    if not REAL.is_dir():
        pytest.skip("no FracAtlas at ../shared/FracAtlas beside the repository")
    return REAL


@pytest.fixture(scope="session")
def real_part(real: Path, chosen: Chosen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About sixty real films, those with faults among them, by symbolic links."""
    folder = tmp_path_factory.mktemp("real") / "FracAtlas"
    for name in fracatlas.FOLDERS:
        (folder / name).mkdir(parents=True)
        files = sorted((real / name).glob("*.jpg"))
        for file in files:
            if file.stem in chosen.all or file in files[::150] or file in files[:15]:
                (folder / name / file.name).symlink_to(file)
    names = {file.name for file in folder.glob("images/*/*.jpg")}
    with (real / fracatlas.TABLE).open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["image_id"] in names]
    coco = json.loads((real / fracatlas.OUTLINES).read_text())
    coco["images"] = [image for image in coco["images"] if image["file_name"] in names]
    kept = {image["id"] for image in coco["images"]}
    coco["annotations"] = [part for part in coco["annotations"] if part["image_id"] in kept]
    write_tables(folder, rows, coco)
    return folder


@pytest.fixture
def params() -> Callable[..., Params]:
    """A small study; keyword arguments replace whole sections or single values."""

    def build(**changes: Any) -> Params:
        study: dict[str, Any] = {
            "seed": 20,
            "device": "cpu",
            "cache": "cache",
            "dataset": {"name": "phantom", "image_size": 32},
            "phantom": {"count": 24, "prevalence": 0.5},
            "split": {"val": 0.2, "test": 0.3},
            "systems": ["standard"],
            "model": {
                "scale": "compact",
                "weights": "none",
                "head": "linear",
                "trainable": "all",
                "meansparse_alpha": 0.15,
            },
            "finetune": {
                "epochs": 1,
                "batch_size": 8,
                "lr": 0.01,
                "weight_decay": 0.0,
                "precision": "float32",
                "eps": "8/255",
                "steps": 1,
            },
            "attack": {
                "eps": "4/255",
                "step": "1/255",
                "steps": 1,
                "random_start": True,
                "batch_size": 8,
                "curve": [],
            },
            "explain": {
                "methods": ["saliency"],
                "baseline": "black",
                "others": 1,
                "films": 2,
            },
            "evaluate": {"bootstrap": 100, "level": 0.95},
        }
        return Params.model_validate(study | changes)

    return build


def prepare_all(params: Params) -> None:
    """Run the stages that stand before training."""
    from radrobust.stages.audit import audit
    from radrobust.stages.prepare import prepare
    from radrobust.stages.read import read

    for stage in (read, audit, prepare):
        stage(params)


@pytest.fixture(scope="session", name="prepare_all")
def prepare_all_fixture() -> Callable[[Params], None]:
    return prepare_all


@pytest.fixture(scope="session")
def write_study() -> Callable[[Path, dict[str, str]], None]:
    """Prepare the shipped study in a folder, with some texts of `params.yaml` replaced."""

    def write(folder: Path, changes: dict[str, str]) -> None:
        text = (ROOT / "params.yaml").read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "params.yaml").write_text(text, encoding="utf-8")
        (folder / "sources").symlink_to(ROOT / "sources")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            prepare_all(load_params())

    return write
