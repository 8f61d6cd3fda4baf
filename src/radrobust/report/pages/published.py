"""The published figures of the study that is rebuilt, beside those of this one."""

from __future__ import annotations

from html import escape
from math import isclose

import pandas as pd

from radrobust.core.params import Attack, Finetune, Model, budget_text
from radrobust.evaluation.intervals import wilson
from radrobust.report.kit import budgets, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.published_study import (
    ABSENT,
    COVERAGE,
    DATASET,
    EPS,
    FLAWS,
    IMAGE_SIZE,
    NAME,
    PERCENTS,
    PRESENT,
    STEPS,
)
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import REFERENCES, Study, View, estimate
from radrobust.report.kit.tables import (
    checked_cell,
    estimate_cell,
    estimates,
    sortable,
    system_cell,
)
from radrobust.report.kit.text import DASH, explainer_title, listing, number, plural
from radrobust.systems.catalogue import SYSTEMS

FILMS = ABSENT + PRESENT
SPACES = ("normalized", "pixel")
OF_THE_BOX = View(region="box")
ATTACKED = ("Attacked, after normalising", "Attacked, in pixels")


def in_words(study: Study) -> Markdown:
    """Say what the published figures come to against always saying no."""
    correct = {key: _correct(system.fracatlas.attacked) for key, system in SYSTEMS.items()}
    level = study.params.evaluate.level
    above = [key for key, count in correct.items() if count > ABSENT]
    surely = [key for key in above if wilson(correct[key], FILMS, level).low > ABSENT / FILMS]
    said = f"no {study.level} interval lies above it"
    if surely:
        said = f"the interval lies above it for {listing([study.name(key) for key in surely])}"
    named = f", {listing([study.name(key) for key in above])}," if above else ""
    return prose(
        f"{NAME} measured accuracy on {FILMS} films, {PRESENT} of them with a fracture. Naming no "
        f"fracture ever is right for {ABSENT} of them, {number(ABSENT / FILMS, 'accuracy')} %, "
        f"clean or attacked. Under its attack {len(above)} of {len(correct)} systems{named} "
        f"{'is' if len(above) == 1 else 'are'} right more often than that, and {said}."
    )


def no_replication(study: Study) -> Markdown:
    """Say in what the columns differ, so that nobody takes one for a replication of the other."""
    model, size = study.params.model, study.params.dataset.image_size
    attack = study.params.attack
    weights = {"none": "random weights", "robustbench": "RobustBench's weights"}
    differ = {
        f"the films (here {study.dataset['title']}, there FracAtlas)": (
            study.params.dataset.name != DATASET
        ),
        "the networks (here compact ones)": model.scale == "compact",
        f"what they start from (here {weights.get(model.weights, model.weights)})": (
            model.weights != "robustbench" and not model.evaluation_alone
        ),
        "what of them is trained (here more than a head)": (
            model.trainable != "head" and not model.evaluation_alone
        ),
        "the head (here one layer, there two)": model.head != "mlp",
        f"the attack (here {_attack(attack)})": not _as_published(attack),
        f"the size of a film (here {size}×{size} pixels, there {IMAGE_SIZE}×{IMAGE_SIZE})": (
            size != IMAGE_SIZE
        ),
    }
    named = [what for what, differs in differ.items() if differs]
    if not named:
        return prose(
            "**This is no replication**, although films, networks and attack are of the same kind: "
            "how it is measured differs, as said below."
        )
    return prose(
        f"**The columns are not a replication of each other.** Between them differ "
        f"{listing(named)}, and how it is measured, as said below. A difference between a "
        f"published figure and ours says nothing of either being right."
    )


def accuracies(study: Study) -> Html:
    """The published accuracies beside ours, attacked as published and attacked in pixels."""
    groups = [cell("", style="system")] + [
        cell(title, "colgroup", span=span, style="number")
        for title, span in {"Published accuracy, %": 2, "Accuracy here, %": 3}.items()
    ]
    titles = ("Clean", "Attacked", "Clean", *ATTACKED)
    head = [cell("System", "col", style="system")]
    head += [cell(title, "col", style="number") for title in titles]
    body = [
        [_first(study, key), *_published(study, key), *_ours(study, key, "accuracy")]
        for key in SYSTEMS
    ]
    body += [
        _reference(study, key, right)
        for key, right in zip(REFERENCES, (ABSENT, PRESENT), strict=True)
    ]
    caption = (
        f"Published: {FILMS} films, PGD with {STEPS} steps and {budget_text(EPS)} after "
        f"normalisation; the {study.level} intervals (Wilson) follow from the counts and were not "
        f"published. Here: {budgets.bare(study.params.attack, study.eps)}, counted after "
        f"normalisation, as they did, and in pixels. {DASH}: not in this study."
    )
    shown = sortable(html.table([groups, head], body, caption))
    return Html(f'<div class="after-2">{shown}</div>')


def spaces(study: Study) -> Html:
    """The same attack in both spaces: how far it moves a film, and what it leaves."""
    groups = [cell("", style="system"), cell("Grey levels", "colgroup", span=2, style="number"),
              cell("Balanced accuracy, %", "colgroup", span=3, style="number")]  # fmt: skip
    titles = ("normalised", "in pixels", "Clean", *ATTACKED)
    head = [cell("System", "col", style="system")]
    head += [cell(title, "col", style="number") for title in titles]
    body = []
    for key in study.systems:
        levels = [float(_space(study, key, space)["grey_levels"].iloc[0]) for space in SPACES]
        moved = [cell(_levels(value), style="number") for value in levels]
        body.append([checked_cell(study, key), *moved, *_ours(study, key, "balanced_accuracy")])
    caption = (
        f"A budget of {budgets.bare(study.params.attack, study.eps)}, counted after normalisation "
        "as in the published study and counted in the pixels of the film. Grey levels: by how much "
        "the pixel that was changed most in any film was changed, of 255. "
        "Balanced accuracy: always giving the same answer has 50 %."
    )
    shown = sortable(html.table([groups, head], body, caption))
    return Html(f'<div class="after-2">{shown}</div>')


def flaws(study: Study) -> Html:
    """What the published study does, what that does to its numbers, and what is done here."""
    titles = ("What they did", "What it does to the numbers", "What is done here")
    head = [cell(""), *(cell(title, "col") for title in titles)]
    here = _done_here(study)
    body = []
    for place, flaw in enumerate(FLAWS, 1):
        said = zip(titles, (flaw.done, flaw.effect, here[flaw.title]), strict=True)
        # A telephone, which shows no heads, writes each above its cell.
        cells = [f'<td data-title="{title}">{escape(text)}</td>' for title, text in said]
        body.append([cell(f"{place}. {flaw.title}", "row"), *cells])
    caption = f"How {NAME} measures, as its notebooks do it, and how it is measured here."
    return Html(f'<div class="wordy">{html.table([head], body, caption)}</div>')


def coverage(study: Study) -> Html:
    """Coverage as published beside ours, a tab an explainer."""
    panes = {explainer_title(name): _coverage(study, name) for name in COVERAGE}
    return html.tabs("coverage", panes)


def _attack(attack: Attack) -> str:
    kind = {"fixed": "PGD", "apgd": "APGD"}[attack.schedule]
    budget = budgets.bare(attack, float(attack.eps))
    steps = plural(attack.restarts * attack.steps, "step")
    return f"{kind}, {budget}, {steps}; there PGD, {budget_text(EPS)}, {STEPS} steps"


def _as_published(attack: Attack) -> bool:
    """Whether it is the same attack but for the space that the budget is counted in."""
    return (attack.norm, attack.schedule, attack.steps, attack.restarts) == (
        "linf", "fixed", STEPS, 1
    ) and isclose(attack.eps, EPS)  # fmt: skip


def _correct(percent: float) -> int:
    """Films that were right, from the published per cent of them."""
    return round(percent / 100 * FILMS)


def _first(study: Study, key: str) -> str:
    return (checked_cell if key in study.systems else system_cell)(study, key)


def _published(study: Study, key: str) -> list[str]:
    figures = SYSTEMS[key].fracatlas
    return [
        _counted(study, _correct(percent), f"{percent:.2f}")
        for percent in (figures.clean, figures.attacked)
    ]


def _counted(study: Study, right: int, shown: str) -> str:
    low, high = wilson(right, FILMS, study.params.evaluate.level)
    small = f"{number(low, 'accuracy')}{DASH}{number(high, 'accuracy')}"
    return cell(shown, style="number", small=small)


def _ours(study: Study, key: str, metric: str) -> list[str]:
    """Clean, attacked as published, attacked in pixels."""
    if key not in study.systems:
        return [cell(DASH, style="number")] * 3
    attacked = [estimate(_space(study, key, space), metric) for space in SPACES]
    return [
        *estimates(study, key, 0.0, [metric]),
        *(estimate_cell(found, metric) for found in attacked),
    ]


def _reference(study: Study, reference: str, right: int) -> list[str]:
    there = _counted(study, right, f"{100 * right / FILMS:.2f}")
    here = estimates(study, reference, 0.0, ["accuracy"])
    return [system_cell(study, reference), *[there] * 2, *here * 3]


def _space(study: Study, key: str, space: str) -> pd.DataFrame:
    table = study.spaces
    return table[(table["system"] == key) & (table["space"] == space)]


def _levels(value: float) -> str:
    return DASH if pd.isna(value) else f"{value:.2g}"


def _coverage(study: Study, explainer: str) -> str:
    published = COVERAGE[explainer]
    groups = [cell("", style="system")]
    groups += [
        cell(title, "colgroup", span=3, style="number") for title in ("Published, %", "Here, %")
    ]
    head = [cell("System", "col", style="system")]
    head += [cell(f"Top {percent} %", "col", style="number") for percent in PERCENTS * 2]
    body = [
        [
            system_cell(study, key),
            *(cell(f"{value:.2f}", style="number") for value in published[key]),
            *_measured(study, key, explainer),
        ]
        for key in SYSTEMS
        if key in published
    ]
    there = [cell(f"{percent:.2f}", style="number") for percent in PERCENTS]
    here = [cell(f"{percent:.1f}", style="number") for percent in PERCENTS]
    body.append([cell("Chance", "row", style="system reference"), *there, *here])
    caption = (
        f"{explainer_title(explainer)}: of the pixels of the box around the fracture, the share "
        f"among the top p % of the film's. Published: over training films too, without intervals. "
        f"Here: over test films, clean. {DASH}: not computed here."
    )
    return f'<div class="after-3">{sortable(html.table([groups, head], body, caption))}</div>'


def _measured(study: Study, key: str, explainer: str) -> list[str]:
    if key not in study.systems or explainer not in study.params.explain.methods:
        return [cell(DASH, style="number")] * len(PERCENTS)
    metrics = [f"coverage_{percent}" for percent in PERCENTS]
    return [
        estimate_cell(study.localised(key, explainer, metric, OF_THE_BOX), metric)
        for metric in metrics
    ]


def _done_here(study: Study) -> dict[str, str]:
    model, finetune = study.params.model, study.params.finetune
    return {
        "Budget": _budget(study),
        "Test films": "Test films are never augmented; that the network is given each film pixel "
        "by pixel as it is stored is checked.",
        "Augmentation": _augmented(model, finetune),
        "“Frozen” networks": _frozen(model),
        "Metrics": _metrics(study),
        "Coverage": "Over test films only, each map computed on the whole film.",
        "Weights": "Nothing that a published checkpoint asks for is run, and weights are kept as "
        "safetensors, which hold no code.",
        "Duplicates": "Films that show the same picture stay in one part of the split.",
    }


def _budget(study: Study) -> str:
    once = "each film is normalised once"
    if study.params.model.evaluation_alone:
        once = "films are normalised as the checkpoints were trained, some of them twice"
    if study.params.attack.space == "normalized":
        return (
            "In this study the attack is applied after normalisation too, as asked for in its "
            f"parameters; {once}. The table above has the attack on pixels beside it."
        )
    return (
        f"The attack changes pixels of the film itself, and {once}. The table above has the "
        "published arithmetic beside it."
    )


def _metrics(study: Study) -> str:
    films = (
        "all films of the dataset"
        if study.params.dataset.balance == "none"
        else "a dataset of which films without the finding were left out, as there"
    )
    return (
        "AUROC, sensitivity, specificity and balanced accuracy with intervals, on test films from "
        f"{films}, beside references that always give the same answer."
    )


def _augmented(model: Model, finetune: Finetune) -> str:
    if model.evaluation_alone:
        return "Nothing is trained, so nothing is augmented."
    if not finetune.augment:
        return "Films are neither mirrored nor shifted."
    return "No films but those for training are mirrored and shifted, those of both classes alike."


def _frozen(model: Model) -> str:
    if model.evaluation_alone:
        return (
            "Nothing is trained, and nothing drifts; a checkpoint that was fine-tuned so keeps "
            "what happened to it."
        )
    if model.trainable == "all":
        return (
            "Nothing is frozen: the networks are trained whole, and are in evaluation mode "
            "whenever measured."
        )
    kept = {"head": "the head", "last_block": "the last stage and the head"}[model.trainable]
    return (
        f"All but {kept} stays in evaluation mode during training too: its weights and BatchNorm "
        "statistics are bit for bit those that it started from."
    )
