"""RobustBench's own network classes, taken apart into a trunk (pixels to feature maps).

RobustBench 1.1.1 cannot be imported as it is installed: its `__init__` asks for `autoattack` where
it depends on `pyautoattack`, and for `pkg_resources`, which setuptools has dropped. Only the files
that define architectures are needed here, and these import cleanly once their parent packages are
in `sys.modules`; that also spares the four seconds that the whole package takes.

Each trunk holds the modules of the RobustBench class under the names they have there, in the order
in which its `forward` calls them, and leaves out what makes that `forward` wrong on radiographs:
`avg_pool2d(out, 8)` turns an image larger than 32 pixels into several rows of logits.
"""

from __future__ import annotations

import importlib
import sys
from collections import OrderedDict
from importlib.util import find_spec
from types import ModuleType

from torch import nn

_PACKAGES = (
    "robustbench",
    "robustbench.model_zoo",
    "robustbench.model_zoo.architectures",
)


def _architecture(name: str) -> ModuleType:
    """Import one of RobustBench's architecture files without running its packages' `__init__`."""
    found = find_spec("robustbench")
    assert found is not None and found.submodule_search_locations is not None
    root = found.submodule_search_locations[0]
    loaded = {package: sys.modules.pop(package, None) for package in _PACKAGES}
    try:
        for package in _PACKAGES:
            bare = ModuleType(package)
            bare.__path__ = [root + package.removeprefix("robustbench").replace(".", "/")]
            sys.modules[package] = bare
        return importlib.import_module(f"{_PACKAGES[-1]}.{name}")
    finally:
        for package, module in loaded.items():
            del sys.modules[package]
            if module is not None:
                sys.modules[package] = module


def _trunk(network: nn.Module, names: tuple[str, ...]) -> tuple[nn.Sequential, int]:
    """Take the named children, in order, and the number of channels that the head sees."""
    children = OrderedDict((name, network.get_submodule(name)) for name in names)
    head = next(
        module for module in reversed(list(network.modules())) if isinstance(module, nn.Linear)
    )
    return nn.Sequential(children), head.in_features


def wide_resnet(depth: int, widen_factor: int) -> tuple[nn.Sequential, int]:
    """Zagoruyko & Komodakis' WRN-depth-widen_factor, as TRADES and most of RobustBench build it.

    Returns
    -------
    trunk : nn.Sequential
        N×3×H×W to N×C×H/4×W/4.
    channels : int
        C.
    """
    network = _architecture("wide_resnet").WideResNet(depth=depth, widen_factor=widen_factor)
    return _trunk(network, ("conv1", "block1", "block2", "block3", "bn1", "relu"))


def robust_wide_resnet(widths: list[int], depths: list[int]) -> tuple[nn.Sequential, int]:
    """Huang et al. 2021: a WRN whose last stage is narrower than doubling would make it.

    Parameters
    ----------
    widths : list of int
        Channels of the stem and of the three stages.
    depths : list of int
        Blocks in each stage.

    Returns
    -------
    trunk : nn.Sequential
        N×3×H×W to N×C×H/4×W/4.
    channels : int
        C.
    """
    network = _architecture("robust_wide_resnet").RobustWideResNet(
        channel_configs=widths, depth_configs=depths
    )
    network.blocks = nn.Sequential(*network.blocks)  # a ModuleList has no forward
    return _trunk(network, ("stem_conv", "blocks", "bn1", "relu"))
