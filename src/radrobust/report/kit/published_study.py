"""The study that is rebuilt here: its published figures, and the flaws of its notebooks.

Source: README and notebooks of R2I-Medical-Imaging. Accuracies of its systems are in the catalogue,
with every other published figure of a system.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = "R2I-Medical-Imaging"
ABSENT, PRESENT = 150, 72
"""Test radiographs without and with a fracture."""

EPS, STEPS = 4 / 255, 10
"""Of its attack, PGD in the L∞ norm, the budget counted after normalisation."""

IMAGE_SIZE = 224

PERCENTS = (5, 25, 50)
COVERAGE: dict[str, dict[str, tuple[float, float, float]]] = {
    "saliency": {
        "chen2024": (24.08, 68.32, 86.08),
        "zhang2020": (16.68, 64.43, 87.00),
        "huang2021": (20.75, 63.59, 83.39),
        "rade2022": (13.74, 39.78, 59.40),
        "rebuffi2021": (10.46, 35.26, 55.33),
        "standard": (0.44, 7.97, 27.28),
    },
    "deeplift": {
        "chen2024": (10.04, 36.24, 53.11),
        "zhang2020": (8.09, 30.82, 52.36),
        "huang2021": (9.24, 23.95, 35.60),
        "rade2022": (2.61, 12.58, 26.69),
        "rebuffi2021": (1.93, 10.09, 22.04),
        "standard": (0.19, 3.78, 13.35),
    },
    "integrated_gradients": {
        "chen2024": (7.85, 23.14, 37.06),
        "zhang2020": (5.11, 18.83, 30.37),
        "huang2021": (5.76, 15.31, 26.62),
        "rade2022": (3.80, 16.47, 28.91),
        "rebuffi2021": (2.87, 11.71, 22.23),
        "standard": (0.46, 7.17, 24.62),
    },
}
"""Of the fracture box's pixels, per cent among the top p % of attribution; chance is p."""


@dataclass(frozen=True)
class Flaw:
    """A flaw in how the study measures, which its rebuilding avoids.

    Attributes
    ----------
    title : str
        Its subject.
    done, effect : str
        Of its notebooks, and the effect on the numbers.
    here : str
        How it is measured here, in every study.
    """

    title: str
    done: str
    effect: str
    here: str


FLAWS = (
    Flaw(
        "Budget",
        "Radiographs are normalised first and attacked afterwards, with a budget of 4/255 of a "
        "standard deviation. Four of the eight systems then normalise a second time inside.",
        "The attack is about four times weaker than its budget suggests, so attacked accuracy is "
        "too high. Networks that normalise twice see images unlike those they were made for.",
        "The table above has the attack in both spaces. attack.space, on the page Methods, tells "
        "which of them the rest of this site uses. A radiograph is normalised once, but for "
        "checkpoints that were trained otherwise.",
    ),
    Flaw(
        "Test radiographs",
        "Test radiographs too pass through the random augmentation for training, which differs by "
        "class.",
        "The label decides how a radiograph is changed before the network sees it, and a network "
        "can learn to see that; and another run gives other numbers.",
        "Test radiographs are never augmented. A check compares the image that the network is "
        "given, pixel by pixel, with the image that is stored.",
    ),
    Flaw(
        "Augmentation",
        "The stronger augmentation, meant for fractures, goes to the other class.",
        "The rarer class is not helped, and the other one can be told by traces of augmentation.",
        "Where there is augmentation (finetune.augment), training radiographs of both classes are "
        "mirrored and shifted alike.",
    ),
    Flaw(
        "“Frozen” networks",
        "The frozen part is in training mode, so its BatchNorm statistics drift.",
        "The network that is measured is no longer the published one with a new head; the loss of "
        "robustness is not known.",
        "A frozen part stays in evaluation mode during training: its weights and BatchNorm "
        "statistics are bit for bit those that it started from. A check compares them.",
    ),
    Flaw(
        "Metrics",
        "Accuracy alone, on a test set that was resampled to 32 % with a fracture; in FracAtlas it "
        "is 18 %.",
        "Always answering “no fracture” is right for 67.6 % of the test set (for 82.4 % of "
        "FracAtlas), clean or attacked: seven of the eight attacked figures are below that.",
        "AUROC, sensitivity, specificity and balanced accuracy with intervals, beside references "
        "that always give the same answer. No radiographs are left out, unless dataset.balance "
        "asks for it.",
    ),
    Flaw(
        "Coverage",
        "Measured over training radiographs too; DeepLIFT and integrated gradients are computed on "
        "four tiles and pasted together.",
        "Radiographs that the network has learnt from may be explained better than new ones, and "
        "the map of a tile explains the answer to the tile, not to the radiograph.",
        "Over test radiographs only, each map computed on the whole radiograph.",
    ),
    Flaw(
        "Weights",
        "Downloads are unpickled without restriction.",
        "None; but a file that somebody has tampered with could run any program.",
        "No code in a published checkpoint is run, and weights are kept as safetensors, which hold "
        "no code.",
    ),
    Flaw(
        "Duplicates",
        "Radiographs that are the same byte by byte can be on both sides of the split.",
        "Test radiographs may have been learnt by heart, so numbers can be too high.",
        "Radiographs with the same image stay in one part of the split.",
    ),
)
