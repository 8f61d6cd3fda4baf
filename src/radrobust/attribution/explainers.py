"""Explainers behind one verb, through Captum: a batch of films in, a batch of maps out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from captum.attr import Occlusion, Saliency
from torch import Tensor, nn

from radrobust.attribution.deeplift import attribute
from radrobust.params import Explain

# The methods whose maps promise to sum to f(film) - f(baseline).
ADDS_UP = {"deeplift"}


@dataclass(frozen=True)
class Task:
    """What is to be explained.

    Attributes
    ----------
    films : Tensor
        N×1×S×S in [0, 1].
    baselines : Tensor
        N×1×S×S: what an explainer compares the films with.
    targets : Tensor
        N, int64: the class whose logit is explained.
    window, stride : int
        Of occlusion, in pixels of `films`.
    """

    films: Tensor
    baselines: Tensor
    targets: Tensor
    window: int
    stride: int


Explainer = Callable[[nn.Module, Task], Tensor]
EXPLAINERS: dict[str, Explainer] = {}


def explainer(function: Explainer) -> Explainer:
    """Enter `function` in `EXPLAINERS` under its own name."""
    EXPLAINERS[function.__name__] = function
    return function


@explainer
def saliency(classifier: nn.Module, task: Task) -> Tensor:
    """Magnitude of the gradient of the target's logit; Simonyan et al. 2014, arXiv:1312.6034.

    Returns
    -------
    Tensor
        N×1×S×S, not negative. A film has one grey value a pixel, so no channel is reduced: its
        gradient is the sum over the three channels that the system repeats it to.
    """
    films = task.films.clone().requires_grad_()
    maps: Tensor = Saliency(classifier).attribute(films, target=task.targets, abs=True)
    return maps


@explainer
def deeplift(classifier: nn.Module, task: Task) -> Tensor:
    """DeepLIFT, rescale rule; Shrikumar et al. 2017, arXiv:1704.02685.

    Returns
    -------
    Tensor
        N×1×S×S, signed; the sum over a map is f(film) - f(baseline).
    """
    return attribute(classifier, task.films, task.baselines, task.targets)


@explainer
def occlusion(classifier: nn.Module, task: Task) -> Tensor:
    """Fall of the target's logit when a window shows the baseline; Zeiler & Fergus 2014.

    Returns
    -------
    Tensor
        N×1×S×S, signed: the mean over the windows that cover a pixel, positive where hiding it
        speaks against the target. arXiv:1311.2901.
    """
    maps: Tensor = Occlusion(classifier).attribute(
        task.films,
        sliding_window_shapes=(1, task.window, task.window),
        strides=(1, task.stride, task.stride),
        baselines=task.baselines,
        target=task.targets,
        perturbations_per_eval=16,
    )
    return maps


def make_task(films: Tensor, targets: Tensor, params: Explain) -> Task:
    """Set the task for a batch of films.

    Parameters
    ----------
    films : Tensor
        N×1×S×S in [0, 1].
    targets : Tensor
        N, int64.
    params : Explain
        The section `explain` of the study; window and stride are those of a 224-pixel image.
    """
    scale = films.shape[-1] / 224
    window = max(1, round(params.window * scale))
    stride = min(window, max(1, round(params.stride * scale)))
    return Task(films, baseline(films, params.baseline), targets, window, stride)


def baseline(films: Tensor, kind: str) -> Tensor:
    """Return what a film without information looks like.

    Parameters
    ----------
    films : Tensor
        N×1×S×S in [0, 1].
    kind : str
        ``black``: zeros. ``mean``: each film's mean everywhere. ``blur``: each film under a
        Gaussian blur whose standard deviation is an eighth of its side.
    """
    if kind == "black":
        return torch.zeros_like(films)
    if kind == "mean":
        return films.mean(dim=(2, 3), keepdim=True).expand_as(films).contiguous()
    return _blurred(films, sigma=films.shape[-1] / 8)


def _blurred(films: Tensor, sigma: float) -> Tensor:
    reach = min(round(3 * sigma), films.shape[-1] - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=films.dtype, device=films.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    rows = F.conv2d(F.pad(films, (reach, reach, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    return F.conv2d(F.pad(rows, (0, 0, reach, reach), mode="reflect"), kernel.view(1, 1, -1, 1))
