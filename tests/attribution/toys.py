"""Networks whose attributions can be worked out by hand, and films for them."""

import numpy as np
import torch
from torch import nn

from radrobust.attribution.explainers import Task, explain
from radrobust.systems.architectures import Backbone
from radrobust.systems.classifier import Classifier, Design
from radrobust.systems.system import NO_NORMALISATION


class TwoLogits(nn.Module):
    """Logits (0, f(pixels)) of a function of the flattened film."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        found = self.function(images.flatten(1))
        return torch.cat([torch.zeros_like(found), found], dim=1)


def linear(weights):
    layer = nn.Linear(weights.numel(), 1, bias=False)
    layer.weight = nn.Parameter(weights.reshape(1, -1))
    return TwoLogits(layer).eval()


def affine(weights, bias):
    layer = nn.Linear(len(weights[0]), len(weights))
    layer.weight = nn.Parameter(torch.tensor(weights))
    layer.bias = nn.Parameter(torch.tensor(bias))
    return layer


def classifier_of(network, weights):
    """A classifier that does not normalise, with the weights of its two logits: 2×C."""
    head = nn.Linear(len(weights[0]), 2, bias=False)
    head.weight = nn.Parameter(torch.tensor(weights))
    backbone = Backbone(network, len(weights[0]), (), {}, "fc")
    design = Design("standard", "compact", "linear")
    classifier = Classifier(design, NO_NORMALISATION, backbone, head)
    return classifier.eval().requires_grad_(False)


def maps_of(method, classifier, films, baselines=None, target=1, **changes):
    """Explain films by a method, against black; `target` is a class, or one for each film."""
    if baselines is None:
        baselines = torch.zeros_like(films)
    targets = torch.as_tensor(target).expand(len(films))
    settings = {"window": 1, "stride": 1, "steps": 16, "at_once": 64} | changes
    return explain(method, classifier, Task(films, baselines, targets, **settings))


def pixels_of(frames):
    """Turn frames of grey levels (uint8, S×S) into N×1×S×S float32 in [0, 1]."""
    return torch.from_numpy(np.stack(frames)).unsqueeze(1).float() / 255
