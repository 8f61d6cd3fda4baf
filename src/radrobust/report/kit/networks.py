"""Sentences on what the networks are and what of them was trained, from the section `model`."""

from __future__ import annotations

from radrobust.core.params import Finetune, Model
from radrobust.report.kit.shown import Markdown, code, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import METRIC_TITLES, objective_title

CIFAR10 = "CIFAR-10, small colour photographs of ten kinds of things"
HEADS = {"linear": "one linear layer", "mlp": "the two layers of the study that is rebuilt"}


def in_words(study: Study) -> Markdown:
    """Say what each network is, with which weights it starts and what of it was trained."""
    model, finetune = study.params.model, study.params.finetune
    parts = [_built(model), _started(study), _trained(model, finetune)]
    if not model.evaluation_alone:
        parts += [_kept(finetune), _after(study)]
    return prose(" ".join(part for part in parts if part))


def warning(study: Study) -> str:
    """Say, as an item of a list, what the networks must not be taken for."""
    model, size = study.params.model, study.params.dataset.image_size
    if model.evaluation_alone:
        return (
            f"**Nothing was trained here.** The networks were fine-tuned elsewhere "
            f"({_source(model)}). Which films they have seen is not known here: where test films "
            "are among them, every number is flattered."
        )
    if model.weights == "none":
        made = {
            "compact": "**The networks are compact versions trained here from nothing**: each "
            "paper's architecture in small",
            "paper": "**The networks were trained here from nothing**: each paper's architecture "
            "at full size",
        }[model.scale]
        made += f", by {_objective(study.params.finetune)}, on films of {size}×{size} pixels."
        return (
            f"{made} They are not the published checkpoints, and their numbers are not those "
            "papers' numbers."
        )
    robustbench = model.weights == "robustbench"
    whose = "RobustBench's checkpoints" if robustbench else f"from elsewhere ({_source(model)}),"
    learnt = (
        f"They learnt from {CIFAR10}."
        if robustbench
        else "What they learnt from is not known here: where test films are among it, every number "
        "is flattered."
    )
    kept = {
        "head": "Nothing but the head was trained on the films here.",
        "last_block": "Nothing but the last stage and the head was trained on the films here.",
        "all": "Training them further on the films here may have cost robustness.",
    }[model.trainable]
    return (
        f"**The networks are {whose} with a new head.** {learnt} {kept} Their numbers on films of "
        f"{size}×{size} pixels are not those papers' numbers."
    )


def _built(model: Model) -> str:
    if model.scale == "paper":
        return "Each network has its paper's architecture at full size."
    return (
        "Each network is a compact version of its paper's architecture: layers of the same kind, "
        "but fewer and narrower."
    )


def _started(study: Study) -> str:
    model, size = study.params.model, study.params.dataset.image_size
    if model.evaluation_alone:
        return f"It was fine-tuned elsewhere ({_source(model)})."
    if model.weights == "none":
        return (
            f"It was trained here from nothing, by {_objective(study.params.finetune)}, on films "
            f"of {size}×{size} pixels."
        )
    if model.weights == "robustbench":
        return f"It starts from the checkpoint that RobustBench publishes, trained on {CIFAR10}."
    return f"It starts from weights that were trained elsewhere ({_source(model)})."


def _trained(model: Model, finetune: Finetune) -> str:
    if model.evaluation_alone:
        return "Here it is only evaluated; nothing was trained."
    if model.weights == "none":
        return ""
    new, by = f"a new head, {HEADS[model.head]},", f"by {_objective(finetune)}"
    return {
        "head": f"Only {new} was trained here, {by}. All before the head stays as it was, bit for "
        "bit.",
        "last_block": f"The last stage and {new} were trained here, {by}. All before them stays as "
        "it was, bit for bit.",
        "all": f"It was given {new} and trained here as a whole, {by}.",
    }[model.trainable]


def _kept(finetune: Finetune) -> str:
    most = "at most " if finetune.patience else ""
    metric = METRIC_TITLES[finetune.metric]
    return (
        f"The training goes {most}{finetune.epochs} times over the training films; the network is "
        f"kept as it was when its {metric} was highest on the validation films, on which a short "
        f"attack is tried where the objective perturbs films."
    )


def _after(study: Study) -> str:
    """Say what happens to a system besides the training by its objective."""
    texts = []
    if "chen2024" in study.systems and study.params.finetune.objective == "own":
        texts.append(
            "By which rule Data Filtering leaves films out is this project's own, as only its "
            "paper's abstract could be read."
        )
    if "rade2022" in study.systems and study.params.finetune.objective == "own":
        texts.append("HAT first trains its helper, a network of the same kind, plainly.")
    if "amini2024" in study.systems and study.params.model.trainable != "head":
        texts.append(
            "MeanSparse is no training: it is switched on afterwards, with statistics of the "
            "training films, so its epoch was chosen without it."
        )
    return " ".join(texts)


def _objective(finetune: Finetune) -> str:
    if finetune.objective == "own":
        return "its paper's objective"
    return f"one objective for all, {objective_title(finetune.objective)}"


def _source(model: Model) -> str:
    return code(f"model.weights: {model.weights}")
