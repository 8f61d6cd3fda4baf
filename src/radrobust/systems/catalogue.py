"""Who the systems are: one entry each, built only when somebody asks for the network.

To add a system, add one entry to `_ENTRIES`; its class, if it is new, goes to `architectures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scale = Literal["compact", "paper"]


@dataclass(frozen=True)
class Normalisation:
    """What pixels in [0, 1] pass through before the backbone: (x - mean) / std, a channel each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        """Write it as readers are shown it."""
        return "none" if self == NO_NORMALISATION else f"mean {self.mean}, std {self.std}"


NO_NORMALISATION = Normalisation((0.0,) * 3, (1.0,) * 3)
CIFAR10 = Normalisation((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616))


@dataclass(frozen=True)
class Architecture:
    """A network of one size.

    Attributes
    ----------
    text : str
        In words.
    name : str
        A key of `radrobust.systems.architectures.ARCHITECTURES`.
    arguments : mapping
        What that is called with.
    """

    text: str
    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True)
class Published:
    """Figures from a paper or a leaderboard, in per cent.

    Attributes
    ----------
    clean, attacked : float
        Accuracy without and under attack.
    attack : str
        The attack, in words.
    remark : str
        What a reader has to know of the figures besides.
    """

    clean: float
    attacked: float
    attack: str
    remark: str = ""


@dataclass(frozen=True)
class System:
    """One system of the study.

    Attributes
    ----------
    key : str
        Slug in `params.yaml`, in paths and in addresses.
    label : str
        First author and year.
    title, paper, authors, venue, url : str
        What a reader is shown.
    year : int
        By which the system is called; that of the paper's publication or first appearance.
    robustbench_id : str
        Its name in RobustBench's model zoo (CIFAR-10).
    threat_model : str
        Against which it was trained, in words.
    architectures : mapping
        From scale to network.
    normalisation : Normalisation
        What its published weights expect. It is applied once, inside the classifier.
    objective : str
        Key in `radrobust.training.objectives.OBJECTIVES` of the paper's own training objective.
    cifar10, fracatlas : Published
        What was published of it: RobustBench's leaderboard, and the study that is rebuilt here.
    drive_id : str
        Of the CIFAR-10 checkpoint on Google Drive, as in RobustBench 1.1.1.
    finetuned : str
        ``REPOSITORY/FILE`` of the published study's FracAtlas checkpoint; empty where none is.
    """

    key: str
    label: str
    title: str
    paper: str
    authors: str
    venue: str
    year: int
    url: str
    robustbench_id: str
    threat_model: str
    architectures: Mapping[Scale, Architecture]
    normalisation: Normalisation
    objective: str
    cifar10: Published
    fracatlas: Published
    drive_id: str
    finetuned: str = ""


_LINF = "L-inf, 8/255"
_AUTOATTACK = "AutoAttack, L-inf 8/255"
_STUDY_PGD = "PGD-10, 4/255 after normalisation"
_FAZLI = "MohammadFazli/xAI-fracture-xray-model"
_RANJBAR = "HosseinRanjbar/XAI-Bone-Fracture-Xray-Robust-Principle-Model"

_ENTRIES = [
    System(
        key="standard",
        label="Croce 2020",
        title="Standard",
        paper="RobustBench: a standardized adversarial robustness benchmark (its standardly "
        "trained model)",
        authors="Francesco Croce, Maksym Andriushchenko, Vikash Sehwag, Edoardo Debenedetti, "
        "Nicolas Flammarion, Mung Chiang, Prateek Mittal, Matthias Hein",
        venue="NeurIPS Datasets and Benchmarks 2021",
        year=2020,
        url="https://arxiv.org/abs/2010.09670",
        robustbench_id="Standard",
        threat_model="none",
        architectures={
            "paper": Architecture("WRN-28-10", "wide_resnet", {"depth": 28, "widen_factor": 10}),
            "compact": Architecture("WRN-10-1", "wide_resnet", {"depth": 10, "widen_factor": 1}),
        },
        normalisation=NO_NORMALISATION,
        objective="standard",
        cifar10=Published(94.78, 0.0, _AUTOATTACK),
        fracatlas=Published(85.59, 0.0, _STUDY_PGD),
        drive_id="1t98aEuzeTL8P7Kpd5DIrCoCL21BNZUhC",
        finetuned=f"{_RANJBAR}/standard.pth",
    ),
    System(
        key="zhang2020",
        label="Zhang 2020",
        title="GAIRAT",
        paper="Geometry-aware Instance-reweighted Adversarial Training",
        authors="Jingfeng Zhang, Jianing Zhu, Gang Niu, Bo Han, Masashi Sugiyama, "
        "Mohan Kankanhalli",
        venue="ICLR 2021",
        year=2020,
        url="https://arxiv.org/abs/2010.01736",
        robustbench_id="Zhang2020Geometry",
        threat_model="L-inf, 0.031",
        architectures={
            "paper": Architecture(
                "WRN-28-10",
                "wide_resnet",
                {"depth": 28, "widen_factor": 10, "sub_block1": True},
            ),
            "compact": Architecture("WRN-10-1", "wide_resnet", {"depth": 10, "widen_factor": 1}),
        },
        normalisation=NO_NORMALISATION,
        objective="gairat",
        cifar10=Published(89.36, 59.64, "AutoAttack, L-inf 0.031"),
        fracatlas=Published(82.43, 56.31, _STUDY_PGD),
        drive_id="1UoG1JhbAps1MdMc6PEFiZ2yVXl_Ii5Jk",
        finetuned=f"{_FAZLI}/best_geometry_aware.pth",
    ),
    System(
        key="huang2021",
        label="Huang 2021",
        title="Architectural Ingredients",
        paper="Exploring Architectural Ingredients of Adversarially Robust Deep Neural Networks",
        authors="Hanxun Huang, Yisen Wang, Sarah Monazam Erfani, Quanquan Gu, James Bailey, "
        "Xingjun Ma",
        venue="NeurIPS 2021",
        year=2021,
        url="https://arxiv.org/abs/2110.03825",
        robustbench_id="Huang2021Exploring_ema",
        threat_model=_LINF,
        architectures={
            "paper": Architecture(
                "WRN-34-R: widths 16-320-640-512, five blocks a stage",
                "robust_wide_resnet",
                {"widths": (16, 320, 640, 512), "depths": (5, 5, 5)},
            ),
            "compact": Architecture(
                "WRN-10-R: widths 16-16-32-24, one block a stage, the last stage narrowed",
                "robust_wide_resnet",
                {"widths": (16, 16, 32, 24), "depths": (1, 1, 1)},
            ),
        },
        normalisation=NO_NORMALISATION,
        objective="trades",
        cifar10=Published(91.23, 62.54, _AUTOATTACK),
        fracatlas=Published(75.23, 42.34, _STUDY_PGD),
        drive_id="1-GRwO5t9HxOS2y6RFK8QEsDXjdcgmVu6",
        finetuned=f"{_FAZLI}/best_wideresnet_34.pth",
    ),
    System(
        key="rebuffi2021",
        label="Rebuffi 2021",
        title="Fixing Data Augmentation",
        paper="Fixing Data Augmentation to Improve Adversarial Robustness",
        authors="Sylvestre-Alvise Rebuffi, Sven Gowal, Dan A. Calian, Florian Stimberg, "
        "Olivia Wiles, Timothy Mann",
        venue="arXiv, March 2021",
        year=2021,
        url="https://arxiv.org/abs/2103.01946",
        robustbench_id="Rebuffi2021Fixing_70_16_cutmix_extra",
        threat_model=_LINF,
        architectures={
            "paper": Architecture("WRN-70-16, SiLU", "dm_wide_resnet", {"depth": 70, "width": 16}),
            "compact": Architecture("WRN-10-1, SiLU", "dm_wide_resnet", {"depth": 10, "width": 1}),
        },
        normalisation=CIFAR10,
        objective="rebuffi",
        cifar10=Published(92.23, 66.58, _AUTOATTACK),
        fracatlas=Published(
            95.05,
            53.15,
            _STUDY_PGD,
            "the name of the published checkpoint says WRN-106-16, that of the study WRN-70-16",
        ),
        drive_id="1qKDTp6IJ1BUXZaRtbYuo_t0tuDl_4mLg",
        finetuned=f"{_RANJBAR}/best_Rebuffi2021Fixing_106_16_cutmix_ddpm.pth",
    ),
    System(
        key="rade2022",
        label="Rade 2022",
        title="HAT",
        paper="Helper-based Adversarial Training: Reducing Excessive Margin to Achieve a Better "
        "Accuracy vs. Robustness Trade-off",
        authors="Rahul Rade, Seyed-Mohsen Moosavi-Dezfooli",
        venue="OpenReview, June 2021; ICLR 2022",
        year=2022,
        url="https://openreview.net/forum?id=BuD2LmNaU3a",
        robustbench_id="Rade2021Helper_extra",
        threat_model=_LINF,
        architectures={
            "paper": Architecture("WRN-34-10, SiLU", "dm_wide_resnet", {"depth": 34, "width": 10}),
            "compact": Architecture("WRN-10-1, SiLU", "dm_wide_resnet", {"depth": 10, "width": 1}),
        },
        normalisation=CIFAR10,
        objective="hat",
        cifar10=Published(91.47, 62.83, _AUTOATTACK),
        fracatlas=Published(96.40, 59.46, _STUDY_PGD),
        drive_id="1GhAp-0C3ONRy9BxIe0J9vKc082vHvR7t",
        finetuned=f"{_FAZLI}/best_helper_wrn_34_10.pth",
    ),
    System(
        key="peng2023",
        label="Peng 2023",
        title="Robust Principles",
        paper="Robust Principles: Architectural Design Principles for Adversarially Robust CNNs",
        authors="ShengYun Peng, Weilin Xu, Cory Cornelius, Matthew Hull, Kevin Li, Rahul Duggal, "
        "Mansi Phute, Jason Martin, Duen Horng Chau",
        venue="BMVC 2023",
        year=2023,
        url="https://arxiv.org/abs/2308.16258",
        robustbench_id="Peng2023Robust",
        threat_model=_LINF,
        architectures={
            "paper": Architecture(
                "RaWRN-70-16: stem 96, depths 30-31-10, widths 216-432-864, SiLU, "
                "squeeze-excitation 1/4",
                "robust_principles",
                {"stem_width": 96, "depths": (30, 31, 10), "stage_widths": (216, 432, 864)},
            ),
            "compact": Architecture(
                "RaWRN: stem 8, depths 1-2-1, widths 12-24-48, SiLU, squeeze-excitation 1/4",
                "robust_principles",
                {"stem_width": 8, "depths": (1, 2, 1), "stage_widths": (12, 24, 48)},
            ),
        },
        normalisation=CIFAR10,
        objective="pgd",
        cifar10=Published(93.27, 71.07, _AUTOATTACK),
        fracatlas=Published(
            90.09, 5.41, _STUDY_PGD, "from an earlier version of the published study"
        ),
        drive_id="1-6M8KHZdPmgqYkBSkdZQ2fLwp86ZQ9VU",
    ),
    System(
        key="chen2024",
        label="Chen 2024",
        title="Data Filtering",
        paper="Data filtering for efficient adversarial training",
        authors="Erh-Chung Chen, Che-Rung Lee",
        venue="Pattern Recognition 2024",
        year=2024,
        url="https://doi.org/10.1016/j.patcog.2024.110394",
        robustbench_id="Chen2024Data_WRN_34_20",
        threat_model=_LINF,
        architectures={
            "paper": Architecture("WRN-34-20", "wide_resnet", {"depth": 34, "widen_factor": 20}),
            "compact": Architecture("WRN-10-1", "wide_resnet", {"depth": 10, "widen_factor": 1}),
        },
        normalisation=NO_NORMALISATION,
        objective="data_filtering",
        cifar10=Published(86.10, 58.09, _AUTOATTACK),
        fracatlas=Published(85.14, 68.92, _STUDY_PGD),
        drive_id="1-IbKAGtp79tAEm59N0i8QMvMZ3nxSD2-",
        finetuned=f"{_FAZLI}/best_data_filtering_wrn_34_20.pth",
    ),
    System(
        key="amini2024",
        label="Amini 2024",
        title="MeanSparse",
        paper="MeanSparse: Post-Training Robustness Enhancement Through Mean-Centered Feature "
        "Sparsification",
        authors="Sajjad Amini, Mohammadreza Teymoorianfard, Shiqing Ma, Amir Houmansadr",
        venue="arXiv, June 2024",
        year=2024,
        url="https://arxiv.org/abs/2406.05927",
        robustbench_id="Amini2024MeanSparse_S-WRN-94-16",
        threat_model=_LINF,
        architectures={
            "paper": Architecture(
                "WRN-94-16, SiLU, with MeanSparse",
                "meansparse_wide_resnet",
                {"depth": 94, "width": 16},
            ),
            "compact": Architecture(
                "WRN-10-1, SiLU, with MeanSparse at the same places",
                "meansparse_wide_resnet",
                {"depth": 10, "width": 1},
            ),
        },
        normalisation=CIFAR10,
        objective="trades",
        cifar10=Published(
            93.60,
            75.28,
            _AUTOATTACK,
            "73.10 where gradients pass straight through what MeanSparse replaces",
        ),
        fracatlas=Published(
            93.69, 56.31, _STUDY_PGD, "from an earlier version of the published study"
        ),
        drive_id="1-GoAnBP6K6uwAzJbe4liOSfN_sZVYTln",
    ),
]

SYSTEMS: dict[str, System] = {system.key: system for system in _ENTRIES}
"""Every system by its key, in the order of their years."""
