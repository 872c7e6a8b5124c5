"""A visit's talk: who says what, in stretches short enough to be one line of a note each.

Read from text with a name before each turn (`Doctor:`, `[patient]`, 医生：) and from the tables of
MTS-Dialog and ACI-Bench. A speech recogniser leaves out full stops, so a turn that runs on without
any is cut where a speaker begins anew. `knowledge/talk.toml` has the words.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from suwen.core.encodings import decode
from suwen.core.errors import BadInput
from suwen.notes.reading.document import HTML, PDF, RTF, draw, media_type_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Span

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "talk.toml"
TALK_CAP: Final = 200_000
"""Longest talk read, in characters: some four hours of speech."""
TABLE_CAP: Final = 32 * 1024 * 1024
LOOSE: Final = 12
"""A stretch of more words that no full stop or comma parts was written by a speech recogniser."""

CHILD: Final = 2
"""Times that a talk names the child it is about."""

Speaker = Literal["clinician", "patient", "family"]
"""Who speaks; `family` is anyone who speaks for the patient."""
Voice = tuple[Speaker, Speaker]
"""Who speaks, and to whom."""
_WORD: Final = re.compile(r"[a-z']+|[\u3400-\u9fff]", re.IGNORECASE)
_END: Final = re.compile(r"[.?!。？！]")
_ASKED: Final = re.compile(r"[?？]\W*$")


@dataclass(frozen=True)
class Talk:
    """One talk of a file; `name` tells it apart from others of a table."""

    name: str
    text: str


@dataclass(frozen=True, order=True)
class Turn(Span):
    """What one person said at a stretch, without the name before it."""

    speaker: Speaker


@dataclass(frozen=True, order=True)
class Clause(Span):
    """A sentence, or what would be one; `asks` where it is a question."""

    voice: Voice
    turn: int
    asks: bool


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


@cache
def _mark(start: str) -> re.Pattern[str]:
    names = (name for names in _words()["speakers"].values() for name in names)
    known = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    named = r"(?:dr\.?|doctor|nurse)[ \t]+[a-z][a-z'-]+"
    return re.compile(
        rf"(?im){start}[ \t]*\[?(?P<who>{known}|{named})\]?[ \t]*(?:[:：]|(?<=\]))[ \t]*"
    )


def turns_of(talk: str) -> list[Turn]:
    """Return the turns of a talk, in order.

    Raises
    ------
    BadInput
        Nobody is named before what is said, or the talk is too long.
    """
    if len(talk) > TALK_CAP:
        raise BadInput(
            "a talk that is too long", f"at most {TALK_CAP} characters", "send one visit at a time"
        )
    marks = list(_mark("^").finditer(talk))
    if len(marks) < 2:
        marks = list(_mark(r"(?:^|(?<=[\s/。！？.!?；;]))").finditer(talk))
    if not marks:
        raise BadInput(
            "a talk in which nobody is named",
            "turns that begin with Doctor: or Patient:",
            "write who speaks before each turn",
        )
    child = len(_any(tuple(_words()["speakers"]["child"])).findall(talk)) >= CHILD
    stops = [*(mark.start() for mark in marks[1:]), len(talk)]
    turns = []
    for mark, stop in zip(marks, stops, strict=True):
        body = talk[mark.end() : stop].rstrip(" \t\r\n/")
        if body.strip():
            start = mark.end() + len(body) - len(body.lstrip())
            turns.append(Turn(start, mark.end() + len(body), _speaker(mark["who"], child)))
    return turns


def _speaker(name: str, child: bool) -> Speaker:
    """Return the part of a speaker; who is called the patient of a child is its family."""
    speakers, low = _words()["speakers"], name.lower()
    if low in speakers["patient"]:
        return "family" if child else "patient"
    return "family" if low in speakers["family"] else "clinician"


def talks_of(data: bytes) -> list[Talk]:
    """Return the talks of a file: one, or of a table one a row with a column `dialogue`.

    Raises
    ------
    BadInput
        It is empty, too large, no text, or a table without talks.
    Unreadable
        It is a document that cannot be read.
    """
    if not data.strip():
        raise BadInput("an empty file", "the talk of a visit", "choose the file with the talk")
    if len(data) > TABLE_CAP:
        raise BadInput("a file that is too large", f"at most {TABLE_CAP >> 20} MiB", "split it")
    if media_type_of(data) in (RTF, PDF, HTML):
        return [Talk("", draw(data)[0].text)]
    found = decode(data)
    if found is None:
        raise BadInput(
            "a file that is no text", "text, RTF, HTML or PDF with the talk of a visit",
            "save the talk as text",
        )  # fmt: skip
    first = found.text.lstrip("\ufeff").partition("\n")[0]
    if "," in first and "dialogue" in first.lower():
        return _table(found.text)
    return [Talk("", found.text.replace("\r\n", "\n"))]


def _table(text: str) -> list[Talk]:
    """Return the talks of a table as MTS-Dialog and ACI-Bench have it."""
    csv.field_size_limit(TABLE_CAP)
    try:
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True))
    except csv.Error:
        raise BadInput("a table that is not CSV", "comma-separated values", "save it as CSV") from (
            None
        )
    talks = []
    for number, row in enumerate(rows, 1):
        values = {(name or "").strip().lower(): value for name, value in row.items()}
        said = values.get("dialogue")
        if isinstance(said, str) and said.strip():
            name = values.get("encounter_id") or values.get("id") or str(number)
            talks.append(Talk(str(name), said.replace("\r\n", "\n")))
    if not talks:
        raise BadInput(
            "a table without talks", "a column dialogue with talks in it", "check the column"
        )
    return talks


def clauses_of(talk: str, turns: Sequence[Turn]) -> list[Clause]:
    """Return what is said in each turn, cut into clauses, in order."""
    there = {turn.speaker for turn in turns}
    heard: Speaker = "family" if "family" in there and "patient" not in there else "patient"
    return [
        Clause(piece.start, piece.end, _voice(turn.speaker, heard), number, _asks(piece.of(talk)))
        for number, turn in enumerate(turns)
        for sentence in sentences_of(turn.of(talk))
        for piece in _pieces(talk, Span(turn.start + sentence.start, turn.start + sentence.end))
    ]


def _voice(speaker: Speaker, heard: Speaker) -> Voice:
    return (speaker, heard if speaker == "clinician" else "clinician")


def _pieces(talk: str, sentence: Span) -> Iterator[Span]:
    """Cut a sentence that runs on; one that somebody wrote stays whole."""
    text = sentence.of(talk)
    cuts = [0]
    if _loose(text):
        for match in _any(tuple(_words()["clauses"]["begin"])).finditer(text):
            before = text[cuts[-1] : match.start()]
            more = _asks(before) and match[0].lower().startswith(("and", "or", "but"))
            if len(_WORD.findall(before)) >= 2 and not more and not _goes_on(before, match[0]):
                cuts.append(match.start())
    for start, stop in zip(cuts, [*cuts[1:], len(text)], strict=True):
        piece = text[start:stop]
        shown = piece.strip(" \t\r\n,")
        if _WORD.search(shown) or any(sign.isdigit() for sign in shown):
            at = sentence.start + start + piece.index(shown)
            yield Span(at, at + len(shown))


def _loose(text: str) -> bool:
    """Say whether a sentence has far more words than a stop or comma would leave together."""
    longest = max(len(_WORD.findall(part)) for part in re.split(r"[,.;:?!，。；：？！]", text))
    chinese = any("\u3400" <= sign <= "\u9fff" for sign in text)
    return longest > (2 * LOOSE if chinese else LOOSE)


def _goes_on(before: str, following: str) -> bool:
    """Say whether a clause goes on: its last word leads on, or what it hangs on is to come."""
    clauses = _words()["clauses"]
    if _any(tuple(clauses["on"])).search(before):
        return True
    anew = following.lower().startswith(tuple(clauses["anew"]))
    return not anew and bool(_any(tuple(clauses["hanging"])).match(before))


@cache
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)


def _asks(said: str) -> bool:
    """Say whether something is a question; one that only asks for assent (okay?) is none."""
    clauses = _words()["clauses"]
    bare, tags = _any(tuple(clauses["assent"])).subn("", said)
    if tags:
        return bool(_any(tuple(clauses["inverted"])).search(bare))
    if _ASKED.search(said):
        return True
    return not _END.search(said) and bool(_any(tuple(clauses["ask"])).search(said))
