import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.attacks.toys import Dragging
from torch import nn

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.perturbations.ball import Ball
from radrobust.systems import precision
from radrobust.systems.classifier import build
from radrobust.systems.meansparse import operators
from radrobust.systems.precision import Precision
from radrobust.training import loop
from radrobust.training.augmentation import augment
from radrobust.training.features import cached_features
from radrobust.training.fitting import Splits, decide, fit
from radrobust.training.inner import InnerAttack
from radrobust.training.inputs import FeatureInputs, ImageInputs
from radrobust.training.loop import Plan
from radrobust.training.selection import attacked_margins, choose_threshold, margins, score


def same_state(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_augmentation_mirrors_and_shifts_and_keeps_values():
    image = torch.zeros(1, 1, 32, 32)
    image[0, 0, 12:20, 13:17] = 0.5
    generator = torch.Generator().manual_seed(0)
    seen = {tuple(augment(image, generator).nonzero()[0].tolist()) for _ in range(200)}
    assert len(seen) > 20
    for _ in range(20):
        turned = augment(image, generator)
        assert turned.shape == image.shape
        assert float(turned.sum()) == float(image.sum())


@given(st.integers(1, 5), st.sampled_from([16, 32, 40]), st.integers(0, 99))
def test_augmentation_is_a_flip_of_a_shift(count, side, seed):
    images = torch.rand(count, 1, side, side)
    found = augment(images, torch.Generator().manual_seed(seed))
    reach = side // 16
    padded = nn.functional.pad(images, (reach,) * 4)
    for image, result in zip(padded, found, strict=True):
        windows = (
            image[:, top : top + side, left : left + side].flip(axes)
            for top in range(2 * reach + 1)
            for left in range(2 * reach + 1)
            for axes in ([], [1], [2], [1, 2])
        )
        assert any(torch.equal(window, result) for window in windows)


@pytest.mark.parametrize("objective", ["standard", "trades", "rebuffi"])
def test_training_learns_and_a_second_run_is_bit_identical(objective, inputs, fit):
    networks = []
    for _ in range(2):
        classifier = build("standard", seed=0)
        curve = fit(classifier, objective, inputs(64, 0), inputs(32, 1), epochs=5).curve
        networks.append(classifier)
    assert curve["val_auroc"].max() > 0.9
    assert curve["best"].sum() == 1
    metric = "val_auroc" if objective == "standard" else "val_attacked_auroc"
    assert curve.loc[curve["best"], metric].item() == curve[metric].max()
    assert same_state(*networks)
    assert not classifier.training


def test_the_best_epoch_is_the_one_that_is_kept(inputs, fit):
    validation = inputs(32, 1)
    classifier = build("standard", seed=0)
    curve = fit(classifier, "standard", inputs(64, 0), validation, epochs=4).curve
    found = margins(classifier, validation, torch.device("cpu"))
    assert score(validation.labels, found, "auroc") == curve.loc[curve["best"], "val_auroc"].item()


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("scheduler", ["none", "cosine", "onecycle", "plateau"])
def test_every_optimiser_with_every_scheduler(optimiser, scheduler, inputs, fit):
    classifier = build("standard", seed=0)
    curve = fit(
        classifier, "standard", inputs(32, 0), inputs(16, 1), epochs=2, optimiser=optimiser,
        scheduler=scheduler, clip=1.0, balance="sampler", metric="balanced_accuracy",
    ).curve  # fmt: skip
    assert np.isfinite(curve["loss"]).all()
    assert curve["val_balanced_accuracy"].between(0, 1).all()
    last = curve["lr"].iloc[-1]
    if scheduler == "cosine":
        assert last < 1e-4
    elif scheduler != "onecycle":
        assert last == pytest.approx(0.01)


def test_plateau_lowers_the_rate_where_nothing_gets_better(inputs, fit, monkeypatch):
    monkeypatch.setattr(loop, "score", lambda *_: 0.6)
    classifier = build("standard", seed=0)
    changes = {"epochs": 7, "scheduler": "plateau"}
    curve = fit(classifier, "standard", inputs(16, 0), inputs(16, 1), **changes).curve
    # The first is the best; three more are waited for, and the fourth lowers it for the next.
    assert curve["lr"].round(12).tolist() == [0.01] * 5 + [0.001] * 2


def test_training_ends_when_patience_does(inputs, fit, monkeypatch):
    scores = iter([0.6, 0.9, 0.8, 0.7, 0.95])
    monkeypatch.setattr(loop, "score", lambda *_: next(scores))
    classifier = build("standard", 0)
    changes = {"epochs": 9, "patience": 2}
    curve = fit(classifier, "standard", inputs(16, 0), inputs(16, 1), **changes).curve
    assert list(curve["val_auroc"]) == [0.6, 0.9, 0.8, 0.7]
    assert curve.loc[curve["best"], "epoch"].item() == 2


def test_a_loss_that_is_not_finite_names_the_epoch_the_step_and_what_is_kept(inputs, fit, tmp_path):
    state = tmp_path / "state.pt"
    with pytest.raises(InputError, match=r"epoch 1, step \d+; no epoch was finished; try a finet"):
        fit(build("standard", 0), "standard", inputs(64, 0), inputs(32, 1), lr=1e30)
    classifier = build("standard", 0)

    def poison(row):
        nn.init.constant_(classifier.head.weight, math.nan)

    with pytest.raises(InputError, match=r"epoch 2, step 1; epoch 1, the best.*state\.pt"):
        fit(classifier, "standard", inputs(64, 0), inputs(32, 1), state=state, on_epoch=poison)
    kept = torch.load(state, weights_only=True)["best_state"]
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())


@pytest.mark.parametrize("steps", [1, 3])
def test_training_in_an_l2_ball_stays_within_it_and_learns(inputs, fit, steps):
    classifier, passes = build("standard", seed=0), []

    def note(module, inputs):
        passes.append((module.training, inputs[0].detach().clone()))

    classifier.register_forward_pre_hook(note)
    changes = {"norm": "l2", "eps": "2", "steps": steps, "augment": False, "epochs": 4}
    training = inputs(64, 0, augmented=False)
    curve = fit(classifier, "pgd", training, inputs(32, 1), **changes).curve
    assert curve["val_attacked_auroc"].max() > 0.9
    shown = training.as_they_are(slice(None)).flatten(1)
    change = [torch.cdist(seen.flatten(1), shown).amin(dim=1) for learns, seen in passes if learns]
    lengths = torch.cat(change)
    assert lengths.max() <= 2 + 1e-4
    assert lengths.min() > 1.5  # more than any L-inf ball of 4/255 holds: .5 on 32 × 32 pixels


@pytest.mark.parametrize("condition", ["clean", "attacked"])
def test_an_epoch_whose_logits_are_no_numbers_is_not_kept(condition, inputs, fit, tmp_path):
    classifier, validation = build("standard", seed=0), inputs(16, 1)
    validation.images.pixels[11, 0, 0, 0] = 200  # brighter than any other corner
    level, epochs = 200 / 255, []

    def spoil(module, args, logits):
        distance = (args[0][:, 0, 0, 0] - level).abs()
        clean = distance < 1e-6
        marked = clean if condition == "clean" else (distance < 0.1) & ~clean
        return logits.masked_fill(marked[:, None], torch.nan) if epochs else logits

    classifier.register_forward_hook(spoil)
    said = (
        f"^trades, epoch 2: the logits of 1-11 are nan, nan under .* {condition} validation; train"
    )
    parts, changes = (inputs(32, 0), validation), {"on_epoch": epochs.append}
    with pytest.raises(InputError, match=said):
        fit(classifier, "trades", *parts, state=tmp_path / "state.pt", **changes)
    assert len(epochs) == 1
    assert torch.load(tmp_path / "state.pt", weights_only=True)["best_epoch"] == 1


def test_a_threshold_is_not_chosen_by_what_is_no_number(images):
    classifier, validation = build("standard", seed=0), images(16, 1)
    classifier.head.bias.data[0] = torch.inf
    with pytest.raises(InputError, match=r"of 1-0 are inf, \S+ under the condition clean valid"):
        decide(classifier, validation, None)


def test_validation_films_are_never_augmented(inputs, fit, monkeypatch):
    from radrobust.training import inputs as module

    seen = []
    monkeypatch.setattr(module, "augment", lambda images, _: seen.append(images) or images)
    validation = inputs(32, 1)
    validation.images.pixels[:, :, 0, 0] = 255  # a mark that no training film bears
    fit(build("standard", 0), "trades", inputs(64, 0), validation)
    assert seen
    assert all(float(images[:, 0, 0, 0].max()) < 1 for images in seen)


def test_the_average_follows_the_weights_by_hand():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    average = loop._average(network, 0.5)
    expected = 1.0
    for step, value in enumerate((3.0, 5.0, 7.0)):
        nn.init.constant_(network.weight, value)
        average.update_parameters(network)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = value if step == 0 else decay * expected + (1 - decay) * value
        assert float(average.module.weight.detach()) == pytest.approx(expected)


@pytest.mark.parametrize("objective", ["standard", "data_filtering"])
def test_no_batch_is_left_with_a_single_image(objective, inputs, fit):
    classifier = build("standard", seed=0, head="mlp")  # with BatchNorm of vectors
    sizes = []

    def note(module, args):
        if module.training:
            sizes.append(len(args[0]))

    classifier.head.register_forward_pre_hook(note)
    curve = fit(classifier, objective, inputs(33, 0), inputs(16, 1), epochs=2).curve
    assert len(curve) == 2
    if objective == "standard":
        assert sizes == [16, 17] * 2
    assert min(sizes) > 1


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(32, 16, [16, 16]), (33, 16, [16, 17]), (34, 16, [16, 16, 2]), (1, 16, [1]), (3, 2, [3])],
)
def test_an_epoch_is_cut_into_batches(count, size, expected):
    parts = loop._cut(count, size)
    assert [part.stop - part.start for part in parts] == expected
    assert [row for part in parts for row in range(count)[part]] == list(range(count))


def test_what_is_validated_and_kept_is_the_average(inputs, fit):
    plain, averaged = build("standard", 0), build("standard", 0)
    fit(plain, "standard", inputs(32, 0), inputs(16, 1), epochs=1)
    fit(averaged, "standard", inputs(32, 0), inputs(16, 1), epochs=1, averaging=0.9)
    assert not same_state(plain, averaged)


def test_a_sampler_draws_both_classes_equally_often():
    labels = torch.tensor([0] * 900 + [1] * 100)
    order = loop._order(labels, True, torch.Generator().manual_seed(0))
    assert len(order) == 1000
    assert 0.45 < float(labels[order].double().mean()) < 0.55
    plain = loop._order(labels, False, torch.Generator().manual_seed(0))
    assert sorted(plain.tolist()) == list(range(1000))


def test_class_weights_are_those_of_the_training_split(finetune):
    labels = torch.tensor([0, 0, 0, 1])
    weights = loop._class_weights(labels, finetune())
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 2.0]))
    assert torch.equal(loop._class_weights(labels, finetune(balance="sampler")), torch.ones(2))


@pytest.fixture
def measuring(monkeypatch):
    """Measure, whatever this processor lists."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)


def dragging(slow):
    """A network with all that measuring could disturb, much slower in one precision.

    It is small, so that bfloat16 is not the slower one where it is emulated.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        return Dragging(nn.Sequential(*layers, nn.Flatten(), nn.Dropout(), nn.Linear(16, 2)), slow)


@pytest.mark.parametrize("objective", ["standard", "trades"])
def test_bfloat16_is_for_training_and_not_for_judging(objective, inputs, fit, measuring):
    kinds = {"train": set(), "eval": set()}
    network = dragging(slow=torch.float32)
    first = network.network[0]

    def watch(module, inputs, output):
        if module is first:  # and not that of the copy that is measured
            judged = not torch.is_autocast_enabled("cpu")
            kinds["eval" if judged else "train"].add(output.dtype)

    first.register_forward_hook(watch)
    found = fit(network, objective, inputs(32, 0), inputs(16, 1), epochs=1, precision="auto")
    assert found.precision.name == "bfloat16"
    assert found.precision.bfloat16_seconds < found.precision.float32_seconds
    assert kinds == {"train": {torch.bfloat16}, "eval": {torch.float32}}
    assert all(weight.dtype == torch.float32 for weight in network.parameters())


def test_measuring_leaves_no_trace_in_the_weights(inputs, fit, measuring):
    networks = []
    for wanted in ("auto", "float32"):
        network = dragging(slow=torch.bfloat16)
        found = fit(network, "trades", inputs(32, 0), inputs(16, 1), epochs=1, precision=wanted)
        assert found.precision.name == "float32"
        assert (found.precision.float32_seconds is not None) == (wanted == "auto")
        networks.append(network)
    assert same_state(*networks)


class Killed(Exception):
    pass


def test_a_training_goes_on_in_the_precision_that_was_measured_first(
    inputs, fit, measuring, tmp_path
):
    def start(slow, on_epoch=lambda row: None, state=None):
        network = dragging(slow)
        parts = inputs(32, 0), inputs(16, 1)
        changes = {"state": state, "on_epoch": on_epoch, "precision": "auto"}
        return network, fit(network, "standard", *parts, **changes).precision

    def kill(row):
        raise Killed

    whole, _ = start(torch.float32)
    with pytest.raises(Killed):
        start(torch.float32, kill, tmp_path / "killed.pt")
    kept = torch.load(tmp_path / "killed.pt", weights_only=True)
    assert len(kept["rows"]) == 1
    again, found = start(torch.bfloat16, state=tmp_path / "killed.pt")  # now the slower one
    assert found == Precision(**kept["precision"])
    assert found.name == "bfloat16"
    assert same_state(whole, again)


# Head-only training


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("key", ["standard", "peng2023", "amini2024"])
def test_a_head_on_cached_features_is_the_head_of_the_whole_network(
    key, head, inputs, fit, tmp_path, monkeypatch
):
    training, validation = inputs(48, 0, augmented=False), inputs(16, 1)
    # A backbone may round in its own way whatever is in a batch. Adam would make whole steps of
    # gradients that are nothing else, and the best of epochs that are all but alike another one.
    epochs = itertools.count()
    monkeypatch.setattr(loop, "score", lambda *_: next(epochs))
    changes = {"epochs": 5, "optimiser": "sgd"}
    whole, cached = (build(key, seed=0, head=head) for _ in range(2))
    for classifier in (whole, cached):
        classifier.freeze("head")
    slow = fit(whole, "standard", training, validation, **changes)
    splits = training.images, validation.images
    seen = [cached_features(cached, split, 0, 7, tmp_path) for split in splits]
    fast = fit(cached.head, "standard", *seen, **changes)
    for (name, ours), theirs in zip(
        cached.head.state_dict().items(), whole.head.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0, msg=name)
    np.testing.assert_allclose(fast.curve["loss"], slow.curve["loss"], atol=1e-5)


def test_features_are_computed_once_and_anew_where_anything_changes(images, tmp_path, monkeypatch):
    classifier = build("standard", seed=0)
    calls = []
    handle = classifier.backbone.register_forward_hook(lambda *_: calls.append(1))
    first = cached_features(classifier, images(40, 0), 0, 1, tmp_path)
    assert len(calls) == 2
    again = cached_features(classifier, images(40, 0), 0, 2, tmp_path)  # no view, no seed
    assert len(calls) == 2
    assert np.array_equal(first.values, again.values)
    with torch.no_grad():
        expected = classifier.features(images(40, 0).floats())
    torch.testing.assert_close(first.as_they_are(slice(None)), expected)
    cached_features(classifier, images(40, 1), 0, 1, tmp_path)
    with torch.no_grad():
        classifier.backbone.bn1.running_mean += 1
    other = cached_features(classifier, images(40, 0), 0, 1, tmp_path)
    handle.remove()
    assert not np.array_equal(first.values, other.values)
    assert not list(tmp_path.glob("*.part"))


def test_views_take_turns(images, tmp_path):
    classifier = build("standard", seed=0)
    found = cached_features(classifier, images(10, 0), 3, 1, tmp_path)
    assert found.values.shape == (3, 10, 64)
    generator = torch.Generator()
    turns = [found.for_training(slice(0, 4), epoch, generator) for epoch in (1, 2, 3, 4)]
    assert torch.equal(turns[0], turns[3])
    assert not torch.equal(turns[0], turns[1])


def test_features_go_on_where_a_killed_run_ended(images, tmp_path, monkeypatch):
    classifier = build("standard", seed=0)
    expected = np.array(cached_features(classifier, images(90, 0), 0, 1, tmp_path / "a").values)
    broken, calls = build("standard", seed=0), []

    def fail(*_):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    handle = broken.backbone.register_forward_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        cached_features(broken, images(90, 0), 0, 1, tmp_path / "b")
    found = cached_features(broken, images(90, 0), 0, 1, tmp_path / "b")
    handle.remove()
    assert np.array_equal(found.values, expected)
    assert len(calls) == 2 + 2  # one batch was kept, two are left


# Fitting, and the threshold


@pytest.fixture
def plan(finetune, tmp_path):
    def build_plan(objective="standard", **changes):
        return Plan(objective, finetune(**changes), 7, torch.device("cpu"), tmp_path / "state.pt")

    return build_plan


def section(**changes):
    return load_params().model.model_copy(update=changes)


def test_meansparse_is_calibrated_after_its_backbone_was_trained(images, plan, tmp_path):
    classifier = build("amini2024", seed=0)
    splits = Splits(images(32, 0), images(16, 1))
    fit(classifier, splits, section(meansparse_alpha=0.2), plan(epochs=1), tmp_path)
    assert all(float(o.threshold) == pytest.approx(0.2) for o in operators(classifier))
    assert all((o.running_var > 0).any() for o in operators(classifier))
    assert not any(weight.requires_grad for weight in classifier.parameters())


def test_a_frozen_backbone_keeps_its_published_statistics(images, plan, tmp_path):
    classifier = build("amini2024", seed=0)
    for operator in operators(classifier):
        operator.running_var.fill_(0.3)
    model = section(trainable="head", meansparse_alpha=0.15)
    fit(classifier, Splits(images(32, 0), images(16, 1)), model, plan(epochs=1), tmp_path)
    assert all((o.running_var == 0.3).all() for o in operators(classifier))
    assert all(float(o.threshold) == pytest.approx(0.15) for o in operators(classifier))


def test_a_robust_objective_sees_films_and_not_features(images, plan, tmp_path):
    classifier = build("standard", seed=0)
    before = classifier.head.weight.clone()
    model = section(trainable="head")
    fit(classifier, Splits(images(32, 0), images(16, 1)), model, plan("trades", epochs=1), tmp_path)
    assert not torch.equal(classifier.head.weight, before)
    assert not list(tmp_path.glob("*.npy"))


@pytest.mark.parametrize(
    ("found", "least", "expected"),
    [
        ([-2.0, -1.0, 1.0, 3.0], None, 0.0),  # apart: halfway
        ([-2.0, 2.0, 1.0, 3.0], None, -0.5),  # of two equal ones that with more sensitivity
        ([-2.0, 2.0, 1.0, 3.0], 0.5, 2.5),
        ([-2.0, 2.0, 1.0, 3.0], 0.51, -0.5),
    ],
)
def test_thresholds_by_hand(found, least, expected):
    labels = np.array([0, 0, 1, 1], dtype=np.int8)
    assert choose_threshold(labels, np.array(found), least) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.one_of(st.none(), st.floats(0.05, 1)))
def test_no_other_threshold_is_better(seed, least):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, 20)]).astype(np.int8)
    found = np.round(rng.normal(labels, 1.0), 1)

    def rates(threshold):
        said = found > threshold
        return said[labels == 1].mean(), (~said)[labels == 0].mean()

    sensitivity, specificity = rates(choose_threshold(labels, found, least))
    for other in [found.min() - 1, *(found + 0.01), *(found - 0.01)]:
        theirs = rates(other)
        if least is None:
            assert sum(theirs) <= sensitivity + specificity + 1e-9
        elif theirs[0] >= least:
            assert theirs[1] <= specificity + 1e-9
    if least is not None:
        assert sensitivity >= least - 1e-9


def test_the_threshold_is_kept_with_the_classifier(images, tmp_path):
    from radrobust.systems import checkpoints

    classifier = build("standard", seed=0).eval()
    facts = decide(classifier, images(32, 1), 0.9)
    assert facts["val_sensitivity"] >= 0.9
    assert facts["threshold"] == classifier.threshold != 0
    checkpoints.save(classifier, tmp_path / "m.safetensors")
    assert checkpoints.load("standard", tmp_path / "m.safetensors").threshold == facts["threshold"]


def test_attacked_margins_are_lower_for_the_finding_and_higher_without(images):
    classifier = build("standard", seed=0)
    classifier.train()
    classifier(images(64, 0).floats())
    inputs, device = ImageInputs(images(20, 1)), torch.device("cpu")
    clean = margins(classifier, inputs, device)
    attack = InnerAttack(Ball("linf", 4 / 255), 3)
    attacked = attacked_margins(classifier, inputs, attack, 0, device)
    towards_wrong = np.where(inputs.labels.numpy() == 1, attacked < clean, attacked > clean)
    assert towards_wrong.mean() > 0.9
    again = attacked_margins(classifier, inputs, attack, 0, device)
    assert np.array_equal(attacked, again)
    assert not classifier.training


def test_features_are_read_only(tmp_path):
    values = np.lib.format.open_memmap(tmp_path / "f.npy", "w+", np.float32, (1, 3, 2))
    inputs = FeatureInputs(["a", "b", "c"], torch.tensor([0, 1, 0]), values)
    inputs.as_they_are(slice(None))[:] = 5
    assert (values == 0).all()
