"""The sanity checks in words: what each guards against, when it passes, what a failure means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Concern = Literal["attack", "measurement", "maps"]

Doubt = Literal["attacked numbers", "all numbers", "no number"]


@dataclass(frozen=True)
class Check:
    """What a reader is told of one check; `rule` may name facts of the study in braces.

    Attributes
    ----------
    title : str
        Of its row.
    concern : str
        Whether it looks at the attack, at the measurement or at the maps.
    guards, rule, failure : str
        Against what it guards, when it passes, what a failure means for the reader.
    unit : str
        What the figure counts; begins with ``%`` where it is a share.
    bound, proviso : str
        What the limit is to the figure, and on what condition.
    doubts : str
        Which numbers of the system a failure leaves in doubt.
    missed : bool
        Whether the figure is the share of films that the attack missed.
    context : str
        What the second figure is, if there is one.
    counted : str
        Of what the figure is a share.
    """

    title: str
    concern: Concern
    guards: str
    rule: str
    failure: str
    unit: str = "%"
    bound: str = "at most"
    proviso: str = ""
    doubts: Doubt = "attacked numbers"
    missed: bool = False
    context: str = ""
    counted: str = "film"


CHECKS: dict[str, Check] = {
    "more_steps": Check(
        "More steps",
        "attack",
        "An attack that was stopped too early.",
        "What stands after the attack of {taken} is attacked again with {long}. The figure is the "
        "share of the films checked that fall only then.",
        "Films fall if the attack is given time, so the attacked numbers are too kind.",
        missed=True,
    ),
    "restarts": Check(
        "Other starts",
        "attack",
        "An attack that happened to start in the wrong place.",
        "The attack is run from {starts}. The figure is the share of the films checked that stood "
        "and fall to one of those alone.",
        "Whether a film falls depends on luck, so the attacked numbers are too kind.",
        missed=True,
    ),
    "larger_eps": Check(
        "Larger budget",
        "attack",
        "An attack that does not use what it is allowed.",
        "Of the budgets {ends}, fewer films must stand at the larger than at the smaller, unless "
        "none stands at either. The figure is the difference in points of accuracy, over all test "
        "films.",
        "The attack gains nothing from more room, so something other than robustness holds it up. "
        "By how much the attacked numbers are too kind is not known.",
        unit="points",
        bound="more than",
        proviso="if any film stands",
    ),
    "far": Check(
        "Huge budget",
        "attack",
        "A network that the attack cannot climb.",
        "Every pixel may change by half of its range, so that any film could be made evenly grey: "
        "nothing may stand. The attack goes from the film in steps of a tenth of that, and then as "
        "it does at other budgets. The figure is the share of all test films that are still "
        "answered rightly.",
        "Something other than robustness holds the attack up. By how much the attacked numbers "
        "are too kind is not known.",
        bound="exactly",
    ),
    "black_box": Check(
        "Black box",
        "attack",
        "Gradients that lead astray (gradient masking).",
        "Square sees the network's answers alone, {queries} of them a film, and no gradient. The "
        "figure is the share of the films checked that only it breaks.",
        "An attack without gradients finds what the one with gradients misses: the network hides "
        "its gradients, and the attacked numbers are too kind.",
        missed=True,
        context="of the films checked are right under Square alone",
    ),
    "noise": Check(
        "Random noise",
        "attack",
        "An attack that is hardly better than chance.",
        "Each film is changed at random, by the whole budget and without any search. The figure "
        "is how many films that breaks, held against how many the attack breaks, of those that "
        "were right; unclear where the attack breaks fewer than five.",
        "The attack does little that noise does not do, so the attacked numbers say nothing of a "
        "worst case.",
        unit="% as many",
        context="of the films checked are right under noise",
    ),
    "gradients": Check(
        "Gradients",
        "attack",
        "Films on which the attack is blind.",
        "At the film itself the gradient must not be zero everywhere, the same everywhere, or no "
        "number. The figure is the share of the films checked where it is.",
        "There the attack has nothing to follow, and films stand for that reason alone.",
    ),
    "straight_through": Check(
        "Plain gradient",
        "attack",
        "Taking a network that hides its gradients for a robust one.",
        "MeanSparse lets no gradient pass through what it replaces; the attack on this site acts "
        "as if nothing had been replaced. The figure is the share of the films checked that it "
        "breaks and an attack along the plain gradient does not.",
        "The network does hide its gradients. The attack on this site sees through it, so its "
        "numbers stand; figures that others measured along the plain gradient are too kind.",
        doubts="no number",
        context="of the films checked are right under the plain attack",
    ),
    "autoattack": Check(
        "AutoAttack",
        "attack",
        "Too weak an attack, of whatever cause.",
        "What stands is attacked by the parts of AutoAttack that work with two classes: APGD on "
        "the cross-entropy, APGD on the margin, which takes the place of DLR, and FAB, with "
        "{iterations}, and Square. The figure is the share of the films checked that only they "
        "break.",
        "A stronger attack exists and is known, so the attacked numbers are too kind.",
        missed=True,
        context="of the films checked are right under all attacks together",
    ),
    "zero": Check(
        "No budget",
        "measurement",
        "An attack that wins by a mistake in its own code.",
        "The attack is run with a budget of nothing. The figure is the share of the films checked "
        "of which the system then says something else.",
        "Films are counted as broken that nothing was done to.",
        bound="exactly",
        doubts="all numbers",
    ),
    "pixels": Check(
        "Same pixels",
        "measurement",
        "Test films that are changed on their way, as by augmentation.",
        "The film that the network is given must be the film that is stored. The figure is the "
        "largest difference of a pixel.",
        "What was measured was not measured on the test films.",
        unit="grey level",
        bound="exactly",
        doubts="all numbers",
    ),
    "repeatable": Check(
        "Same answer twice",
        "measurement",
        "Chance within the network, such as dropout that is still on.",
        "Two passes over the same films must agree. The figure is the largest difference of a "
        "logit.",
        "A film can be counted as broken because the network answered otherwise by chance.",
        unit="of a logit",
        doubts="all numbers",
    ),
    "eval_mode": Check(
        "Evaluation mode",
        "measurement",
        "BatchNorm and dropout that act as in training.",
        "No part of the network may be in training mode while it is measured. The figure is the "
        "number of those that are.",
        "The answer to a film depends on the films beside it.",
        unit="part",
        bound="exactly",
        doubts="all numbers",
    ),
    "unchanged": Check(
        "Same weights",
        "measurement",
        "A network that changes while it is measured, or a frozen part that was trained.",
        "The weights after the evaluation must be those in the file, and what was to stay frozen "
        "must be what it was before training.",
        "The numbers are not those of the network that is named.",
        unit="changed",
        bound="",
        doubts="all numbers",
    ),
    "normalised_once": Check(
        "Normalised once",
        "measurement",
        "Normalising films twice, or not at all.",
        "On its way into the network a film must be normalised once. The figure is how often it "
        "is.",
        "The network sees films unlike those that it was made for.",
        unit="time",
        bound="exactly",
        doubts="all numbers",
    ),
    "maps_add_up": Check(
        "Maps add up",
        "maps",
        "Maps that are not what their method's name says.",
        "DeepLIFT and integrated gradients promise that the values of a map sum up to the change "
        "in output between the film and the baseline. The figure is the share of their maps, of "
        "clean and attacked films, that are off by more than a thousandth of that change (by more "
        "than 0.0001 where it is under 0.1).",
        "Those maps distribute something else than the answer. They are marked in the gallery.",
        bound="exactly",
        doubts="no number",
        counted="map",
    ),
}
