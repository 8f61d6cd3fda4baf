"""What the attacker may do, in sentences, from the section `attack`."""

from __future__ import annotations

from html import escape

from radrobust.core.params import Attack
from radrobust.report.kit import budgets
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import listing, plural
from radrobust.systems.catalogue import SYSTEMS


def threat_model(study: Study) -> Markdown:
    """Say what the attacker may do, how it is searched for, and when a film counts as broken."""
    attack = study.params.attack
    items = {
        "What may change": _change(study),
        "How the change is searched for": f"{_search(attack)} {_starts(attack)}"
        f"{_straight_through(study)}",
        "When a film is broken": "As soon as the network is wrong about any image that the attack "
        "has met, the clean film included; and what breaks at a smaller budget stays broken at "
        "larger ones.",
        "How exactly it is computed": _precision(study),
        "What it stands for": "Nobody changes radiographs like this by accident: what is looked "
        "for is the worst case, not noise.",
    }
    return prose("\n".join(f"- **{title}.** {text}" for title, text in items.items()))


def space_warning(study: Study) -> Html:
    """Say aloud, where it is so, that budgets are not in pixels; else show nothing."""
    if study.params.attack.space == "pixel":
        return Html("")
    said = escape(normalised(study))
    return Html(
        f'<div class="aloud" role="note"><strong>Budgets on this site are not in pixels.</strong> '
        f'{said} <a href="published.html">Published figures</a> has both side by side.</div>'
    )


def normalised(study: Study) -> str:
    """Say what a budget in the normalised space amounts to in the film."""
    table = study.spaces
    levels = table.loc[table["space"] == "normalized", "grey_levels"].median()
    budget = budgets.amount(study.params.attack, study.eps)
    return (
        f"They are applied after normalisation, as in the study that is rebuilt here: {budget}. In "
        f"the film itself the pixel that changes most then changes by about "
        f"{budgets.grey_levels(levels)}, so the attacked numbers must not be held against those of "
        f"an attack on pixels."
    )


def _change(study: Study) -> str:
    attack, size = study.params.attack, study.params.dataset.image_size
    amount = budgets.amount(attack, study.eps)
    where = {
        "pixel": "in the pixel values of the film that the network is given, before any "
        "normalisation",
        "normalized": "after the film was repeated to three channels and normalised, each channel "
        "on its own",
    }[attack.space]
    if attack.norm == "linf":
        return (
            f"The attacker knows the network and its weights and may change every pixel of a "
            f"finished film by at most {amount} (L∞, {where})."
        )
    spread = (
        f"Pixels count from 0 to 1; spread evenly over the {size}×{size} pixels, that is "
        f"{study.eps / size * 255:.2g} of 255 grey levels each, but it may be heaped on a few."
    )
    return (
        f"The attacker knows the network and its weights and may change a finished film by at most "
        f"{amount} (L2, the root of the sum of all pixels' squared changes, {where})."
        f"{' ' + spread if attack.space == 'pixel' else ''}"
    )


def _search(attack: Attack) -> str:
    steps = plural(attack.steps, "step")
    loss = {
        "margin": "the wrong class's lead over the right one",
        "ce": "the cross-entropy",
    }[attack.loss]
    if attack.schedule == "apgd":
        return (
            f"APGD raises {loss} in {steps}, the first of twice the budget, halved where they "
            f"bring too little."
        )
    direction = "the sign of the gradient" if attack.norm == "linf" else "the gradient"
    return (
        f"PGD raises {loss} in {steps} of {budgets.amount(attack, float(attack.step))} along "
        f"{direction}; at other budgets the step is scaled with the budget."
    )


def _starts(attack: Attack) -> str:
    if not attack.random_start:
        return "It starts at the film itself."
    if attack.restarts == 1:
        return "It starts at a random point within the budget."
    return (
        f"It starts {attack.restarts} times, each time at another random point within the budget, "
        f"as long as the film stands."
    )


def _precision(study: Study) -> str:
    quick = [key for key in study.systems if study.searched(key)["name"] == "bfloat16"]
    if not quick:
        return "Search and verdicts alike are in float32."
    where, elsewhere = "The", ""
    if len(quick) < len(study.systems):
        where = f"On {listing([study.name(key) for key in quick])} the"
        elsewhere = "; on the other systems it is in float32"
    return (
        f"{where} search is in bfloat16, a coarser number format that was measured to be quicker"
        f"{elsewhere}. Every verdict is a pass in float32."
    )


def _straight_through(study: Study) -> str:
    hiding = [
        study.name(system)
        for system in study.systems
        if "MeanSparse" in SYSTEMS[system].architectures[study.params.model.scale].text
    ]
    if not hiding:
        return ""
    return (
        f" What MeanSparse replaces passes no gradient, which would hide the way from the attack; "
        f"on {listing(hiding)} the attacker takes the gradient as if nothing had been replaced, "
        f"and the answers are still those of the whole network."
    )
