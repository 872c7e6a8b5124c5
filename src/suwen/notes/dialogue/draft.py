"""Visit talk to a draft note by section: extractive, by templates, every line traceable to turns.

A question and its answer become a line: a denial or a report of what was asked for, the answer in
the third person, or both as they were said where the answer alone would say nothing. What a
clinician states is kept as stated, an order without its "I am going to". Small talk is left out.
Nothing is added that was not said; each line names the stretches of the talk it was made from.
`knowledge/dialogue.toml` has the words, `suwen.notes.dialogue.placing` says which section a line is
of.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from suwen.core.codes import Text
from suwen.notes.dialogue import placing
from suwen.notes.dialogue.placing import Unit
from suwen.notes.dialogue.retelling import cleaned, closed, plain, retold, told
from suwen.notes.dialogue.talk import Clause, Speaker, Turn, clauses_of, turns_of
from suwen.notes.text import Span

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "dialogue.toml"
ORDER: Final = (
    "chief_complaint", "history_of_present_illness", "review_of_systems", "past_medical_history",
    "past_surgical_history", "obstetric_history", "medications", "allergies", "immunizations",
    "family_history", "social_history", "vital_signs", "physical_examination", "results",
    "hospital_course", "procedures", "assessment", "plan", "disposition", "other",
)  # fmt: skip
ECHO: Final = 3
"""Lines back to which a clinician who says something again is compared."""
FRAGMENT: Final = 7
"""Words of the longest answer that says nothing without its question."""
LONGEST_ADDED: Final = 40
"""Characters of what is put to a Chinese yes."""

Way = Literal["stated", "denied", "reported", "answered", "ordered", "found"]
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_EDGES: Final = " ,.!;:，。！、"
_FREE: Final = frozenset(
    [
        "the",
        "patient",
        "they",
        "a",
        "and",
        "is",
        "it",
        "that",
        "of",
        "are",
        "s",
        "what",
        "okay",
        "did",
        "then",
    ]
)
_RUN_ON: Final = re.compile(r"\s{2,}")
_OPEN: Final = re.compile(r"有没有?|有无|是否|是不是|(?P<verb>[\u3400-\u9fff])[不没](?P=verb)")
"""Chinese questions that hold a negation and deny nothing."""
_COMMAS: Final = re.compile(r"[^，；,;]+[，；,;]*")
_PIECE: Final = re.compile(r"[a-z']+|\d+|[\u3400-\u9fff]", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line of a draft, in the words of the talk.

    Parameters
    ----------
    spans
        The stretches of the talk it rests on; never empty.
    speaker
        Who said it; of an answer who gave it.
    way
        By which template it was made.
    """

    text: Text
    section: str
    spans: tuple[Span, ...]
    speaker: Speaker = "patient"
    way: Way = "stated"


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def draft(talk: str, least: float | None = None) -> tuple[Line, ...]:
    """Return the lines of a draft note, by section in the usual order, then as they were said.

    Parameters
    ----------
    talk
        Turns, each after `Doctor:`, `[patient]`, 医生： or the like.
    least
        How much of a line has to be expected in a note, at most 1; None: as fitted.

    Raises
    ------
    BadInput
        Nobody is named before what is said.
    """
    made = exchanges(talk)
    sections = placing.placed(talk, [unit for _, unit in made], least)
    kept: dict[tuple[str, str], Line] = {}
    for (line, _), section in zip(made, sections, strict=True):
        if section:
            kept.setdefault((section, line.text.en), replace(line, section=section))
    return tuple(sorted(kept.values(), key=lambda line: ORDER.index(line.section)))


def exchanges(talk: str) -> list[tuple[Line, Unit]]:
    """Return every line that could be of a note, in the order of the talk, with what it is told by.

    The section of the lines is still empty.
    """
    turns = turns_of(talk)
    clauses = clauses_of(talk, turns)
    made: list[Line] = []
    for line in _lines(talk, turns, clauses):
        if line.text.en and not _idle(talk, line) and not _echoes(line, made[-ECHO:]):
            made.append(line)
    return [(line, placing.unit(talk, line.spans, line.speaker, line.way)) for line in made]


def _lines(talk: str, turns: Sequence[Turn], clauses: Sequence[Clause]) -> Iterator[Line]:
    asked: Clause | None = None
    for number, turn in enumerate(turns):
        own = [clause for clause in clauses if clause.turn == number]
        if turn.speaker == "clinician":
            for clause in own:
                if clause.asks:
                    asked = clause
                else:
                    yield from (_statement(talk, part) for part in _by_section(talk, clause))
            continue
        if asked is not None and own:
            yield from _answer(talk, asked, own[0])
            asked, own = None, own[1:]
        for clause in own:
            if not clause.asks:
                yield _line(retold(clause.of(talk), clause.voice), (clause,), "stated")


def _line(text: str, clauses: Sequence[Clause], way: Way) -> Line:
    bare = tuple(Span(clause.start, clause.end) for clause in clauses)
    return Line(Text(en=text, zh=text), "", bare, clauses[-1].voice[0], way)


def _echoes(line: Line, before: Sequence[Line]) -> bool:
    """Say whether a clinician only says again what was just said."""
    if line.way != "stated" or line.speaker != "clinician":
        return False
    words = set(plain(line.text.en))
    return any(words <= set(plain(one.text.en)) | _FREE for one in before)


def _by_section(talk: str, clause: Clause) -> list[Clause]:
    """Cut what a clinician says in Chinese where it goes on with another section of a note.

    There a sentence runs from findings over the assessment to orders, with commas between.
    """
    if not _HAN.search(clause.of(talk)):
        return [clause]
    parts: list[tuple[Clause, str]] = []
    for piece in _COMMAS.finditer(clause.of(talk)):
        own = replace(clause, start=clause.start + piece.start(), end=clause.start + piece.end())
        section = placing.chinese_section(piece[0])
        before = parts[-1] if parts else None
        joins = before and (section in ("", before[1]) or not before[1])
        if before and joins and not _idleness().search(before[0].of(talk).strip(_EDGES)):
            parts[-1] = (replace(before[0], end=own.end), section or before[1])
        else:
            parts.append((own, section))
    return [_bare(talk, part) for part, _ in parts]


def _bare(talk: str, part: Clause) -> Clause:
    """Return a part of a sentence without the comma it ends with."""
    return replace(part, end=part.start + len(part.of(talk).rstrip(_EDGES)))


def _statement(talk: str, clause: Clause) -> Line:
    """Return what a clinician states; an order and a finding without their "I am going to"."""
    text, way = cleaned(clause.of(talk)), "stated"
    for pattern, put, kind in _heads("statements"):
        shorter, count = pattern.subn(put, text, count=1)
        if count:
            text, way = shorter, kind
            break
    return _line(closed(told(text, clause.voice)), (clause,), way)  # type: ignore[arg-type]


@cache
def _heads(name: str) -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple(
        (re.compile(one["pattern"], re.IGNORECASE), one.get("put", ""), one.get("way", ""))
        for one in _words()[name]
    )


def _answer(talk: str, asked: Clause, first: Clause) -> Iterator[Line]:
    """Yield the lines of the first words of an answer to a question."""
    kind, at = _yes_or_no(first.of(talk))
    if at and not _about(first.of(talk)[:at], asked.of(talk)):
        kind, at = "", 0
    answer, more = _parted(talk, first, at)
    excepted = kind == "no" and bool(_excepts().search(more.of(talk)))
    thing = _thing(asked, talk) if kind and not excepted else ""
    if thing:
        added = kind == "yes" and _attached(more.of(talk))
        yield _reported(
            talk, kind, thing, asked, first if added else answer, more if added else None
        )
        if more.start < more.end and not added:
            yield _line(retold(more.of(talk), first.voice), (asked, more), "stated")
        return
    if first.asks:
        return
    said = first.of(talk)
    if not kind and placing.opens(asked.of(talk)):
        yield _line(retold(said, first.voice), (asked, first), "stated")
        return
    if kind or _short(said) or _leans().search(said):
        question = retold(asked.of(talk), asked.voice).rstrip(".。?？")
        reply = closed(told(cleaned(said, whole=True), first.voice))
        if question and reply:
            mark = "？" if _HAN.search(question) else "? "
            yield _line(f"{question}{mark}{reply}", (asked, first), "answered")
        return
    yield _line(retold(said, first.voice), (asked, first), "stated")


def _yes_or_no(said: str) -> tuple[str, int]:
    """Return whether an answer is a no or a yes, and where that and its echo end."""
    text = said.lower().replace("\u2019", "'")
    for kind in ("no", "yes"):
        if found := _begins(kind).match(text):
            return kind, found.end()
    return "", 0


def _about(answer: str, question: str) -> bool:
    """Say whether a Chinese no or yes that names a verb names that of the question (抽, 不咳)."""
    verb = re.match(_words()["answers"]["verb"], answer)
    return verb is None or bool(set(verb["verb"]) & set(question))


def _parted(talk: str, first: Clause, at: int) -> tuple[Clause, Clause]:
    """Return the yes or no of an answer, and what is said beyond it (empty: nothing)."""
    rest = first.of(talk)[at:]
    shown = rest.strip(_EDGES)
    if lead := _lead().match(shown):
        shown = shown[lead.end() :]
    if not _PIECE.search(cleaned(shown)):
        return first, replace(first, start=first.end)
    start = first.start + at + rest.index(shown)
    answer = replace(first, end=first.start + at) if at else first
    return answer, replace(first, start=start, end=start + len(shown))


@cache
def _begins(kind: str) -> re.Pattern[str]:
    """Return a pattern of a no or yes with its echoes, where it stands alone."""
    answers = _words()["answers"]
    own, echo = "|".join(answers[kind]), "|".join(answers["echo"])
    next_word = "|".join(answers["next"])
    return re.compile(
        rf"(?:(?:um|uh|well|oh|actually)[\s,]+)*(?:{own})(?![a-z'])"
        rf"(?!\s*(?:not|n't|never)\b)(?=\s*(?:$|[,.!?;:，。！？、\u2026-]|(?:{next_word})(?![a-z])))"
        rf"(?:[\s,.!，。！、]+(?:{echo})(?=\s*(?:$|[,.!?，。！、])))*"
    )


def _short(said: str) -> bool:
    """Say whether an answer has no verb of its own, so that it needs its question."""
    words = [word.lower() for word in _PIECE.findall(cleaned(said) or said)]
    if _HAN.search(said):
        return len(words) <= FRAGMENT
    return len(words) <= FRAGMENT and not set(words) & set(_words()["answers"]["subjects"])


@cache
def _leans() -> re.Pattern[str]:
    """Return a pattern of answers that do not say what they are about: I quit ten years ago."""
    return re.compile(_words()["answers"]["leaning"], re.IGNORECASE)


@cache
def _excepts() -> re.Pattern[str]:
    """Return a pattern of what makes a no only half of one: no, just penicillin."""
    return re.compile(_words()["answers"]["except"], re.IGNORECASE)


def _attached(more: str) -> bool:
    """Say whether what follows a yes or no only adds to it: when, how long, which."""
    words = _PIECE.findall(more.lower())
    if _HAN.search(more):
        return len(words) <= LONGEST_ADDED
    return bool(words) and (
        _short(more) or (words[0] in _words()["answers"]["adding"] and len(words) <= 2 * FRAGMENT)
    )


@cache
def _lead() -> re.Pattern[str]:
    """Return a pattern of the echo before what is added: "I have" for the last week."""
    return re.compile(_words()["answers"]["lead"], re.IGNORECASE)


def _reported(
    talk: str, kind: str, thing: str, asked: Clause, said: Clause, more: Clause | None
) -> Line:
    """Return a denial or a report of what was asked after, with what only adds to it."""
    way: Way = "denied" if kind == "no" else "reported"
    added = told(cleaned(more.of(talk)), said.voice, named=True) if more else ""
    en, zh = {"denied": ("Denies", "否认"), "reported": ("Reports", "诉")}[way]
    gap = "" if _HAN.match(thing) else "："
    text = Text(
        en=closed(f"{en} {thing}{': ' if added else ''}{added}"),
        zh=closed(f"{zh}{gap}{thing}{'：' if added else ''}{added}"),
    )
    return replace(_line("", (asked, said), way), text=text)


def _thing(asked: Clause, talk: str) -> str:
    """Return what a question asks after, in the third person; empty where it asks otherwise."""
    text = cleaned(asked.of(talk)).rstrip("?？ .")
    bare = _OPEN.sub("", text)
    if re.search(_words()["thing"]["open"], bare, re.IGNORECASE):
        return ""
    for pattern, put, _ in _heads("questions"):
        found = list(pattern.finditer(text))
        if not found:
            continue
        thing = found[-1].expand(put) if put else found[-1]["thing"]
        thing = re.sub(_words()["thing"]["left_out"], "", thing, flags=re.IGNORECASE)
        thing = _RUN_ON.sub(" ", thing).strip(" ,.，、")
        if thing.lower() in _words()["thing"]["unnamed"]:
            return ""
        if len(thing) == 1 and f"有{thing}" in text:
            thing = f"有{thing}"
        return told(thing, asked.voice, named=True) if _PIECE.search(thing) else ""
    return ""


def _idle(talk: str, line: Line) -> bool:
    """Say whether a line is small talk, or of the visit itself."""
    own = line.way in ("denied", "reported", "answered")
    said = line.spans[0 if own else -1].of(talk)
    if _idleness().search(said) or _emptiness().match(line.text.en):
        return True
    pieces = _PIECE.findall(line.text.en)
    if line.speaker == "clinician" and line.way == "stated":
        few = len(pieces) < 3 and not _HAN.search(line.text.en)
        if few or re.match(_words()["idle"]["clinician"], line.text.en):
            return True
    return not any(len(one) > 1 or _HAN.match(one) or one.isdigit() for one in pieces)


@cache
def _emptiness() -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(_words()['idle']['empty'])})\\W*$", re.IGNORECASE)


@cache
def _idleness() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in _words()["idle"]["patterns"]), re.IGNORECASE)
