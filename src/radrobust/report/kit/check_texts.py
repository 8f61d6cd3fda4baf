"""The checks in words: dangers that they guard against, rules, and meanings of a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Concern = Literal["attack", "measurement", "maps"]

Doubt = Literal["missed", "left", "blind", "all", "none"]


@dataclass(frozen=True)
class Check:
    """One check as a reader is told of it; `rule` may name facts of the study in braces.

    Attributes
    ----------
    title : str
        Of its row.
    concern : str
        Whether it is about the attack, the measurement or the maps.
    guards, rule, failure : str
        The danger that it guards against, when it passes, and the meaning of a failure.
    doubt : str
        The consequence of a failure for the system's numbers. Attacked ones are too kind by the
        radiographs that the figure counts, and perhaps by more (``missed``); or may be, at most by
        all that is left of them (``left``), or by the radiographs that the second figure counts
        (``blind``). ``all`` numbers are in doubt, or ``none``.
    unit : str
        Of the figure; begins with ``%`` where it is a share.
    bound, proviso : str
        How the limit bounds the figure, and on which condition.
    context : str
        The meaning of the second figure, if there is one.
    counted : str
        The figure is a share of these.
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
    counted: str = "radiograph"


CHECKS: dict[str, Check] = {
    "more_steps": Check(
        "More steps",
        "attack",
        "An attack that was stopped too early.",
        "Radiographs that are robust under the attack of {taken} are attacked again with {long}. "
        "The figure is the share of those checked that are misclassified only then.",
        "Given time, the attack finds more, so the attacked numbers are too kind.",
        doubt="missed",
    ),
    "restarts": Check(
        "Other starts",
        "attack",
        "An attack that happened to start in the wrong place.",
        "The attack is run from {starts}. The figure is the share of the radiographs checked that "
        "were robust and are misclassified from one of those alone.",
        "The result of the attack depends on luck, so the attacked numbers are too kind.",
        doubt="missed",
    ),
    "larger_eps": Check(
        "Larger budget",
        "attack",
        "An attack that does not use its budget.",
        "Of the budgets {ends}, fewer radiographs must be robust at the larger than at the "
        "smaller, unless none is at either. The figure is the difference in points of accuracy, "
        "over all test radiographs.",
        "The attack gains nothing from more room, so it may be stuck on robust radiographs. Then "
        "the attacked numbers are too kind, by all that is left of them at most.",
        doubt="left",
        unit="points",
        bound="more than",
        proviso="if any radiograph is robust",
    ),
    "far": Check(
        "Huge budget",
        "attack",
        "A network that the attack cannot climb.",
        "Every pixel may change by half of its range, so that any radiograph could be made evenly "
        "grey, and all alike: none should be robust. The attack goes from the radiograph in steps "
        "of a tenth of that, and then as it does at other budgets. The figure is the share of all "
        "test radiographs that are still classified correctly.",
        "On these radiographs the attack is stuck, unless the system gives nearly everything the "
        "same answer. It may be stuck at the study's budget too. Then the attacked numbers are "
        "too kind, by all that is left of them at most.",
        doubt="left",
        bound="exactly",
    ),
    "black_box": Check(
        "Black box",
        "attack",
        "Gradients that lead astray (gradient masking).",
        "Square sees the network's answers alone, {queries} of them a radiograph, and no gradient. "
        "The figure is the share of the radiographs checked that are misclassified under it alone.",
        "An attack without gradients finds adversarial examples that the one with gradients "
        "misses: there the gradients lead astray, and the attacked numbers are too kind.",
        doubt="missed",
        context="of the radiographs checked are classified correctly under Square alone",
    ),
    "noise": Check(
        "Random noise",
        "attack",
        "An attack that is hardly better than chance.",
        "Each radiograph is changed at random, by the whole budget and without any search. Of "
        "those that were classified correctly, the figure compares how many are misclassified "
        "under noise with how many are under the attack; unclear where those are fewer than five.",
        "The attack is hardly stronger than noise, so it may miss much. Then the attacked "
        "numbers are too kind, by all that is left of them at most.",
        doubt="left",
        unit="% as many",
        context="of the radiographs checked are classified correctly under noise",
    ),
    "gradients": Check(
        "Gradients",
        "attack",
        "Radiographs on which the attack is blind.",
        "At the radiograph itself the gradient must not be zero everywhere, the same everywhere, "
        "or no number. The figure is the share of the radiographs checked where it is.",
        "There the gradient does not tell the attack where to change the radiograph. Those that "
        "are robust may be so for that reason alone, and by them the attacked numbers may be too "
        "kind.",
        doubt="blind",
        context="of the radiographs checked are so and robust under the attack",
    ),
    "straight_through": Check(
        "Plain gradient",
        "attack",
        "Taking a network that hides its gradients for a robust one.",
        "MeanSparse lets no gradient pass through the activations that it replaces; the attack on "
        "this site acts as if nothing had been replaced. The figure is the share of the "
        "radiographs checked that are misclassified under it and robust under an attack along the "
        "plain gradient.",
        "The network does hide its gradients. The attack on this site sees through it, so this "
        "leaves its numbers in no doubt; measured along the plain gradient they would be too kind.",
        doubt="none",
        context="of the radiographs checked are classified correctly under the plain attack",
    ),
    "autoattack": Check(
        "AutoAttack",
        "attack",
        "Too weak an attack, from any cause.",
        "Robust radiographs are attacked by the parts of AutoAttack that work with two classes: "
        "APGD on the cross-entropy, APGD on the margin, which takes the place of DLR, and FAB, "
        "with {iterations}, and Square. The figure is the share of the radiographs checked that "
        "are misclassified under these alone.",
        "A stronger attack exists and is known, so the attacked numbers are too kind.",
        doubt="missed",
        context="of the radiographs checked are classified correctly under all attacks together",
    ),
    "zero": Check(
        "No budget",
        "measurement",
        "An attack that succeeds by a mistake in its own code.",
        "The attack is run with a budget of nothing. The figure is the share of the radiographs "
        "checked to which the answer then changes.",
        "Radiographs that nothing was done to are counted as misclassified under attack.",
        bound="exactly",
        doubt="all",
    ),
    "pixels": Check(
        "Same pixels",
        "measurement",
        "Test radiographs that are changed on their way, as by augmentation.",
        "The image that the network is given must be the image that is stored. The figure is the "
        "largest difference of a pixel.",
        "The numbers were not measured on the test radiographs as they are stored.",
        unit="grey level",
        bound="exactly",
        doubt="all",
    ),
    "repeatable": Check(
        "Same answer twice",
        "measurement",
        "Chance within the network, such as dropout that is still on.",
        "Two passes over the same radiographs must agree. The figure is the largest difference of "
        "a logit.",
        "A radiograph can be counted as misclassified because the answer changed by chance.",
        unit="of a logit",
        doubt="all",
    ),
    "eval_mode": Check(
        "Evaluation mode",
        "measurement",
        "BatchNorm and dropout that act as in training.",
        "No part of the network may be in training mode while it is measured. The figure is the "
        "number of those that are.",
        "The answer to a radiograph may depend on those beside it, or on chance.",
        unit="part",
        bound="exactly",
        doubt="all",
    ),
    "unchanged": Check(
        "Same weights",
        "measurement",
        "A network that changes while it is measured, or a frozen part that was trained.",
        "The weights after the evaluation must be those in the file, and frozen parts must be as "
        "they were before training.",
        "The numbers are not those of the network that is named.",
        unit="changed",
        bound="",
        doubt="all",
    ),
    "normalised_once": Check(
        "Normalised once",
        "measurement",
        "Normalising radiographs twice, or not at all.",
        "On its way into the network a radiograph must pass one layer that normalises it. The "
        "figure is how many it passes.",
        "The network sees images unlike those that it was made for.",
        unit="time",
        bound="exactly",
        doubt="all",
    ),
    "maps_add_up": Check(
        "Maps add up",
        "maps",
        "Maps that break the promise of their method.",
        "DeepLIFT and integrated gradients promise that the values of a map sum up to the change "
        "in output between the radiograph and the baseline. The figure is the share of their "
        "maps, of clean and attacked radiographs, that are off by more than a thousandth of that "
        "change (by more than 0.0001 where it is under 0.1).",
        "Those maps distribute something else than the answer. The gallery marks them.",
        doubt="none",
        bound="exactly",
        counted="map",
    ),
}
