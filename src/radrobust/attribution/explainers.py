"""Explainers behind one verb: a batch of images in, a batch of maps out.

Through Captum, but for DeepLIFT and integrated gradients, which do not add up there (see
`secants`), and occlusion, which takes much longer there (see `occlusion`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from captum.attr import InputXGradient, LayerGradCam, Saliency
from torch import Tensor

from radrobust.attribution.occlusion import occlude
from radrobust.attribution.secants import walk
from radrobust.core.params import Explain
from radrobust.systems.classifier import Classifier

ADDS_UP = {"deeplift", "integrated_gradients"}
"""Methods whose maps promise to sum to f(image) - f(baseline)."""

SMALLEST_WINDOW, SMALLEST_STRIDE = 4, 2
"""Of occlusion, in pixels of the images: less hides nothing that a network would miss."""


@dataclass(frozen=True)
class Task:
    """What is to be explained.

    Attributes
    ----------
    images : Tensor
        N×C×S×S in [0, 1]; one channel, or three where they were attacked in normalised ones.
    baselines : Tensor
        N×C×S×S: what an explainer compares the images with.
    targets : Tensor
        N, int64: the class whose logit is explained.
    window, stride : int
        Of occlusion, in pixels of `images`.
    steps : int
        Of integrated gradients.
    at_once : int
        Most images in one pass of the network.
    """

    images: Tensor
    baselines: Tensor
    targets: Tensor
    window: int
    stride: int
    steps: int
    at_once: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> Task:
        return replace(
            self,
            images=self.images[rows],
            baselines=self.baselines[rows],
            targets=self.targets[rows],
        )


Explainer = Callable[[Classifier, Task], Tensor]
EXPLAINERS: dict[str, Explainer] = {}


def explainer(function: Explainer) -> Explainer:
    """Enter `function` in `EXPLAINERS` under its own name."""
    EXPLAINERS[function.__name__] = function
    return function


def explain(method: str, classifier: Classifier, task: Task) -> Tensor:
    """Explain images by a method.

    Parameters
    ----------
    method : str
        A key of `EXPLAINERS`.
    classifier : Classifier
        In eval mode.
    task : Task
        N images.

    Returns
    -------
    Tensor
        N×S×S float32, on the images' device. A pixel's value is the sum over its channels, as for
        a grey pixel, which stands for all three; methods without a sign take the magnitude of that.
    """
    parts = (task[first : first + task.at_once] for first in range(0, len(task), task.at_once))
    return torch.cat([EXPLAINERS[method](classifier, part).detach() for part in parts])


@explainer
def saliency(classifier: Classifier, task: Task) -> Tensor:
    """Magnitude of the gradient of the target's logit; Simonyan et al. 2014, arXiv:1312.6034."""
    images = task.images.clone().requires_grad_()
    gradients: Tensor = Saliency(classifier).attribute(images, target=task.targets, abs=False)
    return gradients.sum(dim=1).abs()


@explainer
def gradient_x_input(classifier: Classifier, task: Task) -> Tensor:
    """Gradient times pixel, signed; Shrikumar et al. 2016, arXiv:1605.01713."""
    images = task.images.clone().requires_grad_()
    maps: Tensor = InputXGradient(classifier).attribute(images, target=task.targets)
    return maps.sum(dim=1)


@explainer
def integrated_gradients(classifier: Classifier, task: Task) -> Tensor:
    """Mean slope on the way from the baseline, signed; Sundararajan et al. 2017, arXiv:1703.01365.

    The sum over a map is f(image) - f(baseline), in any number of steps.
    """
    return _walk(classifier, task, task.steps)


@explainer
def deeplift(classifier: Classifier, task: Task) -> Tensor:
    """DeepLIFT, rescale rule, signed; Shrikumar et al. 2017, arXiv:1704.02685.

    The sum over a map is f(image) - f(baseline).
    """
    return _walk(classifier, task, steps=1)


@explainer
def grad_cam(classifier: Classifier, task: Task) -> Tensor:
    """Last feature maps, weighted by their mean gradient; Selvaraju et al. 2017, arXiv:1610.02391.

    Not negative; enlarged from S/4 to S by linear interpolation.
    """
    images = task.images.clone().requires_grad_()
    maps: Tensor = LayerGradCam(classifier, classifier.backbone).attribute(
        images, target=task.targets, relu_attributions=True
    )
    side = task.images.shape[-1]
    return F.interpolate(maps, (side, side), mode="bilinear", align_corners=False)[:, 0]


@explainer
def occlusion(classifier: Classifier, task: Task) -> Tensor:
    """Fall of the target's logit when a window shows the baseline, signed; arXiv:1311.2901.

    The mean over the windows that cover a pixel: positive where hiding it speaks against the
    target.
    """
    return occlude(classifier, task.images, task.baselines, task.targets, task.window, task.stride)


def make_task(images: Tensor, targets: Tensor, params: Explain, at_once: int) -> Task:
    """Set the task for a batch of images.

    Parameters
    ----------
    images : Tensor
        N×C×S×S in [0, 1].
    targets : Tensor
        N, int64.
    params : Explain
        The section `explain` of the study; window and stride are those of a 224-pixel image.
    at_once : int
        Most images in one pass of the network.
    """
    scale = images.shape[-1] / 224
    window = max(SMALLEST_WINDOW, round(params.window * scale))
    stride = min(window, max(SMALLEST_STRIDE, round(params.stride * scale)))
    baselines = baseline(images, params.baseline)
    return Task(images, baselines, targets, window, stride, params.steps, at_once)


def baseline(images: Tensor, kind: str) -> Tensor:
    """Return what an image without information looks like.

    Parameters
    ----------
    images : Tensor
        N×C×S×S in [0, 1].
    kind : str
        ``black``: zeros. ``mean``: each channel's mean everywhere. ``blur``: each image under a
        Gaussian blur whose standard deviation is an eighth of its side.
    """
    if kind == "black":
        return torch.zeros_like(images)
    if kind == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images).contiguous()
    return _blurred(images, sigma=images.shape[-1] / 8)


def _walk(classifier: Classifier, task: Task, steps: int) -> Tensor:
    maps = walk(classifier, task.images, task.baselines, task.targets, steps, task.at_once)
    return maps.sum(dim=1)


def _blurred(images: Tensor, sigma: float) -> Tensor:
    reach = min(round(3 * sigma), images.shape[-1] - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    planes = images.flatten(0, 1).unsqueeze(1)
    planes = F.conv2d(F.pad(planes, (reach, reach, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    planes = F.conv2d(F.pad(planes, (0, 0, reach, reach), mode="reflect"), kernel.view(1, 1, -1, 1))
    return planes.view_as(images)
