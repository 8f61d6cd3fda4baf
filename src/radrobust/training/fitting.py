"""Fitting a classifier: what is frozen, what is cached, and what comes after training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from radrobust.core.params import Model
from radrobust.systems import meansparse
from radrobust.systems.classifier import Classifier
from radrobust.systems.images import Images
from radrobust.training.features import cached_features
from radrobust.training.inputs import ImageInputs
from radrobust.training.loop import OnEpoch, Plan, Trained, train
from radrobust.training.objectives import OBJECTIVES
from radrobust.training.selection import choose_threshold, margins

_BATCH = 64


class Splits(NamedTuple):
    """The images to learn from and those to choose by."""

    training: Images
    validation: Images


def fit(
    classifier: Classifier,
    splits: Splits,
    model: Model,
    plan: Plan,
    features: Path,
    on_epoch: OnEpoch = lambda row: None,
) -> Trained:
    """Train the part of a classifier that is to be trained; leave it in eval mode, all frozen.

    A head alone is trained on cached features, unless its objective perturbs images. MeanSparse is
    a step after training: while its backbone is trained it is switched off, and its statistics are
    measured anew afterwards; under a frozen backbone it stays as it was published.

    Parameters
    ----------
    classifier : Classifier
        With the weights to start from.
    splits : Splits
        The images, not on a GPU.
    model : Model
        The section `model` of the study.
    plan : Plan
        How to train.
    features : Path
        Folder for cached features.
    on_epoch : callable
        As in `train`.
    """
    classifier.to(plan.device).freeze(model.trainable)
    if model.trainable != "head":
        trained = _fit_backbone(classifier, splits, model, plan, on_epoch)
    else:
        meansparse.set_alpha(classifier, model.meansparse_alpha)
        trained = _fit_head(classifier, splits, plan, features, on_epoch)
    classifier.eval().requires_grad_(False)
    return trained


def _fit_backbone(
    classifier: Classifier, splits: Splits, model: Model, plan: Plan, on_epoch: OnEpoch
) -> Trained:
    classifier.to(memory_format=torch.channels_last)
    with meansparse.switched_off(classifier):
        trained = _train(classifier, splits, plan, on_epoch)
    batches = (group.on(plan.device).pixels for group in splits.training.groups(_BATCH))
    meansparse.calibrate(classifier.laid_out(), batches, model.meansparse_alpha)
    return trained


def _fit_head(
    classifier: Classifier, splits: Splits, plan: Plan, features: Path, on_epoch: OnEpoch
) -> Trained:
    if not OBJECTIVES[plan.objective].robust:
        views = plan.params.augment_views
        training = cached_features(classifier, splits.training, views, plan.seed, features)
        validation = cached_features(classifier, splits.validation, 0, plan.seed, features)
        return train(classifier.head, training, validation, plan, on_epoch)
    return _train(classifier, splits, plan, on_epoch)


def _train(classifier: Classifier, splits: Splits, plan: Plan, on_epoch: OnEpoch) -> Trained:
    training = ImageInputs(splits.training, plan.params.augment)
    return train(classifier, training, ImageInputs(splits.validation), plan, on_epoch)


def decide(
    classifier: Classifier, validation: Images, least_sensitivity: float | None
) -> dict[str, float]:
    """Choose the threshold of a classifier's decision on validation images, and set it.

    Returns
    -------
    dict
        `threshold`, and the `val_sensitivity` and `val_specificity` that it gives.
    """
    found = margins(classifier, ImageInputs(validation), classifier.device)
    labels = validation.labels.numpy()
    classifier.threshold = choose_threshold(labels, found, least_sensitivity)
    positive = found > classifier.threshold
    return {
        "threshold": classifier.threshold,
        "val_sensitivity": float(np.mean(positive[labels == 1])),
        "val_specificity": float(np.mean(~positive[labels == 0])),
    }
