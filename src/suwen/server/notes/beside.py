"""A text beside what was made of it: cut at the stretches that lines rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from suwen.notes.text import Span
from suwen.server.notes.view import visible


@dataclass(frozen=True)
class Stretch:
    """Some characters of a text, the names of what rests on them, and of what begins here."""

    text: str
    names: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()


def stretches(text: str, spans: Mapping[str, Span], within: Span | None = None) -> list[Stretch]:
    """Return a text, or a part of it, cut wherever one of some spans begins or ends.

    Parameters
    ----------
    text
        The whole text that the spans are of.
    spans
        Stretches by name; they may overlap.
    within
        The part that is shown; None for all.
    """
    low, high = (within.start, within.end) if within else (0, len(text))
    own = {
        name: (max(low, span.start), min(high, span.end))
        for name, span in spans.items()
        if span.start < high and low < span.end
    }
    cuts = sorted({low, high, *(place for pair in own.values() for place in pair)})
    made = []
    for start, end in pairwise(cuts):
        names = tuple(name for name, (a, b) in own.items() if a <= start and end <= b)
        begins = tuple(name for name, (a, _) in own.items() if a == start)
        made.append(Stretch(visible(text[start:end]), names, begins))
    return made


def named(spans: Sequence[Span], prefix: str) -> dict[str, Span]:
    """Return distinct spans by a name of their own, in the order they stand."""
    return {f"{prefix}{number}": span for number, span in enumerate(sorted(set(spans)), 1)}
