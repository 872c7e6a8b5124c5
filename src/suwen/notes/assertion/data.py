"""Data sets with what is said of each mention: the NegEx kit and the dialogues of CMDD.

References: Chapman et al., J Biomed Inform 34:301, 2001, with the annotated reports of
chapmanbe/negex (Apache-2.0); Lin et al., EMNLP 2019, D19-1508 (CMDD, by alibaba-research/
ChineseBLUE, Apache-2.0).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

from suwen.core.errors import BadInput
from suwen.notes.assertion.dialogue_status import Dialogue, Named, Turn
from suwen.notes.text import Note, Span

NEGEX: Final = "text/negex"
NEGEX_FILE: Final = "Annotations-1-120.txt"
NEGEX_ENCODING: Final = "latin-1"
NEGEX_FILES: Final = (NEGEX_FILE, "rsAnnotations-1-120-random.txt")
"""The kit in the order of its reports, and in random order without them: the first is taken."""
COLUMNS: Final = ("concept", "sentence", "negation", "temporality", "experiencer")
"""The columns after the first, which numbers reports (`Report No.`) or rows (`No`)."""
LEAST_COLUMNS: Final = 3
NEGATED: Final = frozenset({"negated", "negation"})
"""Both are written in the file; every other word is not negated."""
SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class Row:
    """One row of the kit: a concept in a sentence of a report, and what is said of it.

    `report` is 0 where the file tells no reports. `temporality` and `experiencer` are empty where
    it has no such column, else as written there: Recent, Historical, Not particular; Patient,
    Family member, Other.
    """

    report: int
    concept: str
    sentence: str
    negated: bool
    temporality: str = ""
    experiencer: str = ""


@dataclass(frozen=True)
class Marked:
    """A note with its mentions and, in the same order, the rows they come from."""

    note: Note
    mentions: tuple[Span, ...]
    rows: tuple[Row, ...]


def negex_rows(path: Path) -> list[Row]:
    """Read the rows in the order of the file, with two to five columns of labels or fewer.

    Raises
    ------
    BadInput
        A row has no number, or lacks concept, sentence or negation.
    """
    found = []
    lines = path.read_text(encoding=NEGEX_ENCODING).splitlines()
    head = lines[0].lower() if lines else ""
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip().strip('"').strip() for cell in line.split("\t")]
        if not any(cells) or (number == 1 and not cells[0].isdigit()):
            continue
        if len(cells) <= LEAST_COLUMNS or not cells[0].isdigit():
            raise BadInput(
                f"line {number} of {path.name} with {len(cells)} columns",
                "number, concept, sentence, negation and perhaps temporality and experiencer "
                "between tabs",
                "take the file as its authors published it",
            )
        said = dict(zip(COLUMNS, cells[1:], strict=False))
        found.append(
            Row(
                int(cells[0]) if head.startswith("report") else 0,
                said["concept"],
                said["sentence"],
                said["negation"].lower() in NEGATED,
                said.get("temporality", ""),
                said.get("experiencer", ""),
            )
        )
    return found


def negex_notes(rows: Iterable[Row]) -> list[Marked]:
    """Put the sentences of each report together again and locate the concepts in them.

    A sentence stands in the file once for each concept, with the concept in capitals; a concept
    that stands in it more than once is the one in capitals. Where the file tells no reports, each
    sentence is a note.
    """
    kept = list(rows)
    told = [row for row in kept if row.report]
    notes = [_report(list(same)) for _, same in groupby(told, key=lambda row: row.report)]
    apart: dict[tuple[str, int], list[Row]] = {}
    for row in (row for row in kept if not row.report):
        # The same sentence of two reports names the same concept again: two notes.
        times = 0
        while any(
            row.concept == one.concept for one in apart.get((_plain(row.sentence), times), [])
        ):
            times += 1
        apart.setdefault((_plain(row.sentence), times), []).append(row)
    return notes + [_report(same) for same in apart.values()]


def _report(rows: Sequence[Row]) -> Marked:
    text, spans = "", []
    sentences: list[Span] = []
    for _, group in groupby(rows, key=lambda row: _plain(row.sentence)):
        same = list(group)
        sentence = SPACES.sub(" ", same[0].sentence)
        start = len(text)
        # Capitals mark the concept: without them the sentence is the same in each of its rows.
        text += _common(sentence, [SPACES.sub(" ", row.sentence) for row in same]) + "\n"
        sentences += _parts(text, start, len(text))
        for row in same:
            where = _located(row, start, len(sentence))
            if where in spans and (again := text.find(where.of(text), where.end)) >= 0:
                where = Span(again, again + where.end - where.start)
            spans.append(where)
    return Marked(Note(text, "en", sentences=tuple(sentences)), tuple(spans), tuple(rows))


def _plain(sentence: str) -> str:
    return SPACES.sub(" ", sentence).strip().casefold()


def _common(sentence: str, variants: Sequence[str]) -> str:
    """Return the sentence without the capitals that mark concepts, where other rows show it."""
    if len(variants) < 2 or any(len(one) != len(sentence) for one in variants):
        return sentence.lower()
    return "".join(min(letters, key=str.isupper) for letters in zip(*variants, strict=True))


def _parts(text: str, start: int, end: int) -> list[Span]:
    """Return the sentences in a row of the file, which may be a header and several of them."""
    cuts = [one.end() + start for one in re.finditer(r"[.!?](?=\s+\S)|;(?=\s)", text[start:end])]
    bounds = [start, *cuts, end]
    return [Span(a, b) for a, b in pairwise(bounds) if a < b]


def _located(row: Row, start: int, length: int) -> Span:
    """Return where the concept of a row stands, the one in capitals first.

    A concept that is not there as written stands for its whole sentence.
    """
    sentence = SPACES.sub(" ", row.sentence)
    concept = SPACES.sub(" ", row.concept).strip()
    for text, asked in ((sentence, concept.upper()), (sentence.lower(), concept.lower())):
        at = text.find(asked)
        if at >= 0 and asked:
            return Span(start + at, start + at + len(asked))
    return Span(start, start + length)


CMDD: Final = "text/cmdd"
CMDD_STATUS: Final = {"1": "present", "2": "absent", "3": "possible"}
CMDD_PATIENT: Final = "患者"


@dataclass(frozen=True)
class Told:
    """A dialogue of CMDD with the status of each symptom named in it."""

    key: str
    dialogue: Dialogue
    statuses: tuple[str, ...]


def cmdd(path: Path) -> list[Told]:
    """Read the dialogues of a `*.jsonl.gz` file.

    An utterance whose labels and statuses do not match in number names nothing (20 of the 69,887 of
    train and dev).

    Raises
    ------
    BadInput
        The file is no gzip of JSON lines, or a line lacks what a dialogue has.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [_told(json.loads(line)) for line in lines if line.strip()]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"dialogues that cannot be read: {path.name}",
            "gzipped JSON lines: dialogue-content with speaker, sentence, label, normalized, type",
        ) from error


def _told(content: dict[str, Any]) -> Told:
    turns, named, statuses = [], [], []
    for at, one in enumerate(content["dialogue-content"]):
        turns.append(Turn(one["speaker"] == CMDD_PATIENT, one["sentence"]))
        spans = _labelled(one["label"])
        if len(spans) == len(one["type"]) == len(one["normalized"]):
            for (start, end), name, status in zip(
                spans, one["normalized"], one["type"], strict=True
            ):
                named.append(Named(at, start, end, name))
                statuses.append(CMDD_STATUS[status])
    return Told(str(content["example-id"]), Dialogue(tuple(turns), tuple(named)), tuple(statuses))


def _labelled(label: str) -> list[tuple[int, int]]:
    """Return the stretches of B, I and O; an I without a B before it starts one."""
    return [one.span() for one in re.finditer("[BI]I*", label)]
