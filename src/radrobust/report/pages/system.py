"""The page of one system: its training, numbers, checks and maps."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from radrobust.core.params import Finetune, budget_text
from radrobust.report.kit import budgets, charts, curves, html, links, maps, marks, verdicts
from radrobust.report.kit.check_texts import CHECKS
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import CLEAN, IMAGES, REFERENCES, Study, View
from radrobust.report.kit.systems import facts
from radrobust.report.kit.tables import FURTHER, MAIN, estimates, metric_cell, metric_title
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    explainer_title,
    interval,
    number,
    plural,
    unit,
)

AGAINST_BUDGET = ("balanced_accuracy", "accuracy", "sensitivity", "specificity")
"""Shares that are drawn: metrics that need a score are too kind under attack."""

LOCALISED = ("coverage_5", "coverage_15", "coverage_25", "coverage_50", "pointing", "mass", "auprc")
"""Measures of maps against the finding; larger shares of the radiograph are in the figure."""

VALIDATED = {"val_": "clean", "val_attacked_": "attacked"}
"""From the beginning of a column of the training curve to the images that it is of."""


def neighbours(study: Study, system: str) -> Markdown:
    """Lead to the systems before and after this one, and to all of them."""
    place = study.systems.index(system)
    before, after = study.systems[:place][-1:], study.systems[place + 1 :][:1]
    shown = [f"←\u00a0{links.to_system(study, key)}" for key in before]
    shown += ["[All systems](systems.ipynb)"]
    shown += [f"{links.to_system(study, key)}\u00a0→" for key in after]
    return prose(" · ".join(shown))


def at_a_glance(study: Study, system: str) -> Html:
    """The main figures, each with the reference that it has to be above."""
    no = f"always “{study.classes[0]}”"
    rows = [
        _compared(study, system, title, metric, condition, reference)
        for metric, reference in {
            "auroc": ("guessing", 0.5),
            "balanced_accuracy": ("guessing", 0.5),
            "accuracy": (no, curves.always_negative(study, "accuracy")),
        }.items()
        for title, condition in study.conditions.items()
    ]
    if study.marked:
        row = maps.covered(study, system)
        method = explainer_title(study.params.explain.methods[0])
        first = cell(f"{study.finding.capitalize()} covered, %", "row", small=method)
        chance = cell("chance", small=number(row["chance"], "share"))
        rows.append(
            [first, cell("clean"), maps.covered_cell(row, abs(maps.lead(row)) or 1), chance]
        )
    head = [cell("", style="system"), cell("Image", "col")]
    note = verdicts.note(study, system)
    head += [cell(study.title(system), "col", style="number", note=note)]
    head += [cell("Compared with", "col")]
    caption = (
        f"{study.name(system)} on {study.test_set}, clean and attacked at "
        f"{budgets.short(study.params.attack, study.eps)}; in small print the {study.level} "
        "interval. ▲ the interval is above the reference, ≈ around it, ▼ below it. Covered: of the "
        f"{study.finding}'s pixels, those among the strongest 5 % of the first method's maps."
    )
    return Html(html.table([head], rows, caption))


def paper(system: str) -> Html:
    """Show the catalogue's facts about a system."""
    described = html.description(facts(system))
    return Html(f'<div class="entry" style="border: 0">{described}</div>')


def training(study: Study, system: str) -> Html:
    """Loss and validation metric, epoch by epoch; the epoch that was kept is marked."""
    if study.params.model.evaluation_alone:
        return Html("<p>Nothing was trained here, so there is no training to show.</p>")
    table, best = study.training_curve(system), int(study.training(system)["best_epoch"])
    metric = study.params.finetune.metric
    validated = {f"{start}{metric}": image for start, image in VALIDATED.items()}
    validated = {column: image for column, image in validated.items() if column in table}
    with charts.canvas(rows=3.6, panels=2) as (canvas, axes):
        _draw_epochs(axes[0], table, {"loss": "clean"}, system)
        _draw_epochs(axes[1], table, validated, system)
        for ax, title in zip(axes, ("Loss", f"{METRIC_TITLES[metric]}, validation"), strict=True):
            ax.set_title(title, loc="left")
            ax.axvline(best, color=charts.REFERENCE, ls=charts.DOTTED, lw=1.2)
        if unit(metric):
            axes[1].yaxis.set_major_formatter(PercentFormatter(1))
        lines = {image: charts.LINES[image] for image in validated.values()}
        charts.explain_lines(canvas, {**lines, f"epoch {best}, kept": charts.DOTTED})
        canvas.supxlabel("Times through the training radiographs (epochs)", fontsize=8.5)
        return charts.shown(
            canvas,
            alt=f"Training of {study.name(system)}. {_went(table, validated, metric, best)}",
            caption=_caption(study.params.finetune, len(validated) > 1, best),
        )


def numbers(study: Study, system: str) -> Html:
    """Every metric of one system, clean and attacked, beside the references."""
    budget = budgets.short(study.params.attack, study.eps)
    head = [cell("Metric", "col", style="system"), cell("Clean", "col", style="number")]
    note = verdicts.note(study, system)
    head += [cell("Attacked", "col", style="number", small=budget, note=note)]
    head += [cell(study.title(key), "col", style="number") for key in REFERENCES]
    columns = [(system, condition) for condition in study.conditions.values()]
    columns += [(key, CLEAN) for key in REFERENCES]
    body = [
        [metric_cell(metric, "row", "system")]
        + [one for key, condition in columns for one in estimates(study, key, condition, [metric])]
        for metric in (*MAIN, *FURTHER)
    ]
    caption = (
        f"{study.name(system)} on the test radiographs, clean and attacked at {budget}; in small "
        f"print the {study.level} confidence interval. The last two columns are references that "
        f"always give the same answer. {DASH}: undefined."
    )
    return Html(html.table([head], body, caption))


def threshold(study: Study, system: str) -> Html:
    """The chosen threshold, with sensitivity and specificity on validation radiographs."""
    found = study.training(system)
    shown = {"Threshold": f"{found['threshold']:.2f}".replace("-", "−")}
    for metric in ("sensitivity", "specificity"):
        shown[f"{METRIC_TITLES[metric]}, validation"] = (
            number(found[f"val_{metric}"], metric) + " %"
        )
    return Html(f'<div class="entry" style="border: 0">{html.description(shown)}</div>')


def outcomes(study: Study, system: str) -> Html:
    """Every check that was made of one system: its purpose and its verdict."""
    own = study.only(system)
    head = html.heads(["Check", "Verdict", "May be"])
    body = [
        [
            cell(CHECKS[name].title, "row", style="system", small=CHECKS[name].guards),
            verdicts.status(own, name, system),
            cell(verdicts.limit(own, name)),
        ]
        for name in verdicts.present(own)
    ]
    caption = (
        f"{study.name(system)}, check by check. Under each check the danger that it guards "
        f"against, under each verdict the figure and, where there is one, its {study.level} "
        "confidence interval; in the last column the values that the figure may have."
    )
    return Html(f'<div class="checks">{html.table([head], body, caption)}</div>')


def coverage(study: Study, system: str) -> Html:
    """How much of the finding each method's maps cover, a panel a method."""
    if not study.marked:
        return maps.nothing_marked(study)
    return maps.coverage_of_methods(study, system)


def localised(study: Study, system: str) -> Html:
    """The maps against the finding and against chance, a method below the other."""
    if not study.marked:
        return Html("")
    rows = [
        (system, method, image, [_method_cell(method, image), cell(image)])
        for method in study.params.explain.methods
        for image in IMAGES
    ]
    caption = (
        f"Maps of {study.name(system)} against the outline of the {study.finding}, on "
        f"{plural(study.marked, 'test radiograph')}; in small print the {study.level} interval."
    )
    first = ["Method", "Image"]
    return Html(maps.numbers(study, rows, first, LOCALISED, View(), caption))


def _compared(
    study: Study, system: str, image: str, metric: str, condition: str, reference: tuple[str, float]
) -> list[str]:
    """Return a row: a metric of some images, and the reference that it is compared with."""
    row: Row = study.metric(system, condition, metric)
    name, value = reference
    mark = marks.CHANCE.get(marks.side(row["low"], row["high"], value))
    shown = marks.marked_cell(
        number(row["value"], metric),
        interval(row, metric),
        _of(mark, name),
        abs(row["value"] - value),
    )
    beside = cell(name, small=number(value, metric))
    return [cell(metric_title(metric), "row"), cell(image), shown, beside]


def _of(mark: marks.Mark | None, reference: str) -> marks.Mark | None:
    """Let the words of a mark name its reference."""
    return mark and mark._replace(words=mark.words.replace("chance", reference))


def _draw_epochs(ax: Axes, table: pd.DataFrame, columns: dict[str, str], system: str) -> None:
    """Draw columns of the training curve; `columns` has the images that each is of."""
    for column, image in columns.items():
        ax.plot(table["epoch"], table[column], color=charts.colour(system), lw=1.4,
                ls=charts.LINES[image], marker=charts.marker(system), markersize=3)  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.04, y=0.1)


def _went(table: pd.DataFrame, validated: dict[str, str], metric: str, best: int) -> str:
    """Write the numbers of the training curves."""
    first, last = table.iloc[0], table.iloc[-1]
    kept = table[table["epoch"] == best].iloc[0]
    said = [f"Loss from {first['loss']:.2f} to {last['loss']:.2f} in {len(table)} epochs"]
    for column, image in validated.items():
        start, end = (number(float(row[column]), metric) + unit(metric) for row in (first, kept))
        said.append(
            f"{METRIC_TITLES[metric]} on {image} validation radiographs from {start} to {end} in "
            f"epoch {best}, which was kept"
        )
    return f"{'; '.join(said)}."


def _caption(finetune: Finetune, robust: bool, best: int) -> str:
    judged = (
        f"Attacked: by a short attack, {plural(finetune.steps, 'step')} within "
        f"{budget_text(finetune.eps)}, and not by that of the test; epochs are compared by it."
        if robust
        else "Its objective attacks no radiograph, so epochs are compared by clean ones."
    )
    return (
        f"Loss on the training radiographs, and {METRIC_TITLES[finetune.metric]} on the validation "
        f"radiographs after each epoch. Dotted: epoch {best}, the best of them, which was kept. "
        f"{judged}"
    )


def _method_cell(method: str, image: str) -> str:
    title = explainer_title(method)
    repeated = image != IMAGES[0]
    return html.hidden_header(title) if repeated else cell(title, "row", style="system")
