"""RobustBench's own models as its model zoo builds them, and checkpoints in its format."""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn

from radrobust.systems.architectures import published_class

CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


def _wide_resnet(**arguments):
    return published_class("wide_resnet", "WideResNet")(**arguments)


def _dm_wide_resnet(**arguments):
    swish = published_class("dm_wide_resnet", "Swish")
    return published_class("dm_wide_resnet", "DMWideResNet")(
        activation_fn=swish, mean=CIFAR10_MEAN, std=CIFAR10_STD, **arguments
    )


def _huang(**arguments):
    return published_class("robust_wide_resnet", "RobustWideResNet")(**arguments)


def _meansparse(**arguments):
    return published_class("Meansparse_wrn_94_16", "MeanSparse_DMWideResNet")(
        activation_fn=nn.SiLU, mean=CIFAR10_MEAN, std=CIFAR10_STD, **arguments
    )


def _peng(**arguments):
    return published_class("robustarch_wide_resnet", "NormalizedWideResNet")(
        CIFAR10_MEAN,
        CIFAR10_STD,
        groups=[1, 1, 1],
        activation_fn=nn.SiLU,
        se_ratio=0.25,
        se_activation=nn.ReLU,
        se_order=2,
        **arguments,
    )


PAPER = {
    "standard": lambda: _wide_resnet(depth=28, widen_factor=10),
    "zhang2020": lambda: _wide_resnet(depth=28, widen_factor=10, sub_block1=True),
    "huang2021": lambda: _huang(channel_configs=[16, 320, 640, 512], depth_configs=[5, 5, 5]),
    "rebuffi2021": lambda: _dm_wide_resnet(depth=70, width=16),
    "rade2022": lambda: _dm_wide_resnet(depth=34, width=10),
    "peng2023": lambda: published_class("robustarch_wide_resnet", "get_model")("ra_wrn70_16"),
    "chen2024": lambda: _wide_resnet(depth=34, widen_factor=20),
    "amini2024": lambda: _meansparse(depth=94, width=16),
}
COMPACT = {
    "standard": lambda: _wide_resnet(depth=10, widen_factor=1),
    "zhang2020": lambda: _wide_resnet(depth=10, widen_factor=1),
    "huang2021": lambda: _huang(channel_configs=[16, 16, 32, 24], depth_configs=[1, 1, 1]),
    "rebuffi2021": lambda: _dm_wide_resnet(depth=10, width=1),
    "rade2022": lambda: _dm_wide_resnet(depth=10, width=1),
    "peng2023": lambda: _peng(stem_width=8, depth=[1, 2, 1], stage_width=[12, 24, 48]),
    "chen2024": lambda: _wide_resnet(depth=10, widen_factor=1),
    "amini2024": lambda: _meansparse(depth=10, width=1),
}


def build(key: str, scale: str) -> nn.Module:
    """A model with random weights, and BatchNorm and MeanSparse statistics as after training."""
    torch.manual_seed(0)
    model = {"paper": PAPER, "compact": COMPACT}[scale][key]()
    images = torch.rand(4, 3, 32, 32)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # statistics of one pass, whole
    with torch.no_grad():
        model.train()(images)
        model.eval()
        operators = [module for module in model.modules() if hasattr(module, "batch_num")]
        for operator in operators:
            operator.batch_num.fill_(1)
            operator.flag_update_statistics.fill_(1)
        if operators:
            model(images)
        for operator in operators:
            operator.flag_update_statistics.fill_(0)
            operator.threshold.fill_(0.15)
    return model


def head_of(model: nn.Module) -> nn.Linear:
    return model.fc if hasattr(model, "fc") else model.logits


def save(model: nn.Module, path, plain: bool = True) -> None:
    """As the zoo's checkpoints are: a plain state dict, or one in a training script's envelope."""
    state = model.state_dict()
    if plain:
        torch.save(state, path)
        return
    envelope = {
        "state_dict": {f"module.{name}": tensor for name, tensor in state.items()},
        "epoch": 200,
        "best_acc": np.float64(0.93),
        "args": argparse.Namespace(lr=0.1, epsilon=np.float32(0.031)),
    }
    torch.save(envelope, path)
