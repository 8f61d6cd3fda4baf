"""Limits of a study that a reader has to know: they depend on its radiographs and networks."""

from __future__ import annotations

from radrobust.core.params import Model
from radrobust.report.kit import patients, threat
from radrobust.report.kit.shown import Markdown, code, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import objective_title, plural


def limits(study: Study) -> Markdown:
    """List the conclusions that this study does not allow."""
    items = [_radiographs(study)]
    if study.params.attack.space == "normalized":
        items.append(f"**Budgets on this site are not in pixels.** {threat.normalised(study)}")
    items += [_networks(study), f"**The systems were measured on {study.test_set}.**"]
    return prose("\n".join(f"- {item}" for item in items))


def _radiographs(study: Study) -> str:
    """Say whose radiographs these are, and how that affects the numbers."""
    if study.is_phantom:
        return (
            "**The radiographs are phantoms**: drawn by a program, not taken of anybody. They "
            "serve to try the measurement and to compare the systems on this task; they say "
            "nothing about real radiographs."
        )
    found, test = patients.everywhere(study), patients.in_test(study)
    if found.unknown:
        return (
            "**Radiographs of one patient may be in several parts of the split**: "
            f"{patients.unknown(found)}. Where they are, numbers tend to be too good; and where "
            "one patient has several test radiographs, intervals tend to be too narrow."
        )
    several = (
        f" The {plural(test.samples, 'test radiograph')} are of "
        f"{plural(test.patients, 'patient')}: intervals take each radiograph for another "
        "patient's, and tend to be too narrow."
        if test.patients < test.samples
        else ""
    )
    return (
        f"**The radiographs are of {plural(found.patients, 'patient')}**, and those of one patient "
        f"are in one part of the split.{several}"
    )


def _networks(study: Study) -> str:
    """Say for which networks these must not be taken."""
    model, size = study.params.model, study.params.dataset.image_size
    if model.evaluation_alone:
        return (
            f"**Nothing was trained here.** The networks were fine-tuned elsewhere "
            f"({_source(model)}), on radiographs that are not known here: where test radiographs "
            "are among them, every number is flattered."
        )
    pixels = f"radiographs of {size}×{size} pixels"
    if model.weights == "none":
        kind = "compact versions" if model.scale == "compact" else "full-size versions"
        return (
            f"**The networks are {kind} of the papers' architectures, trained here from nothing** "
            f"by {_objective(study)}, on {pixels}. They are not the published checkpoints, and "
            "their numbers are not those papers' numbers."
        )
    whose, learnt = "RobustBench's checkpoints", "They learnt from CIFAR-10, small photographs."
    if model.weights != "robustbench":
        whose = f"from elsewhere ({_source(model)}),"
        learnt = (
            "The images that they learnt from are not known here: where test radiographs are among "
            "them, every number is flattered."
        )
    trained = {
        "head": "Only the head was trained here",
        "last_block": "Only the last stage and the head were trained here",
        "all": "They were trained further as a whole, which may have cost robustness",
    }[model.trainable]
    return (
        f"**The networks are {whose} with a new head.** {learnt} {trained}, by "
        f"{_objective(study)}, on {pixels}: their numbers are not those papers' numbers."
    )


def _objective(study: Study) -> str:
    objective = study.params.finetune.objective
    if objective == "own":
        return "each paper's objective"
    return f"one objective for all, {objective_title(objective)}"


def _source(model: Model) -> str:
    return code(f"model.weights: {model.weights}")
