"""RobustBench's own network classes, taken apart into a backbone (pixels to feature maps).

RobustBench 1.1.1 cannot be imported as it is installed: its `__init__` asks for `autoattack` where
it depends on `pyautoattack`, and for `pkg_resources`, which setuptools has dropped. Only the files
that define architectures are needed here, and these import cleanly once their parent packages are
in `sys.modules`; that also spares the four seconds that the whole package takes.

Each backbone holds the modules of the RobustBench class under the names they have there, in the
order in which its `forward` calls them, and leaves out what makes that `forward` wrong here:

* `avg_pool2d(out, 8)` turns an image larger than 32 pixels into several rows of logits;
* the normalisation, which belongs to `Classifier`, where it happens exactly once;
* GAIRAT's `sub_block1`, which no forward pass reads.
"""

from __future__ import annotations

import importlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import nn

from radrobust.systems.excitation import Excitation
from radrobust.systems.meansparse import fuse

_PACKAGES = (
    "robustbench",
    "robustbench.model_zoo",
    "robustbench.model_zoo.architectures",
)


@dataclass(frozen=True)
class Backbone:
    """A network without its head.

    Attributes
    ----------
    network : nn.Sequential
        N×3×H×W, normalised, to N×C×H/4×W/4; its children are named as in RobustBench.
    channels : int
        C.
    last_block : tuple of str
        Children of `network` that are trained where only the last block is.
    published : mapping of str to torch.Size
        Name and shape of everything that a published checkpoint of this class holds.
    published_head : str
        How the names of its classification layer begin.
    """

    network: nn.Sequential
    channels: int
    last_block: tuple[str, ...]
    published: Mapping[str, torch.Size]
    published_head: str


Build = Callable[..., Backbone]
ARCHITECTURES: dict[str, Build] = {}


def architecture(build: Build) -> Build:
    """Enter `build` in `ARCHITECTURES` under its own name."""
    ARCHITECTURES[build.__name__] = build
    return build


def published_class(file: str, name: str) -> type[nn.Module]:
    """Return a network class of RobustBench, without running its packages' `__init__`.

    Parameters
    ----------
    file : str
        A file in its `model_zoo/architectures`, without the ending.
    name : str
        The class.
    """
    found = find_spec("robustbench")
    assert found is not None and found.submodule_search_locations is not None
    root = found.submodule_search_locations[0]
    loaded = {package: sys.modules.pop(package, None) for package in _PACKAGES}
    try:
        for package in _PACKAGES:
            bare = ModuleType(package)
            bare.__path__ = [root + package.removeprefix("robustbench").replace(".", "/")]
            sys.modules[package] = bare
        found_class: type[nn.Module] = getattr(
            importlib.import_module(f"{_PACKAGES[-1]}.{file}"), name
        )
        return found_class
    finally:
        for package, module in loaded.items():
            del sys.modules[package]
            if module is not None:
                sys.modules[package] = module


@architecture
def wide_resnet(depth: int, widen_factor: int, sub_block1: bool = False) -> Backbone:
    """Zagoruyko & Komodakis' WRN-depth-widen_factor, as TRADES and most of RobustBench build it.

    With `sub_block1` the published checkpoint holds another copy of the first block, unused.
    """
    network = published_class("wide_resnet", "WideResNet")(
        depth=depth, widen_factor=widen_factor, sub_block1=sub_block1
    )
    return _backbone(network, ("conv1", "block1", "block2", "block3", "bn1", "relu"), "fc")


@architecture
def robust_wide_resnet(widths: Sequence[int], depths: Sequence[int]) -> Backbone:
    """Huang et al. 2021: a WRN whose last stage is narrower than doubling would make it.

    `widths` are the channels of the stem and of the three stages, `depths` the blocks of each
    stage.
    """
    network = published_class("robust_wide_resnet", "RobustWideResNet")(
        channel_configs=list(widths), depth_configs=list(depths)
    )
    stages = network.get_submodule("blocks")
    network.blocks = nn.Sequential(*stages.children())  # a ModuleList has no forward
    return _backbone(network, ("stem_conv", "blocks", "bn1", "relu"), "fc", stages="blocks")


@architecture
def dm_wide_resnet(depth: int, width: int) -> Backbone:
    """DeepMind's WRN-depth-width with smooth activations (Gowal et al. 2020, Rebuffi et al. 2021).

    RobustBench writes Swish out by hand; SiLU is the same function, faster.
    """
    network = published_class("dm_wide_resnet", "DMWideResNet")(
        depth=depth, width=width, activation_fn=nn.SiLU
    )
    return _backbone(network, _DM_NAMES, "logits", stages="layer")


@architecture
def meansparse_wide_resnet(depth: int, width: int) -> Backbone:
    """`dm_wide_resnet` with MeanSparse before each activation and after each residual sum."""
    network = published_class("Meansparse_wrn_94_16", "MeanSparse_DMWideResNet")(
        depth=depth, width=width, activation_fn=nn.SiLU
    )
    published = _shapes(network)
    fuse(network)
    names = ("init_conv", "layer", "batchnorm", "meansparse_end", "relu")
    return _backbone(network, names, "logits", stages="layer", published=published)


@architecture
def robust_principles(
    stem_width: int, depths: Sequence[int], stage_widths: Sequence[int]
) -> Backbone:
    """Peng et al. 2023: wide stem, depth in the early stages, SiLU, squeeze-excitation of 1/4."""
    network = published_class("robustarch_wide_resnet", "NormalizedWideResNet")(
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        stem_width=stem_width,
        depth=list(depths),
        stage_width=list(stage_widths),
        groups=[1, 1, 1],
        activation_fn=nn.SiLU,
        se_ratio=0.25,
        se_activation=nn.ReLU,
        se_order=2,
    )
    for block in list(network.modules()):
        if isinstance(published := getattr(block, "se", None), nn.Module):
            block.se = Excitation(published)
    return _backbone(network, _DM_NAMES, "logits", stages="layer")


def in_sequence(network: nn.Sequential) -> list[nn.Module]:
    """Take a backbone apart into what feature maps go through, one after the other.

    That is the stem, every residual block, and what follows the last of them as one module.
    """
    layers = list(_opened(network))
    blocks = [number for number, layer in enumerate(layers, start=1) if _convolves(layer)]
    return [*layers[: blocks[-1]], nn.Sequential(*layers[blocks[-1] :])]


def _opened(module: nn.Module) -> Iterator[nn.Module]:
    """Open sequences, and RobustBench's block groups, which do nothing but call theirs."""
    children = list(module.children())
    if isinstance(module, nn.Sequential):
        for child in children:
            yield from _opened(child)
    elif len(children) == 1 and isinstance(children[0], nn.Sequential):
        yield from _opened(children[0])
    else:
        yield module


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) for layer in module.modules())


_DM_NAMES = ("init_conv", "layer", "batchnorm", "relu")


def _backbone(
    network: nn.Module,
    names: tuple[str, ...],
    head: str,
    stages: str = "",
    published: Mapping[str, torch.Size] | None = None,
) -> Backbone:
    """Take the named children, in order; `stages` is the child that holds the three stages."""
    children = OrderedDict((name, network.get_submodule(name)) for name in names)
    after = names[names.index(stages or "block3") + 1 :]
    last_stage = f"{stages}.2" if stages else "block3"
    return Backbone(
        nn.Sequential(children),
        network.get_submodule(head).in_features,  # type: ignore[arg-type]
        (last_stage, *after),
        published or _shapes(network),
        head,
    )


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}
