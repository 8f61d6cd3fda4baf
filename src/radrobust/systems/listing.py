"""The catalogue as text, for a terminal."""

from __future__ import annotations

from radrobust.systems.bibliography import bibliography, by_year, in_short
from radrobust.systems.catalogue import load


def listing() -> str:
    """List every system: key, who and what, architecture at both scales, training objective."""
    rows = [["system", "", "", "paper scale", "compact scale", "objective"]]
    for key in by_year():
        told = bibliography(key)
        networks = [in_short(told.architectures[scale]) for scale in ("paper", "compact")]
        rows.append([key, told.label, told.title, *networks, load(key).objective])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def description(key: str) -> str:
    """Tell all that the catalogue knows of one system; what is not known is left out.

    Raises
    ------
    InputError
        There is no such system.
    """
    told, system = bibliography(key), load(key)
    paper, zoo = told.paper, system.robustbench_id
    facts = {
        "key": key,
        "paper": f"{paper.authors}: {paper.title}. {paper.venue}" if paper else "",
        "address": paper.url if paper else "",
        "RobustBench": f"{zoo} (CIFAR-10)" if zoo else "",
        "trained against": told.threat_model,
        "objective": system.objective,
        "paper scale": told.architectures["paper"],
        "compact scale": told.architectures["compact"],
        "normalisation": str(system.normalisation),
        "CIFAR-10": str(told.cifar10 or ""),
        "FracAtlas": str(told.fracatlas or ""),
        **dict(zip(("model.weights", "or"), system.published_weights, strict=False)),
    }
    facts = {name: text for name, text in facts.items() if text}
    width = max(map(len, facts))
    body = [f"{name.ljust(width)}  {text}" for name, text in facts.items()]
    return "\n".join([f"{told.label}, {told.title}", *body])
