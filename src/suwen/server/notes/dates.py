"""Dates and periods on the page of a note: in its text, and in a list beside it in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from suwen.core.codes import FACT_DETAIL, Language
from suwen.core.nouns import Finding
from suwen.notes.entities.corrected import place_of
from suwen.notes.questions import newest
from suwen.notes.text import Span
from suwen.server.language import say
from suwen.server.notes.details import detail
from suwen.server.notes.marks import Segment
from suwen.server.notes.view import Scene, anchor_of, visible

DATE: Final = "date"
_ISO: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


@dataclass(frozen=True)
class DateView:
    """A date or period of the note that is shown.

    Parameters
    ----------
    span
        Where it stands in the readable text.
    words, means
        As written, and what it means: an ISO date, or how long.
    iso
        For the `datetime` of the page; empty where only a length before the note is known.
    how
        What the meaning rests on, in words; empty where it is as written.
    """

    anchor: str
    span: Span
    words: str
    means: str
    iso: str
    how: str = ""


@dataclass(frozen=True)
class Dated(Segment):
    """Characters of a note that are a date."""

    when: DateView | None = None


def date_views(scene: Scene, entities: Iterable[Finding]) -> list[DateView]:
    """Return the dates and periods that the newest pack found in the note that is shown."""
    here = [
        one
        for one in newest(entities)
        if one.code.code == DATE and place_of(one).note == scene.here
    ]
    return sorted((_view(scene, one) for one in here), key=lambda one: one.span)


def in_order(dates: Sequence[DateView]) -> list[DateView]:
    """Return the dates by their day, then the periods as they stand; each meaning once."""
    days = sorted((one for one in dates if _ISO.fullmatch(one.iso)), key=lambda one: one.iso)
    rest = [one for one in dates if not _ISO.fullmatch(one.iso)]
    return list({(one.means, one.words): one for one in [*days, *rest]}.values())


def with_dates(segments: Sequence[Segment], dates: Sequence[DateView]) -> list[Segment]:
    """Return the text of a note cut at its dates too, where they are in no fact."""
    return list(_cut(segments, dates))


def _cut(segments: Sequence[Segment], dates: Sequence[DateView]) -> Iterator[Segment]:
    at = 0
    for segment in segments:
        end = at + len(segment.text)
        inside = (
            [] if segment.facts else [d for d in dates if at <= d.span.start < d.span.end <= end]
        )
        done = at
        for one in inside:
            if one.span.start < done:
                continue
            if done < one.span.start:
                yield replace(segment, text=segment.text[done - at : one.span.start - at])
            text = segment.text[one.span.start - at : one.span.end - at]
            yield Dated(text, when=one)
            done = one.span.end
        if done == at or done < end:
            yield replace(segment, text=segment.text[done - at :])
        at = end


def _view(scene: Scene, finding: Finding) -> DateView:
    place = place_of(finding)
    span = scene.shown(place)
    parts = {
        name: value
        for one in finding.measures
        if one.code.system == FACT_DETAIL
        for name, _, value in [one.code.code.partition("=")]
    }
    words = visible(span.of(scene.notes[place.note].note.text))
    return DateView(anchor_of(place), span, words, *_meaning(scene.language, parts))


def _meaning(language: Language, parts: dict[str, str]) -> tuple[str, str, str]:
    """Return what a date means, its `datetime` and what that rests on."""
    if date := parts.get("date", ""):
        told = parts.get("told-from", "")
        how = say(language, "told from the day of the note, %(day)s", day=told) if told else ""
        return date, date if _ISO.fullmatch(date) else "", how
    if length := parts.get("duration", ""):
        return detail(language, "duration", length)[1], length, ""
    length = parts.get("time", "").removeprefix("-")
    before = say(language, "%(long)s before", long=detail(language, "time", length)[1])
    return before, "", say(language, "the day of the note is not known")
