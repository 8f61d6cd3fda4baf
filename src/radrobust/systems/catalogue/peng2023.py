"""Adversarial training of a network designed to be robust."""

from radrobust.systems.system import CIFAR10, Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture(
            "robust_principles",
            {"stem_width": 96, "depths": (30, 31, 10), "stage_widths": (216, 432, 864)},
        ),
        "compact": Architecture(
            "robust_principles",
            {"stem_width": 8, "depths": (1, 2, 1), "stage_widths": (12, 24, 48)},
        ),
    },
    objective="pgd",
    normalisation=CIFAR10,
    robustbench_id="Peng2023Robust",
    drive_id="1-6M8KHZdPmgqYkBSkdZQ2fLwp86ZQ9VU",
)
