"""One system by itself: what it is, how its training went, its numbers, its checks and its maps."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from radrobust.core.params import Finetune, budget_text
from radrobust.report.kit import budgets, charts, html
from radrobust.report.kit import curves as figures
from radrobust.report.kit import marks as matrix
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.check_texts import CHECKS
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import ALWAYS_NEGATIVE, IMAGES, REFERENCES, Study, View
from radrobust.report.kit.tables import FURTHER, LOWER_IS_BETTER, estimates, metric_title
from radrobust.report.kit.tables import HEADLINE as MAIN
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    explainer_title,
    number,
    plural,
    quoted,
    unit,
)
from radrobust.report.kit.warnings import CHANCE
from radrobust.report.pages import systems
from radrobust.report.pages.interpretability import charts as map_figures
from radrobust.report.pages.interpretability import localisation
from radrobust.report.pages.interpretability.localisation import METRICS
from radrobust.systems.catalogue import SYSTEMS

KEPT = (0, (1, 1.5))
"""The line at the epoch that was kept."""

AGAINST_BUDGET = ("balanced_accuracy", "accuracy", "sensitivity", "specificity")
"""Shares that are drawn: what needs a score is too kind under attack."""

LOCALISED = ("coverage_5", "coverage_15", "coverage_25", "coverage_50", "pointing", "mass", "auprc")
"""What maps are held against the finding by; larger shares of the film are in the figure."""

HIT = localisation.HEADLINE

SIDES = {
    "above": "more often than that",
    "around": "which cannot be told from that",
    "below": "less often than that",
    "": "of too few films to tell it from that",
}
"""Where an interval lies beside what always saying no is right for."""

VALIDATED = {"val_": "clean", "val_attacked_": "attacked"}
"""From the beginning of a column of the training curve to the films that it is of."""


def neighbours(study: Study, system: str) -> Markdown:
    """Lead to the systems before and after this one, and to all of them."""
    place = study.systems.index(system)
    before, after = study.systems[:place][-1:], study.systems[place + 1 :][:1]
    links = [f"←\u00a0{systems.page_link(study, key)}" for key in before]
    links += ["[All systems](systems.ipynb)"]
    links += [f"{systems.page_link(study, key)}\u00a0→" for key in after]
    return prose(" · ".join(links))


def in_short(study: Study, system: str) -> Markdown:
    """Say what one system comes to: clean, attacked, against saying no, and its maps."""
    parts = {
        "Clean": _clean(study, system),
        "Attacked": _attacked(study, system),
        "Against always saying no": _against_no(study, system),
        "Where it looks": _looks(study, system),
    }
    return prose("\n".join(f"- **{title}.** {said}" for title, said in parts.items()))


def paper(system: str) -> Html:
    """Show what the catalogue knows of a system."""
    facts = html.description(systems.facts(SYSTEMS[system]))
    return Html(f'<div class="entry" style="border: 0">{facts}</div>')


def training(study: Study, system: str) -> Html:
    """Loss and validation metric, epoch by epoch; the epoch that was kept is marked."""
    if study.params.model.evaluation_alone:
        return Html("<p>Nothing was trained here, so there is no training to show.</p>")
    table, best = study.training_curve(system), int(study.training(system)["best_epoch"])
    metric = study.params.finetune.metric
    validated = {f"{start}{metric}": films for start, films in VALIDATED.items()}
    validated = {column: films for column, films in validated.items() if column in table}
    with charts.canvas(rows=3.6, panels=2) as (canvas, axes):
        _draw_epochs(axes[0], table, {"loss": "clean"}, system)
        _draw_epochs(axes[1], table, validated, system)
        for ax, title in zip(axes, ("Loss", f"{METRIC_TITLES[metric]}, validation"), strict=True):
            ax.set_title(title, loc="left")
            ax.axvline(best, color=charts.REFERENCE, ls=KEPT, lw=1.2)
        if unit(metric):
            axes[1].yaxis.set_major_formatter(PercentFormatter(1))
        lines = {f"{films} films": map_figures.LINES[films] for films in validated.values()}
        map_figures.explain_lines(canvas, {**lines, f"epoch {best}, kept": KEPT})
        canvas.supxlabel("Times through the training films (epochs)", fontsize=8.5)
        return charts.shown(
            canvas,
            alt=f"Training of {study.name(system)}. {_went(table, validated, metric, best)}",
            caption=_caption(study.params.finetune, len(validated) > 1, best),
        )


def numbers(study: Study, system: str) -> Html:
    """Every metric of one system, clean and attacked, beside what looks at no film."""
    budget = budgets.short(study.params.attack, study.eps)
    head = [cell("Metric", "col", style="system"), cell("Clean", "col", style="number")]
    note = checks.note(study, system)
    head += [cell("Attacked", "col", style="number", small=budget, note=note)]
    head += [cell(study.title(key), "col", style="number") for key in REFERENCES]
    body = []
    for metric in (*MAIN, *FURTHER):
        small = "lower is better" if metric in LOWER_IS_BETTER else ""
        row = [cell(metric_title(metric), "row", style="system", small=small)]
        for key, eps in [(system, 0.0), (system, study.eps), *((key, 0.0) for key in REFERENCES)]:
            row += estimates(study, key, eps, [metric])
        body.append(row)
    caption = (
        f"{study.name(system)} on the test films, clean and attacked at {budget}; in small print "
        f"the {study.level} confidence interval. The last two columns look at no film and always "
        f"give the same answer. {DASH}: undefined."
    )
    return Html(html.table([head], body, caption))


def against_budget(study: Study, system: str) -> Html:
    """Shares of right answers against the attack's budget, a panel a metric."""
    titles = [METRIC_TITLES[metric] for metric in AGAINST_BUDGET]
    with charts.panels(titles, height=1.3) as (canvas, axes):
        for ax, metric in zip(axes, AGAINST_BUDGET, strict=True):
            figures.draw_curve(ax, study, system, metric)
        axes[0].yaxis.set_major_formatter(PercentFormatter(1))
        canvas.supxlabel(budgets.axis(study.params.attack), fontsize=8.5)
        said = "; ".join(
            f"{METRIC_TITLES[metric]} of {figures.course(study, system, metric)}"
            for metric in AGAINST_BUDGET
        )
        return charts.shown(
            canvas,
            alt=f"Metrics against the attack's budget. {said}.",
            caption=f"{study.name(system)} against the attack's budget, with {study.level} "
            f"confidence bands. Dashed: calling every film “{study.classes[0]}”."
            f"{_behind(study, 'the other systems')}",
        )


def threshold(study: Study, system: str) -> Markdown:
    """Say which threshold was chosen, and what it gave on validation films."""
    facts = study.training(system)
    gave = [
        f"{METRIC_TITLES[metric].lower()} {number(facts[f'val_{metric}'], metric)} %"
        for metric in ("sensitivity", "specificity")
    ]
    return prose(
        f"A film is called positive where the logit of “{study.classes[1]}” leads by more than "
        f"{_plain(facts['threshold'])}, instead of by more than 0. On the validation films, on "
        f"which that was chosen, it gave {gave[0]} and {gave[1]}."
    )


def verdicts(study: Study, system: str) -> Html:
    """Every check that was made of one system: against what it guards, and how it came out."""
    own = study.only(system)
    titles = ("Check", "Verdict", "May be")
    head = [cell(title, "col", style="system" if title == "Check" else "") for title in titles]
    body = [
        [
            cell(CHECKS[name].title, "row", style="system", small=CHECKS[name].guards),
            checks.status(own, name, system),
            cell(checks.limit(own, name)),
        ]
        for name in checks.present(own)
    ]
    caption = (
        f"{study.name(system)}, check by check. Under each check what it guards against, under "
        f"each verdict the figure and, where there is one, its {study.level} confidence interval; "
        "in the last column what the figure may be."
    )
    return Html(f'<div class="checks">{html.table([head], body, caption)}</div>')


def coverage(study: Study, system: str) -> Html:
    """How much of the finding each method's maps hit, a panel a method."""
    if not study.marked:
        return localisation.nothing_marked(study)
    methods = study.params.explain.methods
    titles = [explainer_title(method) for method in methods]
    with charts.panels(titles, height=1.2) as (canvas, axes):
        for ax, method in zip(axes, methods, strict=True):
            map_figures.draw_coverage(ax, study, system, method)
        map_figures.in_per_cent(axes[0])
        canvas.supxlabel("Share of the film's pixels taken, strongest first", fontsize=8.5)
        canvas.supylabel(f"Of the {study.finding}, among them", fontsize=8.5)
        map_figures.explain_lines(canvas, {**map_figures.LINES, "chance": (0, (1, 1.5))})
        said = ". ".join(
            f"{title}: {map_figures.covered(study, system, method)}"
            for title, method in zip(titles, methods, strict=True)
        )
        return charts.shown(
            canvas,
            alt=f"Coverage of the {study.finding} by maps of {study.name(system)}. {said}. Chance: "
            "as much as is taken.",
            caption=f"{study.name(system)}: how much of the {study.finding}'s outline lies among "
            f"the strongest pixels, on clean and attacked films, with the {study.level} band of "
            f"clean ones. Above the dotted line: more than chance."
            f"{_behind(study, 'the other systems, clean')}",
        )


def localised(study: Study, system: str) -> Html:
    """How the maps hit the finding against chance, a method below the other."""
    if not study.marked:
        return Html("")
    own, methods = study.only(system), study.params.explain.methods
    covers = sum(metric.startswith("coverage") for metric in LOCALISED)
    groups = [cell("", style="system"), cell("")]
    groups += [cell(f"Of the {study.finding}, among the strongest", "colgroup", span=covers,
                    style="number"), cell("", span=len(LOCALISED) - covers)]  # fmt: skip
    head = [cell("Method", "col", style="system"), cell("Films", "col")]
    head += [cell(METRICS[metric], "col", style="number") for metric in LOCALISED]
    body = [_localised(study, system, method, image) for method in methods for image in IMAGES]
    body.append(localisation.chance(own, methods[0], "all", "mask", LOCALISED))
    caption = (
        f"Maps of {study.name(system)} held against the outline of the {study.finding} on "
        f"{plural(study.marked, 'test film')}: per cent, but for AUPRC; in small print the "
        f"{study.level} interval. {matrix.signs(matrix.CHANCE)}."
    )
    return Html(f'<div class="dense">{html.table([groups, head], body, caption)}</div>')


def _clean(study: Study, system: str) -> str:
    auroc, balanced = (study.metric(system, 0, name) for name in ("auroc", "balanced_accuracy"))
    blind = (
        ""
        if auroc["low"] > CHANCE
        else " It is not surely better than guessing (interval of the AUROC not above 0.5), so "
        "that its attacked numbers say little."
    )
    return (
        f"AUROC {quoted(auroc, 'auroc')} and balanced accuracy "
        f"{quoted(balanced, 'balanced_accuracy')} on {sentences.test_set(study)}.{blind}"
    )


def _attacked(study: Study, system: str) -> str:
    row = study.metric(system, study.eps, "balanced_accuracy")
    side = {
        "above": "better than chance (interval above 50 %)",
        "around": "not told from chance (interval around 50 %)",
        "below": "worse than chance (interval below 50 %), as an attacker turns answers round",
        "": "too few films to tell it from chance",
    }[matrix.side(float(row["low"]), float(row["high"]), CHANCE)]
    return (
        f"With {budgets.changed(study.params.attack, study.eps)}, its balanced accuracy is "
        f"{quoted(row, 'balanced_accuracy')}: {side}."
    )


def _against_no(study: Study, system: str) -> str:
    never = float(study.metric(ALWAYS_NEGATIVE, study.eps, "accuracy")["value"])
    rows = [study.metric(system, eps, "accuracy") for eps in (0.0, study.eps)]
    clean, attacked = (
        f"{quoted(row, 'accuracy')}, "
        + SIDES[matrix.side(float(row["low"]), float(row["high"]), never)]
        for row in rows
    )
    return (
        f"Calling every film “{study.classes[0]}” is right for {number(never, 'accuracy')} % of "
        f"them, attacked or not. The system is right for {clean}, and attacked for {attacked}."
    )


def _looks(study: Study, system: str) -> str:
    if not study.marked:
        return f"No test film has its {study.finding} marked, so no map could be checked."
    methods = study.params.explain.methods
    rows = {
        image: {name: study.localised(system, name, HIT, View(image)) for name in methods}
        for image in IMAGES
    }
    above = {
        image: sum(matrix.side(r["low"], r["high"], r["chance"]) == "above" for r in found.values())
        for image, found in rows.items()
    }
    best = max(methods, key=lambda name: rows["clean"][name]["value"])
    return (
        f"The maps of {above['clean'] or 'none'} of {plural(len(methods), 'method')} hit the "
        f"{study.finding} more often than chance on clean films, and of "
        f"{above['attacked'] or 'none'} on attacked ones (interval above it). Most is hit by "
        f"{explainer_title(best)}: {quoted(rows['clean'][best], HIT)} of its pixels are among the "
        f"strongest 5 % of the clean film; chance has 5 %."
    )


def _draw_epochs(ax: Axes, table: pd.DataFrame, columns: dict[str, str], system: str) -> None:
    """Draw columns of the training curve; `columns` has of which films they are."""
    for column, films in columns.items():
        line = map_figures.LINES[films]
        ax.plot(table["epoch"], table[column], color=charts.colour(system), ls=line, lw=1.4,
                marker=charts.marker(system), markersize=3)  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.04, y=0.1)


def _went(table: pd.DataFrame, validated: dict[str, str], metric: str, best: int) -> str:
    """Say in words what the training curves show."""
    first, last = table.iloc[0], table.iloc[-1]
    kept = table[table["epoch"] == best].iloc[0]
    said = [f"Loss from {first['loss']:.2f} to {last['loss']:.2f} in {len(table)} epochs"]
    for column, films in validated.items():
        ends = [number(float(row[column]), metric) + unit(metric) for row in (first, kept)]
        said.append(
            f"{METRIC_TITLES[metric]} on {films} validation films from {ends[0]} to {ends[1]} in "
            f"epoch {best}, which was kept"
        )
    return f"{'; '.join(said)}."


def _caption(finetune: Finetune, robust: bool, best: int) -> str:
    judged = (
        f"Attacked: by a short attack, {plural(finetune.steps, 'step')} within "
        f"{budget_text(finetune.eps)}, and not by that of the test; epochs are compared by it."
        if robust
        else "Its objective attacks no film, so epochs are compared by clean ones."
    )
    return (
        f"Loss on the training films, and {METRIC_TITLES[finetune.metric]} on the validation films "
        f"after each epoch. Dotted: epoch {best}, the best of them, which was kept. {judged}"
    )


def _behind(study: Study, others: str) -> str:
    return f" Grey: {others}." if len(study.systems) > 1 else ""


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _localised(study: Study, system: str, method: str, image: str) -> list[str]:
    title, repeated = explainer_title(method), image != IMAGES[0]
    first = html.hidden_header(title) if repeated else cell(title, "row", style="system")
    numerals = [
        localisation.numeral(study.localised(system, method, metric, View(image)), metric)
        for metric in LOCALISED
    ]
    return [first, cell(image), *numerals]
