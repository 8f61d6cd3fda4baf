"""What the maps come to, in sentences made from the tables; Markdown."""

from __future__ import annotations

from radrobust.report.kit import marks as matrix
from radrobust.report.kit.naming import FEW, those
from radrobust.report.kit.shown import Markdown, prose
from radrobust.report.kit.study import Study, View, keyed
from radrobust.report.kit.text import (
    Row,
    correlation,
    explainer_title,
    listing,
    number,
    plural,
    quoted,
)
from radrobust.report.pages.interpretability.localisation import HEADLINE

Pair = tuple[str, str]
"""A system and a method."""

Sides = dict[Pair, str]
"""Where the interval of each pair lies, as in `matrix.side`."""


def in_words(study: Study) -> Markdown:
    """Answer what the page asks of the maps."""
    parts = {
        f"Do they hit the {study.finding}?": hits(study),
        "Does the attack change where they look?": _under_attack(study),
        "Do they add up?": _add_up(study),
        "Do they name what the answer rests on?": _faithful(study),
        "Do they depend on the weights?": _randomised(study),
    }
    return prose("\n".join(f"- **{asked}** {said}" for asked, said in parts.items()))


def rule(study: Study) -> Markdown:
    """Say which films are explained, and what each map is of."""
    others = min(study.params.explain.others, study.count("test", 0))
    no = study.classes[0]
    held = f"Held against the {study.finding} are those {study.marked:,} that have it marked."
    return prose(
        f"**Each map explains the answer that the network gave to that very image.** Where it says "
        f"“{no}”, the map shows what speaks for “{no}”; an attacked film is explained by what is "
        f"said of it then. Explained are all {plural(study.count('test', 1), 'test film')} with a "
        f"{study.finding} and {others:,} without, the first by a hash of the seed and the film's "
        f"name, so the same for every system: each as it is, and as the attack on that system left "
        f"it. {held if study.marked else ''}"
    )


def hits(study: Study) -> str:
    """Say which methods hit the finding more often than chance, and on which systems."""
    if not study.marked:
        return f"No test film has its {study.finding} marked, so no map could be checked."
    where = _localised(study, "clean")
    covered = {pair: study.localised(*pair, HEADLINE) for pair in where}
    best = max(covered, key=lambda pair: covered[pair]["value"])
    return (
        f"The interval lies above chance for {_share(where, 'above')} of "
        f"system and method, around it for {_count(where, 'around')} and below it for "
        f"{_count(where, 'below')}. "
        f"{_spread(study, _at(where, 'above'), 'Above chance')} Most is hit by "
        f"{explainer_title(best[1])} on {study.name(best[0])}: "
        f"{quoted(covered[best], HEADLINE)} of the {study.finding}'s pixels are among the film's "
        f"strongest 5 %; chance has 5 %."
    )


def _under_attack(study: Study) -> str:
    said = []
    if study.marked:
        clean, attacked = (
            _count(_localised(study, image), "above") for image in ("clean", "attacked")
        )
        said.append(
            f"Above chance: {clean} of the pairs on clean films, {attacked} on attacked ones."
        )
    table = study.survival[study.survival["metric"] == "overlap_10"].dropna(subset="value")
    films = {"broken": "on films that it broke", "standing": "on films that stood"}
    rows = keyed(table, "films", "system", "explainer")
    shared = [
        f"{_extremes(study, found)} {what}"
        for key, what in films.items()
        if (found := [row for place, row in rows.items() if place[0] == key])
    ]
    if not shared:
        return " ".join([*said, "It changed none of the films that were explained."])
    return " ".join(
        [
            *said,
            f"Of the strongest tenth of their pixels, the maps before and after it share "
            f"{listing(shared)}; chance shares 10 %.",
        ]
    )


def _add_up(study: Study) -> str:
    table = study.checks[study.checks["check"] == "maps_add_up"]
    if table.empty:
        return "None of the methods promises a sum."
    methods = study.convergence["explainer"].drop_duplicates()
    named = listing([explainer_title(str(method)) for method in methods])
    off = {
        str(row["system"]): round(float(row["value"]) * int(row["n"]))
        for _, row in table.iterrows()
    }
    total, count = int(table["n"].sum()), sum(off.values())
    if not count:
        return f"All {total:,} maps of {named}, which promise a sum, do."
    systems = those(study, [system for system, missed in off.items() if missed])
    return (
        f"{count:,} of {total:,} maps of {named}, which promise a sum, do not, on {systems}. The "
        f"gallery marks those that it shows."
    )


def _faithful(study: Study) -> str:
    rows = keyed(study.faithfulness, "metric", "system", "explainer")
    deletion, insertion = (
        {
            pair: matrix.side(row["gain_low"], row["gain_high"], 0.0)
            for pair in _pairs(study)
            if (row := rows[(task, *pair)])
        }
        for task in ("deletion", "insertion")
    )
    both = [pair for pair in _at(deletion, "above") if insertion[pair] == "above"]
    films = plural(int(study.faithfulness["n"].max()), "film")
    return (
        f"Held against a map of noise, on {films}, the answer's probability falls faster when what "
        f"speaks for it is taken away for {_share(deletion, 'above')} (interval above 0) and "
        f"slower for {_count(deletion, 'below')}; it rises faster when that is put back for "
        f"{_count(insertion, 'above')} and slower for {_count(insertion, 'below')}. "
        f"{_spread(study, both, 'Better at both')}"
    )


def _randomised(study: Study) -> str:
    table = study.randomisation
    last = keyed(table[table["depth"] == table["depth"].max()], "system", "explainer")
    limit = float(table["limit"].iloc[0])
    where = {
        pair: matrix.side(last[pair]["low"], last[pair]["high"], limit) for pair in _pairs(study)
    }
    kept = _at(where, "above")
    opening = (
        f"When all weights are shuffled, the rank correlation with the finished network's map "
        f"is below {limit:g} for {_share(where, 'below')} (the whole interval)"
    )
    if not kept:
        return f"{opening} and above it for none."
    if len(kept) > FEW:
        return f"{opening}. {_spread(study, kept, 'Above it, so hardly touched by the weights')}"
    named = listing(
        [
            f"{explainer_title(method)} on {study.name(system)} "
            f"({correlation(last[system, method]['value'])})"
            for system, method in kept
        ]
    )
    return f"{opening}. Above it: {named}."


def _pairs(study: Study) -> list[Pair]:
    return [(system, method) for system in study.systems for method in study.params.explain.methods]


def _at(where: Sides, side: str) -> list[Pair]:
    return [pair for pair, found in where.items() if found == side]


def _count(where: Sides, side: str) -> str:
    return str(len(_at(where, side)) or "none")


def _share(where: Sides, side: str) -> str:
    """Write for how many pairs of all an interval lies on a side."""
    count, total = len(_at(where, side)), len(where)
    pairs = plural(total, "pair")
    return f"all {pairs}" if count == total else f"{count or 'none'} of {pairs}"


def _localised(study: Study, image: str) -> Sides:
    rows = {pair: study.localised(*pair, HEADLINE, View(image)) for pair in _pairs(study)}
    return {pair: matrix.side(row["low"], row["high"], row["chance"]) for pair, row in rows.items()}


def _spread(study: Study, pairs: list[Pair], what: str) -> str:
    """Say of which methods or systems the pairs are; `what` they have in common."""
    if not pairs:
        return f"{what} is none."
    methods = study.params.explain.methods
    if len(study.systems) <= FEW:
        found = {
            system: [explainer_title(name) for name in methods if (system, name) in pairs]
            for system in study.systems
        }
        said = [f"{listing(named)} on {study.name(key)}" for key, named in found.items() if named]
        return f"{what}: {'; '.join(said)}."
    by_count: dict[int, list[str]] = {}
    for name in methods:
        by_count.setdefault(sum(method == name for _, method in pairs), []).append(name)
    said = [
        f"{listing([explainer_title(name) for name in by_count[count]])} on "
        f"{'none' if count == 0 else f'all {count}' if count == len(study.systems) else count}"
        for count in sorted(by_count, reverse=True)
    ]
    return f"{what}: {'; '.join(said)} of the {len(study.systems)} systems."


def _extremes(study: Study, rows: list[Row]) -> str:
    """The least and the most of a share, and of which pair."""
    least, most = (
        f"{number(row['value'], 'share')} % ({explainer_title(str(row['explainer']))} on "
        f"{study.title(str(row['system']))})"
        for row in (choose(rows, key=lambda row: row["value"]) for choose in (min, max))
    )
    return f"between {least} and {most}"
