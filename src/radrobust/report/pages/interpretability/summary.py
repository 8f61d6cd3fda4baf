"""The answers of the page: pairs of system and method on either side of each reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from radrobust.report.kit import html, marks
from radrobust.report.kit.html import cell
from radrobust.report.kit.maps import HEADLINE, OUTCOMES
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, View, keyed

GOOD, EVEN, BAD, UNTOLD = "good", "even", "bad", ""


def answers(study: Study) -> Html:
    """Count, question by question, the pairs of system and method by their marks."""
    tints = {GOOD: "Better", EVEN: "Not told apart", BAD: "Worse", UNTOLD: "Too few radiographs"}
    head = [cell("", style="system"), cell("Compared with", "col")]
    head += [cell(title, "col", style="number") for title in tints.values()]
    body = []
    for question, reference, found in _questions(study):
        counts = Counter(found)
        row = [cell(question, "row", style="system"), cell(reference)]
        body.append([*row, *(cell(f"{counts[tint]:,}", style="number") for tint in tints)])
    caption = (
        "Pairs of a system and a method, by the side of the reference on which the "
        f"{study.level} interval is; of sums, whether they add up. The tables below have them one "
        "by one."
    )
    return Html(html.table([head], body, caption))


def _questions(study: Study) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each question, its reference, and the tint of every pair."""
    pairs = [(key, method) for key in study.systems for method in study.params.explain.methods]
    if study.marked:
        for image in IMAGES:
            rows = (study.localised(*pair, HEADLINE, View(image)) for pair in pairs)
            sides = [marks.beside_chance(row) for row in rows]
            yield f"Cover the {study.finding}, {image}", "chance", _tints(marks.CHANCE, sides)
    table = study.survival[study.survival["metric"] == "overlap_10"]
    survived = keyed(table, "answers", "system", "explainer")
    for key, outcome in OUTCOMES.items():
        sides = [marks.beside_chance(survived[key, *pair]) for pair in pairs]
        yield f"Last under attack, {outcome}", "chance", _tints(marks.CHANCE, sides)
    if len(study.convergence):
        exceeds = study.convergence[study.convergence["metric"] == "delta_exceeds"]
        off = exceeds.groupby(["system", "explainer"])["value"].max()
        yield "Add up", "the change in output", [BAD if share > 0 else GOOD for share in off]
    faithful = keyed(study.faithfulness, "metric", "system", "explainer")
    for task, way in {"deletion": "taken away", "insertion": "put back"}.items():
        rows = (faithful[task, *pair] for pair in pairs)
        sides = [marks.side(row["gain_low"], row["gain_high"], 0.0) for row in rows]
        yield f"Name the reasons, {way}", "noise", _tints(marks.NOISE, sides)
    last = study.randomisation[study.randomisation["depth"] == study.randomisation["depth"].max()]
    shuffled = keyed(last, "system", "explainer")
    sides = [marks.side(row["low"], row["high"], row["limit"])
             for row in (shuffled[pair] for pair in pairs)]  # fmt: skip
    yield "Change with the weights", "the limit", _tints(marks.LIMIT, sides)


def _tints(known: marks.Marks, sides: list[str]) -> list[str]:
    return [known[side].tint if side else UNTOLD for side in sides]
