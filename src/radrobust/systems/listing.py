"""The catalogue as text, for a terminal."""

from __future__ import annotations

from radrobust.core.params import choose
from radrobust.systems.catalogue import SYSTEMS, Published


def listing() -> str:
    """List every system: key, who and what, architecture at both scales, training objective."""
    rows = [["system", "", "", "paper scale", "compact scale", "objective"]]
    rows += [
        [
            key,
            system.label,
            system.title,
            *(_short(system.architectures[scale].text) for scale in ("paper", "compact")),
            system.objective,
        ]
        for key, system in SYSTEMS.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _short(text: str) -> str:
    return text.split(":")[0].split(",")[0]


def description(key: str) -> str:
    """Tell all that the catalogue knows of one system.

    Raises
    ------
    InputError
        There is no such system.
    """
    system = SYSTEMS[choose("system", key, list(SYSTEMS))]
    facts = {
        "key": system.key,
        "paper": f"{system.authors}: {system.paper}. {system.venue}",
        "address": system.url,
        "RobustBench": f"{system.robustbench_id} (CIFAR-10)",
        "trained against": system.threat_model,
        "objective": system.objective,
        "paper scale": system.architectures["paper"].text,
        "compact scale": system.architectures["compact"].text,
        "normalisation": str(system.normalisation),
        "CIFAR-10": published_text(system.cifar10),
        "FracAtlas": published_text(system.fracatlas),
        "model.weights": "robustbench",
    }
    if system.finetuned:
        facts["or"] = f"finetuned:hub:{system.finetuned}"
    width = max(map(len, facts))
    body = [f"{name.ljust(width)}  {text}" for name, text in facts.items()]
    return "\n".join([f"{system.label}, {system.title}", *body])


def published_text(published: Published) -> str:
    """Write published figures as a sentence does."""
    remark = f" ({published.remark})" if published.remark else ""
    return (
        f"{published.clean:.2f} % clean, {published.attacked:.2f} % under "
        f"{published.attack}{remark}"
    )
