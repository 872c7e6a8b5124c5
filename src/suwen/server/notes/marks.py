"""The text of a note cut at what it tells: stretches to be marked, each with the facts it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from suwen.notes.facts.told import Told
from suwen.server.notes.view import FactView, Scene, anchor_of, visible

MOST_CHARACTERS: Final = 100_000
"""Characters of a note that are shown."""


@dataclass(frozen=True)
class Segment:
    """Some characters of a note; `facts` are the keys of what is told by them, none for plain."""

    text: str
    facts: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    style: str = ""
    label: str = ""


def segments(scene: Scene, facts: Sequence[Told], views: Sequence[FactView]) -> list[Segment]:
    """Return the text of the note that is shown, cut at what is told in it.

    Of stretches that overlap the longest is marked, and names the facts of all of them.
    """
    text = scene.notes[scene.here].note.text[:MOST_CHARACTERS]
    by_key = {view.key: view for view in views}
    spans = [
        (span.start, min(span.end, len(text)), fact.key, anchor_of(mention.place))
        for fact in facts
        for mention in fact.mentions
        if mention.stands.note == scene.here
        for span in [scene.shown(mention.stands)]
    ]
    made: list[Segment] = []
    at = 0
    for start, end, own in _apart(span for span in spans if span[0] < span[1]):
        if at < start:
            made.append(Segment(visible(text[at:start])))
        keys = tuple(dict.fromkeys(key for _, _, key, _ in own))
        first = by_key[keys[0]]
        label = "; ".join(_label(by_key[key]) for key in keys)
        anchors = tuple(dict.fromkeys(anchor for *_, anchor in own))
        made.append(Segment(visible(text[start:end]), keys, anchors, first.style, label))
        at = end
    return [*made, Segment(visible(text[at:]))] if at < len(text) else made


def _label(view: FactView) -> str:
    parts = [view.kind_name, view.name, view.status, view.value, f"{view.system} {view.code}"]
    return " · ".join(part for part in parts if part.strip())


def _apart(
    spans: Iterable[tuple[int, int, str, str]],
) -> list[tuple[int, int, list[tuple[int, int, str, str]]]]:
    """Return stretches that do not overlap, each with all those that overlap it, itself first."""
    kept: list[tuple[int, int, list[tuple[int, int, str, str]]]] = []
    for span in sorted(spans, key=lambda one: (one[0] - one[1], one[0])):
        over = [own for low, high, own in kept if span[0] < high and low < span[1]]
        if over:
            over[0].append(span)
        else:
            kept.append((span[0], span[1], [span]))
    return sorted(kept, key=lambda one: one[0])
