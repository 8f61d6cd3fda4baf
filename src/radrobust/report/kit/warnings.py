"""Sentences with numbers in them, made from the tables; Markdown."""

from __future__ import annotations

from radrobust.report.kit import budgets, networks, threat
from radrobust.report.kit.naming import FEW, those
from radrobust.report.kit.shown import Markdown, prose
from radrobust.report.kit.study import ALWAYS_NEGATIVE, Study
from radrobust.report.kit.text import listing, number, plural
from radrobust.report.pages.data.groups import test_table, whose
from radrobust.report.pages.interpretability import summary as map_words

CHANCE = 0.5  # of AUROC and of balanced accuracy


def answer(study: Study) -> Markdown:
    """Say more than `overview.answer`: clean, attacked, against the reference, and the maps."""
    parts = {
        "Clean": _clean(study),
        "Attacked": f"{_attacked(study)} {_better_than_chance(study)}",
        "Against always saying no": _against_reference(study),
        "Where they look": map_words.hits(study),
    }
    return prose("\n".join(f"- **{title}.** {text}" for title, text in parts.items()))


def test_set(study: Study) -> str:
    """Write the size of the test set and of the class with the finding."""
    absent, present = study.count("test", 0), study.count("test", 1)
    return f"{plural(absent + present, 'test film')}, {present:,} of them with a {study.finding}"


def warnings(study: Study) -> Markdown:
    """List what must not be concluded."""
    items = []
    if study.is_phantom:
        items.append(
            "**The films are phantoms**: drawn by a program, not taken of anybody. They serve to "
            "try the measurement, and to compare the systems on this task; they say nothing about "
            "real radiographs."
        )
    else:
        items.append(_patients(study))
    if study.params.attack.space == "normalized":
        items.append(f"**Budgets on this site are not in pixels.** {threat.normalised(study)}")
    items += [
        networks.warning(study),
        f"**The systems were measured on {test_set(study)}.** The intervals say how far chance "
        "alone could move a number if other films had been drawn; they do not cover training again "
        "with another seed.",
        "**No attack proves robustness.** A stronger attack can only make the attacked numbers "
        "worse.",
    ]
    return prose("\n".join(f"- {item}" for item in items))


def test_films(study: Study) -> Markdown:
    """State what numbers of the page were measured on."""
    return prose(
        f"Measured on {test_set(study)}; intervals are {study.level} confidence intervals."
    )


def composition(study: Study) -> Markdown:
    """Say of how many films and pixels the dataset is made."""
    total = int(study.counts["count"].sum())
    present = int(study.counts.loc[study.counts["label"] == 1, "count"].sum())
    size = study.params.dataset.image_size
    drawn = (
        " They are **drawn by a program**, not taken of anybody: each fracture's place is known "
        "exactly, and nobody's picture is published."
        if study.is_phantom
        else ""
    )
    return prose(
        f"**{study.dataset['title']}**: {plural(total, 'film')}, {present:,} of them with a "
        f"{study.finding}, padded to a square without stretching and shown to the networks at "
        f"{size}×{size} pixels.{drawn or _whose(study)}"
    )


def _whose(study: Study) -> str:
    """Say of how many patients the films are, as far as it is known."""
    films = whose(study.samples.table)
    if films.unknown == films.films:
        return " Nothing is known of whose films they are."
    patients = plural(films.patients, "patient")
    if films.unknown:
        return (
            f" Of {films.unknown:,} of them it is not known whose they are; the others are of "
            f"{patients}."
        )
    return f" They are of {patients}."


def _patients(study: Study) -> str:
    """Say, as an item of a list, what it means for the numbers whose films these are."""
    films, test = whose(study.samples.table), whose(test_table(study))
    if films.unknown:
        known = "nothing is known of whose they are"
        if films.unknown < films.films:
            known = f"of {films.unknown:,} of {films.films:,} it is not known whose they are"
        return (
            f"**Films of one patient may lie in several parts of the split**: {known}. Where they "
            "do, numbers tend to be too good; and where one patient has several test films, "
            "intervals tend to be too narrow."
        )
    several = (
        f" The {plural(test.films, 'test film')} are of {test.patients:,} of them: intervals take "
        "each film for another patient's, and tend to be too narrow."
        if test.patients < test.films
        else ""
    )
    return (
        f"**The films are of {plural(films.patients, 'patient')}**, and those of one patient lie "
        f"in one part of the split.{several}"
    )


def _clean(study: Study) -> str:
    blind = [
        system for system in study.systems if not study.metric(system, 0, "auroc")["low"] > CHANCE
    ]
    if not blind:
        named = "of each system" if len(study.systems) > 1 else f"of {study.name(study.systems[0])}"
        return f"The AUROC {named} is above that of guessing (interval above 0.5)."
    verb, their = ("are", "their") if len(blind) > 1 else ("is", "its")
    return (
        f"{_capital(those(study, blind))} {verb} not surely better than guessing (interval of the "
        f"AUROC not above 0.5), so that {their} attacked numbers say little."
    )


def _attacked(study: Study) -> str:
    metric = "balanced_accuracy"
    opening = f"With {budgets.changed(study.params.attack, study.eps)},"
    values = {
        system: [float(study.metric(system, eps, metric)["value"]) for eps in (0, study.eps)]
        for system in study.systems
    }
    if len(values) <= FEW:
        falls = listing(
            [
                f"from {number(clean, metric)} % to {number(attacked, metric)} % "
                f"for {study.name(system)}"
                for system, (clean, attacked) in values.items()
            ]
        )
        return f"{opening} balanced accuracy goes {falls}."
    best, worst = (choose(values, key=lambda key: values[key][1]) for choose in (max, min))
    least, most = (choose(clean for clean, _ in values.values()) for choose in (min, max))
    return (
        f"{opening} balanced accuracy lies between {number(values[worst][1], metric)} % for "
        f"{study.name(worst)} and {number(values[best][1], metric)} % for {study.name(best)}; on "
        f"clean films it lies between {number(least, metric)} % and {number(most, metric)} %."
    )


def _better_than_chance(study: Study) -> str:
    """Whose balanced accuracy is surely above one half under attack."""
    better = [
        system
        for system in study.systems
        if study.metric(system, study.eps, "balanced_accuracy")["low"] > CHANCE
    ]
    if not better:
        return "Then no system is clearly better than chance (no interval above 50 %)."
    verb = "are" if len(better) > 1 else "is"
    return f"Then {those(study, better)} {verb} still better than chance (interval above 50 %)."


def _against_reference(study: Study) -> str:
    reference = float(study.metric(ALWAYS_NEGATIVE, study.eps, "accuracy")["value"])
    better = [
        system
        for system in study.systems
        if study.metric(system, study.eps, "accuracy")["low"] > reference
    ]
    opening = (
        f"Calling every film “{study.classes[0]}” is right for {number(reference, 'accuracy')} % "
        "of them, attacked or not; under the attack"
    )
    if not better:
        return f"{opening} no system is clearly right more often (no interval above that)."
    verb = "are" if len(better) > 1 else "is"
    return f"{opening} {those(study, better)} {verb} right more often (interval above that)."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
