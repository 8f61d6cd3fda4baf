"""The sanity checks in words: what each guards against, when it passes, what a failure means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Concern = Literal["attack", "measurement", "maps"]

Doubt = Literal["missed", "left", "blind", "all", "none"]


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
    doubt : str
        What a failure means for the system's numbers. Attacked ones are too kind by the films
        that the figure counts, and perhaps by more (``missed``); or may be, at most by all that
        is left of them (``left``), or by the films that the second figure counts (``blind``).
        ``all`` numbers are in doubt, or ``none``.
    unit : str
        What the figure counts; begins with ``%`` where it is a share.
    bound, proviso : str
        What the limit is to the figure, and on what condition.
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
    doubt: Doubt
    unit: str = "%"
    bound: str = "at most"
    proviso: str = ""
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
        doubt="missed",
    ),
    "restarts": Check(
        "Other starts",
        "attack",
        "An attack that happened to start in the wrong place.",
        "The attack is run from {starts}. The figure is the share of the films checked that stood "
        "and fall to one of those alone.",
        "Whether a film falls depends on luck, so the attacked numbers are too kind.",
        doubt="missed",
    ),
    "larger_eps": Check(
        "Larger budget",
        "attack",
        "An attack that does not use what it is allowed.",
        "Of the budgets {ends}, fewer films must stand at the larger than at the smaller, unless "
        "none stands at either. The figure is the difference in points of accuracy, over all test "
        "films.",
        "The attack gains nothing from more room, so it may be stuck on what still stands. Then "
        "the attacked numbers are too kind, by all that is left of them at most.",
        doubt="left",
        unit="points",
        bound="more than",
        proviso="if any film stands",
    ),
    "far": Check(
        "Huge budget",
        "attack",
        "A network that the attack cannot climb.",
        "Every pixel may change by half of its range, so that any film could be made evenly grey, "
        "and all alike: nothing should stand. The attack goes from the film in steps of a tenth "
        "of that, and then as it does at other budgets. The figure is the share of all test films "
        "that are still answered rightly.",
        "On these films the attack is stuck, unless the system says the same of nearly everything. "
        "What stands at the study's budget may stand because the attack is stuck there too. Then "
        "the attacked numbers are too kind, by all that is left of them at most.",
        doubt="left",
        bound="exactly",
    ),
    "black_box": Check(
        "Black box",
        "attack",
        "Gradients that lead astray (gradient masking).",
        "Square sees the network's answers alone, {queries} of them a film, and no gradient. The "
        "figure is the share of the films checked that only it breaks.",
        "An attack without gradients breaks films that the one with gradients misses: there the "
        "gradients lead astray, and the attacked numbers are too kind.",
        doubt="missed",
        context="of the films checked are right under Square alone",
    ),
    "noise": Check(
        "Random noise",
        "attack",
        "An attack that is hardly better than chance.",
        "Each film is changed at random, by the whole budget and without any search. The figure "
        "is how many films that breaks, held against how many the attack breaks, of those that "
        "were right; unclear where the attack breaks fewer than five.",
        "The attack does little that noise does not do, so it may miss much. Then the attacked "
        "numbers are too kind, by all that is left of them at most.",
        doubt="left",
        unit="% as many",
        context="of the films checked are right under noise",
    ),
    "gradients": Check(
        "Gradients",
        "attack",
        "Films on which the attack is blind.",
        "At the film itself the gradient must not be zero everywhere, the same everywhere, or no "
        "number. The figure is the share of the films checked where it is.",
        "There the gradient does not tell the attack where to change the film. Those of these "
        "films that still stand may stand for that reason alone, and by them the attacked numbers "
        "may be too kind.",
        doubt="blind",
        context="of the films checked are so and still right under the attack",
    ),
    "straight_through": Check(
        "Plain gradient",
        "attack",
        "Taking a network that hides its gradients for a robust one.",
        "MeanSparse lets no gradient pass through what it replaces; the attack on this site acts "
        "as if nothing had been replaced. The figure is the share of the films checked that it "
        "breaks and an attack along the plain gradient does not.",
        "The network does hide its gradients. The attack on this site sees through it, so this "
        "leaves its numbers in no doubt; measured along the plain gradient they would be too kind.",
        doubt="none",
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
        doubt="missed",
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
        doubt="all",
    ),
    "pixels": Check(
        "Same pixels",
        "measurement",
        "Test films that are changed on their way, as by augmentation.",
        "The film that the network is given must be the film that is stored. The figure is the "
        "largest difference of a pixel.",
        "What was measured was not measured on the test films as they are stored.",
        unit="grey level",
        bound="exactly",
        doubt="all",
    ),
    "repeatable": Check(
        "Same answer twice",
        "measurement",
        "Chance within the network, such as dropout that is still on.",
        "Two passes over the same films must agree. The figure is the largest difference of a "
        "logit.",
        "A film can be counted as broken because the network answered otherwise by chance.",
        unit="of a logit",
        doubt="all",
    ),
    "eval_mode": Check(
        "Evaluation mode",
        "measurement",
        "BatchNorm and dropout that act as in training.",
        "No part of the network may be in training mode while it is measured. The figure is the "
        "number of those that are.",
        "The answer to a film may depend on the films beside it, or on chance.",
        unit="part",
        bound="exactly",
        doubt="all",
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
        doubt="all",
    ),
    "normalised_once": Check(
        "Normalised once",
        "measurement",
        "Normalising films twice, or not at all.",
        "On its way into the network a film must pass one layer that normalises it. The figure is "
        "how many it passes.",
        "The network sees films unlike those that it was made for.",
        unit="time",
        bound="exactly",
        doubt="all",
    ),
    "maps_add_up": Check(
        "Maps add up",
        "maps",
        "Maps that are not what their method's name says.",
        "DeepLIFT and integrated gradients promise that the values of a map sum up to the change "
        "in output between the film and the baseline. The figure is the share of their maps, of "
        "clean and attacked films, that are off by more than a thousandth of that change (by more "
        "than 0.0001 where it is under 0.1).",
        "Those maps distribute something else than the answer. The gallery marks those that it "
        "shows.",
        doubt="none",
        bound="exactly",
        counted="map",
    ),
}
