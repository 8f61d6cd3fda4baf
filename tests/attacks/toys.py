"""Classifiers whose worst case is known, and films for them."""

import time

import torch
from torch import nn

from radrobust.systems.images import Images

SIDE = 8


class Linear(nn.Module):
    """Logits (0, w·x + b): within a ball the margin falls by eps times the dual norm of w."""

    def __init__(self, weights, bias=0.0):
        super().__init__()
        self.weights, self.bias = weights, bias

    def forward(self, images):
        score = (images * self.weights).sum(dim=(1, 2, 3)) + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Net(nn.Sequential):
    """A small network that bends; drawn anew from `seed`."""

    def __init__(self, seed=0, channels=1, classes=2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            super().__init__(
                nn.Conv2d(channels, 4, 3, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(4 * SIDE**2, classes),
            )
        self.eval().requires_grad_(False)


class Rounded(nn.Module):
    """A classifier that rounds pixels first: right as before, and without any gradient."""

    def __init__(self, classifier, levels=32):
        super().__init__()
        self.classifier, self.levels = classifier, levels

    def forward(self, images):
        return self.classifier((images * self.levels).round() / self.levels)


class Blind(nn.Module):
    """A classifier whose logits are not numbers for images of which a condition is true."""

    def __init__(self, classifier, is_true):
        super().__init__()
        self.classifier, self.is_true = classifier, is_true

    def forward(self, images):
        logits = self.classifier(images).clone()
        logits[self.is_true(images), 0] = torch.nan
        return logits


class Dragging(nn.Module):
    """A network whose passes with a gradient take much longer in one precision."""

    def __init__(self, network, slow):
        super().__init__()
        self.network, self.slow = network, slow

    def forward(self, images):
        precision = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
        if torch.is_grad_enabled() and precision == self.slow:
            time.sleep(0.1)
        return self.network(images)


def films_of(pixels, labels, prefix="film"):
    return Images([f"{prefix}-{row}" for row in range(len(labels))], labels, pixels)


def linear_problem(seed, count=6):
    """Weights, and films so far from 0 and 1 that no budget under .1 meets an end of the range."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(1, 1, SIDE, SIDE, generator=generator)
    pixels = 0.2 + 0.6 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    labels = torch.randint(0, 2, (count,), generator=generator)
    return weights, films_of(pixels, labels)


def random_films(seed, count=5, classes=2):
    """Films many of whose pixels lie at the ends of the range."""
    generator = torch.Generator().manual_seed(seed)
    pixels = (1.4 * torch.rand(count, 1, SIDE, SIDE, generator=generator) - 0.2).clamp(0, 1)
    return films_of(pixels, torch.randint(0, classes, (count,), generator=generator))
