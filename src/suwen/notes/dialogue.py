"""Visit talk to a draft note by section: extractive, by templates, every line traceable to turns.

A question and its answer become a line: a denial or a report of what was asked for, or the answer
in the third person; what a clinician states (findings, plans) is kept as stated. Fillers and
greetings are left out, number words become digits. Nothing is added that was not said; each line
names the stretches of the talk it was made from. `knowledge/dialogue.toml` has the words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.notes.headless import KINDS, Headless, shipped, words_of
from suwen.notes.numerals import with_digits
from suwen.notes.sentences import sentences_of
from suwen.notes.text import Span

SOURCE: Final = Path(__file__).parent / "knowledge" / "dialogue.toml"
SHORT_TALK: Final = 400
"""Talk of fewer words is about one section; its whole decides with the window."""
WINDOW: Final = 2
"""Exchanges on either side that decide on the section of one."""
SHARE: Final = 0.35
"""Of long talk, the share of its words that the draft has."""
MIN_CONTENT: Final = 2.5
"""A word at least this rare (inverse document frequency) says something."""
ORDER: Final = (
    "chief_complaint", "history_of_present_illness", "review_of_systems", "past_medical_history",
    "past_surgical_history", "obstetric_history", "medications", "allergies", "immunizations",
    "family_history", "social_history", "vital_signs", "physical_examination", "results",
    "hospital_course", "procedures", "assessment", "plan", "disposition", "other",
)  # fmt: skip

Speaker = Literal["clinician", "patient", "other"]


@dataclass(frozen=True, order=True)
class Turn(Span):
    """What one person said at a stretch, without the name before it."""

    speaker: Speaker


@dataclass(frozen=True)
class Line:
    """One line of a draft, in the words of the talk, and the stretches of it that it rests on."""

    text: Text
    section: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class _Exchange:
    """A line in the making, with the words it is judged by."""

    line: Line
    heard: str
    at: int
    states: bool = False
    """A clinician states it."""


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


@cache
def _speaker_pattern() -> re.Pattern[str]:
    known = "|".join(name for names in _words()["speakers"].values() for name in names)
    return re.compile(rf"(?im)^[ \t]*\[?(?P<who>{known})\]?[ \t]*(?:[:：]|(?<=\]))[ \t]*")


def turns_of(talk: str) -> list[Turn]:
    """Return the turns of a talk, in order.

    Raises
    ------
    BadInput
        No line names a speaker.
    """
    marks = list(_speaker_pattern().finditer(talk))
    if not marks:
        raise BadInput(
            "a talk in which nobody is named", "lines that begin with Doctor: or Patient:",
            "write who speaks before each turn",
        )  # fmt: skip
    speakers = _words()["speakers"]
    stops = [*(mark.start() for mark in marks[1:]), len(talk)]
    turns = []
    for mark, stop in zip(marks, stops, strict=True):
        who = mark["who"].lower()
        speaker: Speaker = "clinician" if who in speakers["clinician"] else "patient"
        body = talk[mark.end() : stop]
        if body.strip():
            start = mark.end() + len(body) - len(body.lstrip())
            turns.append(Turn(start, start + len(body.strip()), speaker))
    return turns


def draft(talk: str, share: float = SHARE) -> tuple[Line, ...]:
    """Return the lines of a draft note, by section in the usual order, then as they were said.

    Parameters
    ----------
    talk
        Turns, each after `Doctor:`, `[patient]` or the like.
    share
        Of a long talk, the share of its words to keep; the lines that say most are kept.
    """
    turns = turns_of(talk)
    exchanges = _placed(talk, [one for one in _exchanges(talk, turns) if one.line.text.en])
    if len(words_of(talk)) > SHORT_TALK:
        exchanges = _most_telling(exchanges, share * len(words_of(talk)))
    ordered = sorted(exchanges, key=lambda one: (ORDER.index(one.line.section), one.at))
    return tuple(one.line for one in ordered)


def _exchanges(talk: str, turns: Sequence[Turn]) -> Iterator[_Exchange]:
    asked: Span | None = None
    for turn in turns:
        said = turn.of(talk)
        sentences = [Span(turn.start + s.start, turn.start + s.end) for s in sentences_of(said)]
        if turn.speaker == "clinician":
            asked = next((s for s in reversed(sentences) if s.of(talk).endswith(("?", "？"))), None)
            for sentence in sentences:
                if not sentence.of(talk).endswith(("?", "？")):
                    yield _stated(talk, sentence, turn.speaker, None)
            continue
        answer = _answer(talk, turn, asked) if asked else None
        if answer:
            yield answer
            sentences = sentences[1:]
        for number, sentence in enumerate(sentences):
            yield _stated(talk, sentence, turn.speaker, asked if number == 0 else None)
        asked = None


def _answer(talk: str, turn: Turn, asked: Span) -> _Exchange | None:
    """Return the line of a yes or no to a question after something, None for other answers."""
    said = turn.of(talk).lower().strip()
    question = asked.of(talk)
    thing = _thing(question)
    kind = next((k for k in ("no", "yes") if _begins(said, _words()["answers"][k])), "")
    first = re.split(r"[.!?。！？]", said, maxsplit=1)[0]
    if not thing or not kind or len(words_of(first)) > 6:
        return None
    shown = with_digits(_told(thing, "clinician"))
    text = Text(en=f"Reports {shown}.", zh=f"有：{shown}。")
    if kind == "no":
        text = Text(en=f"Denies {shown}.", zh=f"否认：{shown}。")
    spans = (asked, Span(turn.start, turn.start + len(first)))
    return _Exchange(Line(text, "", spans), f"{question} {said}", turn.start)


def _begins(said: str, answers: Sequence[str]) -> bool:
    return any(re.match(rf"{re.escape(one)}(?!\w)", said) for one in answers)


@cache
def _heads() -> re.Pattern[str]:
    heads = "|".join(_words()["questions"]["heads"])
    return re.compile(
        rf"(?i)(?:^|[,.]\s*|\b(?:and|or|so|okay|um)\s+)(?:{heads})\s+(?P<thing>[^?？]+)"
    )


def _thing(question: str) -> str:
    matches = list(_heads().finditer(question))
    return matches[-1]["thing"].strip(" ,.") if matches else ""


def _stated(talk: str, sentence: Span, speaker: Speaker, asked: Span | None) -> _Exchange:
    """Return a sentence as a line; an empty one where it says nothing."""
    said = sentence.of(talk)
    shown = _cleaned(said)
    heard = f"{asked.of(talk)} {said}" if asked else said
    spans = (asked, sentence) if asked else (sentence,)
    if not _tells(said, shown):
        return _Exchange(Line(Text(en="", zh=""), "", spans), heard, sentence.start)
    shown = with_digits(_told(shown, speaker))
    shown = shown[:1].upper() + shown[1:]
    if shown[-1] not in ".!?。！？；;":
        shown += "."
    states = speaker == "clinician"
    return _Exchange(Line(Text(en=shown, zh=shown), "", spans), heard, sentence.start, states)


@cache
def _fillers() -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, _words()["fillers"]["words"]), key=len, reverse=True))
    return re.compile(
        rf"(?i)^(?:(?:{words})\b[ ,.!]*)+|,\s*(?:um|uh|you know|i mean)\b\s*,?|\b(?:um|uh)\b,?\s*"
    )


def _cleaned(said: str) -> str:
    text = _fillers().sub(" ", said)
    text = re.sub(r"\s+([,.!?])", r"\1", re.sub(r"\b(\w+)((?:\s*,)? \1\b)+", r"\1", text))
    return re.sub(r"\s{2,}|\n", " ", text).strip(" ,.-")


def _tells(said: str, shown: str) -> bool:
    low = said.lower()
    if len(shown) < 2 or any(idle in low for idle in _words()["fillers"]["idle"]):
        return False
    if not shown.isascii():
        return len(shown) > 2
    model = shipped("text")
    return any(model.weight(word) >= MIN_CONTENT for word in words_of(shown) if len(word) > 2)


@cache
def _persons(speaker: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = _words()["person"][speaker]
    return tuple((re.compile(pattern, re.IGNORECASE), put) for pattern, put in pairs)


def _told(text: str, speaker: Speaker) -> str:
    """Return what was said, in the third person."""
    for pattern, put in _persons("clinician" if speaker == "clinician" else "patient"):
        text = pattern.sub(put, text)
    return text


def _placed(talk: str, exchanges: list[_Exchange]) -> list[_Exchange]:
    """Give each line the section its neighbourhood speaks of."""
    model = shipped("talk")
    words = len(words_of(talk))
    whole = model.scores(talk) if words <= SHORT_TALK else np.zeros(len(model.classes))
    placed = []
    for number, one in enumerate(exchanges):
        near = exchanges[max(0, number - WINDOW) : number + WINDOW + 1]
        scores = model.scores(" ".join(other.heard for other in near)) + 2 * whole
        cued = _cued(one) if words > SHORT_TALK and one.states else ""
        section = cued or _section(model, scores, one)
        placed.append(replace(one, line=replace(one.line, section=section)))
    return placed


_RELATIVE = re.compile(
    r"(?i)\b(?:mother|father|mom|dad|brother|sister|aunt|uncle|grand\w+|famil\w+|parents?|cousin)\b"
)


def _section(model: Headless, scores: np.ndarray[Any, Any], one: _Exchange) -> str:
    kind = KINDS[model.classes[int(np.argmax(scores))]]
    if kind == "social_history" and _RELATIVE.search(one.heard):
        return "family_history"
    return kind


@cache
def _cues() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(one["pattern"]), one["section"]) for one in _words()["cues"])


def _cued(one: _Exchange) -> str:
    said = one.heard.lower()
    return next((section for pattern, section in _cues() if pattern.search(said)), "")


def _most_telling(exchanges: list[_Exchange], words: float) -> list[_Exchange]:
    """Return the lines that say most, as many as the words allow, in their order."""
    model = shipped("text")

    def weight(one: _Exchange) -> float:
        told = [word for word in words_of(one.line.text.en) if len(word) > 2]
        heavy = sum(model.weight(word) for word in set(told) if word in model.words)
        return float(heavy / max(len(told), 4) ** 0.5)

    kept, used = set(), 0.0
    for number in sorted(range(len(exchanges)), key=lambda n: -weight(exchanges[n])):
        size = len(words_of(exchanges[number].line.text.en))
        if used + size <= words:
            kept.add(number)
            used += size
    return [one for number, one in enumerate(exchanges) if number in kept]
