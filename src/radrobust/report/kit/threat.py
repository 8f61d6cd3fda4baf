"""The attack of a study: its parameters as a list, a warning where budgets are not in pixels."""

from __future__ import annotations

from html import escape

from radrobust.core.conditions import NORMALIZED
from radrobust.core.params import Attack
from radrobust.report.kit import budgets, html
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import listing, plural
from radrobust.systems.catalogue import load

NORMS = {"linf": "L∞: the largest change of any pixel", "l2": "L2: the length of the whole change"}
SPACES = {
    "pixel": "pixels of the radiograph, before any normalisation",
    "normalized": "three normalised channels, each on its own, instead of pixels",
}
LOSSES = {
    "margin": "lead of the wrong class over the right one",
    "ce": "cross-entropy",
}


def threat_model(study: Study) -> Html:
    """List the limits of the attacker and the way in which adversarial examples are searched."""
    attack = study.params.attack
    facts = {
        "Budget": f"{budgets.amount(attack, study.eps)}{_spread(study)}",
        "Norm": NORMS[attack.norm],
        "Counted in": SPACES[attack.space],
        "Search": _search(attack),
        "Raises": LOSSES[attack.loss],
        "Starts": _starts(attack),
        "Number format": _precision(study),
    }
    if hiding := _straight_through(study):
        facts["Gradient"] = (
            f"straight through the sparsification of {hiding}, which would hide it; the answers "
            "are those of the whole network"
        )
    described = html.description({term: escape(said) for term, said in facts.items()})
    return Html(f'<div class="entry">{described}</div>')


def space_warning(study: Study) -> Html:
    """Say aloud, where it is so, that budgets are not in pixels; else show nothing."""
    if study.params.attack.space == "pixel":
        return Html("")
    return Html(
        f'<div class="aloud" role="note"><strong>Budgets on this site are not in pixels.</strong> '
        f'{escape(normalised(study))} <a href="published.html">Published figures</a> has both side '
        "by side.</div>"
    )


def normalised(study: Study) -> str:
    """Say how much a budget in the normalised space is in the radiograph."""
    table = study.perturbations
    rows = table["condition"] == study.in_units[NORMALIZED]
    levels = 255 * table.loc[rows, "linf_max"].median()
    budget = budgets.amount(study.params.attack, study.eps)
    return (
        f"They are applied after normalisation, as in the study that is rebuilt here: {budget}. In "
        f"the radiograph itself the pixel that changes most then changes by about "
        f"{budgets.grey_levels(levels)}, so attacked numbers must not be compared with those of an "
        f"attack on pixels."
    )


def _spread(study: Study) -> str:
    """Say how much an L2 budget in pixels is for each of them."""
    attack, size = study.params.attack, study.params.dataset.image_size
    if (attack.norm, attack.space) != ("l2", "pixel"):
        return ""
    levels = study.eps / size * 255
    return f"; spread evenly over {size}×{size} pixels, {levels:.2g} of 255 grey levels each"


def _search(attack: Attack) -> str:
    steps = plural(attack.steps, "step")
    if attack.schedule == "apgd":
        return f"APGD, {steps}, the first of twice the budget, halved where they gain too little"
    direction = "the sign of the gradient" if attack.norm == "linf" else "the gradient"
    size = budgets.amount(attack, float(attack.step))
    return f"PGD, {steps} of {size} along {direction}, scaled with the budget at other budgets"


def _starts(attack: Attack) -> str:
    if not attack.random_start:
        return "the radiograph itself"
    if attack.restarts == 1:
        return "one random point within the budget"
    return (
        f"{attack.restarts} random points within the budget, until one leads to misclassification"
    )


def _precision(study: Study) -> str:
    quick = [key for key in study.systems if study.searched(key)["name"] == "bfloat16"]
    if not quick:
        return "float32"
    where = "" if len(quick) == len(study.systems) else f" on {study.names(quick)}, else in float32"
    return f"search in bfloat16{where}; every verdict in float32"


def _straight_through(study: Study) -> str:
    hiding = [study.name(system) for system in study.systems if load(system).hides_gradient]
    return listing(hiding) if hiding else ""
