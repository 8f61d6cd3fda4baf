"""Page *Published figures*: the figures of the study that is rebuilt, beside those of this one."""

from __future__ import annotations

from html import escape

from radrobust.core.conditions import NORMALIZED, PIXEL
from radrobust.core.params import budget_text
from radrobust.evaluation.intervals import wilson
from radrobust.report.kit import budgets, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.published_study import (
    ABSENT,
    EPS,
    FLAWS,
    IMAGE_SIZE,
    NAME,
    PERCENTS,
    PRESENT,
    STEPS,
)
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import CLEAN, REFERENCES, Study, View, under
from radrobust.report.kit.systems import HEADS, TRAINED, origin
from radrobust.report.kit.tables import (
    checked_cell,
    estimate_cell,
    estimates,
    sortable,
    system_cell,
)
from radrobust.report.kit.text import DASH, explainer_title, number, plural
from radrobust.systems.bibliography import bibliography, by_year

TESTED = ABSENT + PRESENT
UNITS = (NORMALIZED, PIXEL)
OF_THE_BOX = View(region="box")
ATTACKED = ("Attacked, after normalising", "Attacked, in pixels")


def designs(study: Study) -> Html:
    """The designs of both studies side by side: radiographs, networks and attack."""
    model, attack, size = study.params.model, study.params.attack, study.params.dataset.image_size
    schedule = {"fixed": "PGD", "apgd": "APGD"}[attack.schedule]
    steps = plural(attack.restarts * attack.steps, "step")
    budget = budgets.short(attack, study.eps)
    rows = {
        "Radiographs": ("FracAtlas", str(study.dataset["title"])),
        "Test radiographs": (str(TESTED), f"{study.count('test', 0) + study.count('test', 1):,}"),
        "Image size": (f"{IMAGE_SIZE}×{IMAGE_SIZE}", f"{size}×{size}"),
        "Scale of networks": ("paper", model.scale),
        "Weights at first": (origin("robustbench"), origin(model.weights)),
        "Head": (HEADS["mlp"], HEADS[model.head]),
        "Trained": (
            TRAINED["head"],
            "nothing" if model.evaluation_alone else TRAINED[model.trainable],
        ),
        "Attack": (
            f"PGD, {STEPS} steps, {budget_text(EPS)} (normalised)",
            f"{schedule}, {steps}, {budget}",
        ),
    }
    head = [cell(""), cell(NAME, "col"), cell("Here", "col")]
    body = [[cell(title, "row"), cell(there), cell(here)] for title, (there, here) in rows.items()]
    return Html(html.table([head], body, "The designs of the two studies."))


def accuracies(study: Study) -> Html:
    """The published accuracies beside ours, attacked as published and attacked in pixels."""
    groups = [cell("", style="system")] + [
        cell(title, "colgroup", span=span, style="number")
        for title, span in {"Published accuracy, %": 2, "Accuracy here, %": 3}.items()
    ]
    titles = ("Clean", "Attacked", "Clean", *ATTACKED)
    head = html.heads(["System"], titles)
    body = [
        [_first(study, key), *_published(study, key), *_ours(study, key, "accuracy")]
        for key in by_year()
        if bibliography(key).fracatlas or key in study.systems
    ]
    body += [
        _reference(study, key, right)
        for key, right in zip(REFERENCES, (ABSENT, PRESENT), strict=True)
    ]
    caption = (
        f"Published: {TESTED} radiographs, PGD with {STEPS} steps and {budget_text(EPS)} after "
        f"normalisation; the {study.level} intervals (Wilson) follow from the counts and were not "
        f"published. Here: {budgets.bare(study.params.attack, study.eps)}, counted after "
        f"normalisation, as they did, and in pixels. {DASH}: not in this study."
    )
    shown = sortable(html.table([groups, head], body, caption))
    return Html(f'<div class="after-2">{shown}</div>')


def spaces(study: Study) -> Html:
    """The same attack in both spaces: by how much it changes a radiograph, and its effect."""
    groups = [cell("", style="system"), cell("Grey levels", "colgroup", span=2, style="number"),
              cell("Balanced accuracy, %", "colgroup", span=3, style="number")]  # fmt: skip
    titles = ("normalised", "in pixels", "Clean", *ATTACKED)
    head = html.heads(["System"], titles)
    body = []
    for key in study.systems:
        moved = [cell(_levels(study, key, unit), style="number") for unit in UNITS]
        body.append([checked_cell(study, key), *moved, *_ours(study, key, "balanced_accuracy")])
    caption = (
        f"A budget of {budgets.bare(study.params.attack, study.eps)}, counted after normalisation "
        "as in the published study and counted in the pixels of the radiograph. Grey levels: the "
        "largest change of any pixel in any radiograph, of 255. Balanced accuracy: always giving "
        "the same answer has 50 %."
    )
    shown = sortable(html.table([groups, head], body, caption))
    return Html(f'<div class="after-2">{shown}</div>')


def flaws() -> Html:
    """The flaws of the published study, their effects, and the way it is done here."""
    titles = ("There", "Effect on the numbers", "Here")
    head = [cell(""), *(cell(title, "col") for title in titles)]
    body = []
    for place, flaw in enumerate(FLAWS, 1):
        said = zip(titles, (flaw.done, flaw.effect, flaw.here), strict=True)
        # A telephone, which shows no heads, writes each above its cell.
        cells = [f'<td data-title="{title}">{escape(text)}</td>' for title, text in said]
        body.append([cell(f"{place}. {flaw.title}", "row"), *cells])
    caption = f"How {NAME} measures, by its notebooks, and how it is measured here."
    return Html(f'<div class="wordy">{html.table([head], body, caption)}</div>')


def coverage(study: Study) -> Html:
    """Coverage as published beside ours, a tab an explainer."""
    published = dict.fromkeys(name for key in by_year() for name in bibliography(key).coverage)
    panes = {explainer_title(name): _coverage(study, name) for name in published}
    return html.tabs("coverage", panes)


def _correct(percent: float) -> int:
    """Return the number of correct answers behind the published per cent of them."""
    return round(percent / 100 * TESTED)


def _first(study: Study, key: str) -> str:
    return (checked_cell if key in study.systems else system_cell)(study, key)


def _published(study: Study, key: str) -> list[str]:
    figures = bibliography(key).fracatlas
    if figures is None:
        return [cell(DASH, style="number")] * 2
    return [
        _counted(study, _correct(percent), f"{percent:.2f}")
        for percent in (figures.clean, figures.attacked)
    ]


def _counted(study: Study, right: int, shown: str) -> str:
    low, high = wilson(right, TESTED, study.params.evaluate.level)
    small = f"{number(low, 'accuracy')}{DASH}{number(high, 'accuracy')}"
    return cell(shown, style="number", small=small)


def _ours(study: Study, key: str, metric: str) -> list[str]:
    """Clean, attacked as published, attacked in pixels."""
    if key not in study.systems:
        return [cell(DASH, style="number")] * 3
    asked = [CLEAN, *(study.in_units[unit] for unit in UNITS)]
    return [one for condition in asked for one in estimates(study, key, condition, [metric])]


def _reference(study: Study, reference: str, right: int) -> list[str]:
    there = _counted(study, right, f"{100 * right / TESTED:.2f}")
    here = estimates(study, reference, CLEAN, ["accuracy"])
    return [system_cell(study, reference), *[there] * 2, *here * 3]


def _levels(study: Study, key: str, unit: str) -> str:
    """The largest change of a pixel by an attack in some units, in grey levels."""
    largest = under(study.perturbations, key, study.in_units[unit])["linf_max"]
    return DASH if largest.empty else f"{255 * float(largest.iloc[0]):.2g}"


def _coverage(study: Study, explainer: str) -> str:
    published = {
        key: bibliography(key).coverage[explainer]
        for key in by_year()
        if explainer in bibliography(key).coverage
    }
    groups = [cell("", style="system")]
    groups += [
        cell(title, "colgroup", span=3, style="number") for title in ("Published, %", "Here, %")
    ]
    head = html.heads(["System"], [f"Top {percent} %" for percent in PERCENTS * 2])
    body = [
        [
            system_cell(study, key),
            *(cell(f"{value:.2f}", style="number") for value in values),
            *_measured(study, key, explainer),
        ]
        for key, values in published.items()
    ]
    there = [cell(f"{percent:.2f}", style="number") for percent in PERCENTS]
    here = [cell(f"{percent:.1f}", style="number") for percent in PERCENTS]
    body.append([cell("Chance", "row", style="system reference"), *there, *here])
    caption = (
        f"{explainer_title(explainer)}: of the pixels of the box around the finding, the share "
        f"among the top p % of the radiograph's. Published: over training radiographs too, without "
        f"intervals. Here: over test radiographs, clean. {DASH}: not computed here."
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
