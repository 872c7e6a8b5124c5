"""What the most similar development examples are worth, in words: a section of a model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suwen.lifecycle.card.words import label, number

OWN, CHANCE = "embedding", "random"
WORSE = " (lower is better)"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Markdown of `gallery.json`; nothing when it is empty."""
    if not found:
        return
    ways, count = found["ways"], found["neighbours"]
    floors = [name for name in ways if name not in (OWN, CHANCE)]
    yield "## Similar examples"
    yield ""
    yield f"Beside an answer stand the {count} development examples nearest to it by the cosine of"
    yield f"the networks' pooled features on {found['dimensions']} principal axes. Each example is"
    yield "placed by the member that never saw it. Measured here on the same terms: the neighbours"
    yield f"of each of {found['n']} examples ({found['groups']} patients, groups) among those of"
    yield "its own fold, never of its own patient; in use all folds are searched."
    yield ""
    heads = ["by similarity", *(f"by {name} alone" for name in floors), "at random"]
    gains = [f"gain over {name}" for name in floors] or ["gain over random"]
    yield f"| of the {count} neighbours | {' | '.join((*heads, *gains))} |"
    yield "|---|" + "---|" * (len(heads) + len(gains))
    for key, entry in ways[OWN].items():
        cells = [number(entry), *(number(ways[name][key]) for name in (*floors, CHANCE))]
        cells += [number(ways[name][f"gain_{key}"]) for name in floors or [CHANCE]]
        yield f"| {_named(key)} | {' | '.join(cells)} |"
    yield ""
    yield "Gains are paired over the same resamples of patients, positive where similarity is"
    yield "better."
    for name in floors:
        yield from _no_better(name, ways)
    yield ""


def _named(key: str) -> str:
    if key.startswith("mae_"):
        name = key.removeprefix("mae_").replace("_mm", " (mm)").replace("_", " ")
        return f"mean absolute error of the {name}{WORSE}"
    return {"same_label": "share with the same label", "auroc_of_vote": "AUROC of their vote"}.get(
        key, label(key)
    )


def _no_better(floor: str, ways: Mapping[str, Any]) -> Iterator[str]:
    """Say for which measures similarity was not shown to be better than a floor.

    How well a floor finds its own number again (the diameter by diameter) tells nothing.
    """
    own = f"mae_{floor}".replace(" ", "_")
    lows = {k: ways[floor][f"gain_{k}"]["low"] for k in ways[OWN] if not k.startswith(own)}
    weak = [_named(key).removesuffix(WORSE) for key, low in lows.items() if not (low and low > 0)]
    if weak:
        yield f"Not shown to be better than by {floor} alone: {', '.join(weak)}."
