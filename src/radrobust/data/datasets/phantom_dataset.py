"""The phantom as a dataset: radiographs that are drawn instead of read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from radrobust.data.datasets.phantom import draw, draw_label
from radrobust.data.datasets.registry import Box, Dataset, Radiograph, register

if TYPE_CHECKING:
    from radrobust.core.params import Params


@dataclass(frozen=True)
class PhantomFilm:
    """The arguments of one drawing.

    Attributes
    ----------
    seed, index : int
        The dataset and the film within it.
    prevalence : float
        Probability of a fracture, 0 to 1.
    patient, official, path
        Empty: nobody was filmed, nobody split the films, and there is no file.
    """

    seed: int
    index: int
    prevalence: float
    patient: ClassVar[str] = ""
    official: ClassVar[str] = ""
    path: ClassVar[None] = None

    @property
    def sample_id(self) -> str:
        """Such as ``phantom-00017``."""
        return f"phantom-{self.index:05d}"

    @property
    def label(self) -> int:
        """1 for a fracture."""
        return draw_label(self.seed, self.index, self.prevalence)

    def read(self) -> Radiograph:
        """Draw the film."""
        phantom = draw(self.seed, self.index, self.prevalence)
        return Radiograph(
            image=phantom.image,
            mask=phantom.mask,
            boxes=_extent(phantom.mask),
            label=phantom.label,
            subgroups=phantom.attributes,
            mode="L",
            truncated=False,
            note="",
        )


def _extent(mask: NDArray[np.bool_]) -> tuple[Box, ...]:
    """The one box around a mask; none around an empty one."""
    if not mask.any():
        return ()
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return ((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)),)


def films(params: Params, _source: Path) -> list[PhantomFilm]:
    """List the films of a study, as many as ``phantom.count``."""
    phantom = params.phantom
    return [PhantomFilm(params.seed, index, phantom.prevalence) for index in range(phantom.count)]


register(
    Dataset(
        name="phantom",
        title="Phantom radiographs of long bones",
        classes=("no fracture", "fracture"),
        finding="fracture",
        licence="MIT, as this project, which draws them",
        citation="none: drawn for this study, shows no patient",
        source="src/radrobust/data/datasets/phantom.py",
        films=films,
    )
)
