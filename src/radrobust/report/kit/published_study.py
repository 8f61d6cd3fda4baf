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
"""Shares of a radiograph, those with the most attribution, in which coverage was measured."""


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
