"""De-identified text: what identifies a person is found, and left out or replaced.

`identifiers` says what stands where and why; `deidentify` returns the text without it and the way
from every old character to its new place. Nothing is trained: rules and lists are data with their
sources in `knowledge/`, beside a published Chinese tagger (LAC).

Source: 45 CFR 164.514(b)(2) (HIPAA Safe Harbor, the 18 identifiers); GB/T 35273-2020 annex A and
GB/T 39725-2020 (Chinese personal and health information).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from suwen.core.codes import Language, Text
from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.folding import Folded
from suwen.privacy.english import names as english
from suwen.privacy.english import places as english_places
from suwen.privacy.english.words import read
from suwen.privacy.texts import dates
from suwen.privacy.texts.columns import columns
from suwen.privacy.texts.patterns import labelled, shipped_rules
from suwen.privacy.words.folding import fold
from suwen.privacy.words.identifier import Identifier

LONGEST: Final = 10_000_000
"""Most characters of one text."""
_HAN: Final = re.compile("[\u3400-\u9fff]")
_LATIN: Final = re.compile("[A-Za-z]{2}")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1a\x7f\ufffd]")
_BROKEN: Final = re.compile(r"(?<=[\dA-Za-z])\n(?=\d)")
ONLY_PLACE: Final = 0.4
"""Certainty of a place or facility in a text that names no one, no number and no day."""
_PLACES: Final = frozenset(("place", "facility", "department"))
_ONLY_PLACES = Text(
    en="a place, in a text where nothing else identifies anyone",
    zh="仅有地点，文中无其他身份信息",
)
_COMMON: Final = frozenset(("date", "age", "department", "place"))
_SURE: Final = 0.75
_GIVEN = Text(en="given by the caller", zh="由调用方给出")


def identifiers(
    text: str, language: Language | None = None, known: Sequence[str] = ()
) -> list[Identifier]:
    """Return what identifies a person in a text, in order, none overlapping another.

    Parameters
    ----------
    text
        Any text; disguises (full-width digits, zero-width characters ...) are seen through.
    language
        `en` or `zh` reads by the rules of that language only; None by those of every script in it.
    known
        Identifiers known from elsewhere (the patient's own name and numbers): found wherever they
        stand.

    Raises
    ------
    BadInput
        It is no text: bytes, or full of control characters.
    UnsafeInput
        It is longer than ten million characters.
    """
    _check(text)
    if not text.strip():
        return []
    folded = fold(text)
    found = _merged(_found(folded.text, language, known))
    found = _alone(_merged([*found, *_repeated(folded.text, found)]))
    return _in_original(text, folded, found)


def _alone(found: list[Identifier]) -> list[Identifier]:
    """Return what was found, less sure of places in a text where nothing else identifies anyone.

    Safe Harbor wants them gone all the same; who asks what a question says of a person may not.
    """
    if any(one.type not in _PLACES for one in found):
        return found
    return [replace(one, why=_ONLY_PLACES, certainty=ONLY_PLACE) for one in found]


def _repeated(text: str, found: Sequence[Identifier]) -> list[Identifier]:
    """Return where a number or a full name that was found stands again, unseen by the rules."""
    again: list[Identifier] = []
    for value, one in {one.of(text): one for one in found if one.type not in _COMMON}.items():
        if len(value) > 4 and text.count(value) > 1 and one.certainty >= _SURE:
            for start in (place.start() for place in re.finditer(re.escape(value), text)):
                again.append(
                    Identifier(start, start + len(value), one.type, one.why, one.certainty)
                )
    return again


def _check(text: object) -> None:
    if not isinstance(text, str):
        raise BadInput("bytes instead of text", "decoded text", "decode it, or read it as a note")
    if len(text) > LONGEST:
        raise UnsafeInput(
            f"a text of {len(text)} characters",
            f"at most {LONGEST}",
            "split it, for example into the notes it is made of",
        )
    odd = len(_CONTROL.findall(text[:100_000]))
    if odd > 8 and odd > len(text[:100_000]) / 50:
        raise BadInput(
            "binary data instead of text", "readable text", "check the file and its encoding"
        )


def _found(text: str, language: Language | None, known: Sequence[str]) -> list[Identifier]:
    """Return everything that any rule finds in a folded text."""
    found = [*_formed(text), *_across_lines(text), *columns(text)]
    if language != "zh" and _LATIN.search(text):
        said = read(text)
        found += english.names(said)
        found += english_places.places(said)
    if language != "en" and _HAN.search(text):
        from suwen.privacy.chinese import names as chinese

        found += chinese.identifiers(text)
    for one in known:
        found += _known(text, one)
    return found


def _formed(text: str) -> list[Identifier]:
    """Return what has the form or the label of an identifier, a date or an age."""
    found = labelled(text, shipped_rules())
    found += [
        Identifier(start, end, "date", form.why, form.certainty)
        for start, end, form in dates.dates(text)
    ]
    found += [
        Identifier(start, end, "age", form.why, form.certainty)
        for start, end, form in dates.ages(text)
    ]
    return found


def _across_lines(text: str) -> list[Identifier]:
    """Return what has such a form only without the line breaks within numbers.

    A number that two lines of nothing but numbers make is none: a column of results.
    """
    breaks = [found.start() for found in _BROKEN.finditer(text)]
    if not breaks:
        return []
    joined = _BROKEN.sub("", text)
    gone = set(breaks)
    places = [place for place in range(len(text)) if place not in gone]
    found = []
    for one in _formed(joined):
        start, end = places[one.start], places[one.end - 1] + 1
        crosses = end - start > one.end - one.start
        if crosses and not (one.type == "id" and _column(text, start, end)):
            found.append(Identifier(start, end, one.type, one.why, one.certainty))
    return found


def _column(text: str, start: int, end: int) -> bool:
    lines = text[text.rfind("\n", 0, start) + 1 : (text + "\n").index("\n", end)]
    return not re.search(r"[^\s\d.,+-]", lines)


def _known(text: str, value: str) -> list[Identifier]:
    """Return where a known identifier stands, whatever separates its letters and digits."""
    folded = re.findall(r"\w+", fold(value).text)
    if sum(map(len, folded)) < 2:
        return []
    pattern = r"[\W_]{0,3}".join(map(re.escape, folded))
    kind = "id" if any(one.isdigit() for one in value) else "name"
    return [
        Identifier(*found.span(), kind, _GIVEN, 1.0)
        for found in re.finditer(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", text, re.IGNORECASE)
    ]


def _merged(found: Sequence[Identifier]) -> list[Identifier]:
    """Return what was found, in order, with what overlaps made one.

    The surest (then the longest) says what the whole is; all that any of them covers goes.
    """
    merged: list[Identifier] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        last = merged[-1] if merged else None
        if last is None or one.start >= last.end:
            merged.append(one)
            continue
        first, second = (
            (last.certainty, last.end - last.start),
            (one.certainty, one.end - one.start),
        )
        kept = last if first >= second else one
        end = max(last.end, one.end)
        merged[-1] = Identifier(last.start, end, kept.type, kept.why, kept.certainty)
    return merged


def _in_original(text: str, folded: Folded, found: Sequence[Identifier]) -> list[Identifier]:
    if folded.starts is None:
        return list(found)
    moved = [
        Identifier(*folded.original(one.start, one.end), one.type, one.why, one.certainty)
        for one in found
    ]
    return _merged(moved)
