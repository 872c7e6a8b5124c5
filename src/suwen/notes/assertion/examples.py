"""The labelled examples of `notes.assertion`: reports of the NegEx kit, dialogues of CMDD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Sample, Source
from suwen.lifecycle.robust.text_changes import Edits
from suwen.notes.assertion.data import (
    CMDD,
    NEGEX,
    NEGEX_FILES,
    Marked,
    Row,
    Told,
    cmdd,
    negex_notes,
    negex_rows,
)
from suwen.notes.assertion.dialogue_status import Dialogue, keywords
from suwen.notes.assertion.rules import Assertion
from suwen.notes.text import Note, Span

SETS: Final = ("negex", "cmdd")
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "present": ("Present", "存在"),
    "absent": ("Absent", "不存在"),
    "possible": ("Possible", "可能"),
    "conditional": ("Under a condition", "特定条件下"),
    "hypothetical": ("Hypothetical", "假设"),
    "historical": ("In the past", "既往"),
    "experiencer": ("Of another person", "他人"),
}
TYPES: Final = tuple(_NAMES)
"""What a mention may carry; the last two beside one of the others."""
TRIGGER: Final = Text(en="Trigger that decided", zh="判定依据")
FIRST_TEST_REPORT: Final = 61
"""Reports of the NegEx kit from here on are the independent part."""
WINDOW: Final = 40
"""Characters before a mention in which the trivial method looks for its words (about 5 words)."""
FLOOR_WORDS: Final = {
    "absent": {"no", "not", "denies", "denied", "without"},
    "historical": {"history", "prior", "previous", "past", "s/p"},
    "hypothetical": {"if", "return", "should"},
    "experiencer": {"mother", "father", "sister", "brother", "family"},
}
"""The trivial method: one of these before a mention says what it is."""
_SOURCES: Final = {
    "negex": Source(
        "negex",
        "https://github.com/chapmanbe/negex",
        "Apache-2.0",
        "Chapman et al., J Biomed Inform 34:301, 2001; Harkema et al., 42:839, 2009",
        shippable=True,
        limits=("120 reports of one US centre; here 60, with negation only",),
    ),
    "cmdd": Source(
        "cmdd",
        "https://github.com/alibaba-research/ChineseBLUE",
        "Apache-2.0 (repository)",
        "Lin et al., EMNLP 2019, D19-1508",
        shippable=True,
        limits=("online paediatric consultations; status labelled by dialogue",),
    ),
}


@dataclass(frozen=True)
class Asserted:
    """A note and what is named in it; in a dialogue also its turns."""

    note: Note
    mentions: tuple[Span, ...]
    dialogue: Dialogue | None = None

    @property
    def text(self) -> str:
        """The text of the note."""
        return self.note.text

    def reworded(self, text: str, edits: Edits) -> Self:
        """Return the note in other words (`Written`), its mentions and sentences carried along.

        Its sections are left out, as in the data sets; a dialogue keeps its turns.
        """

        def moved(span: Span) -> Span:
            return Span(edits.start(span.start), edits.end(span.end))

        sentences = tuple(moved(one) for one in self.note.sentences)
        mentions = tuple(moved(one) for one in self.mentions)
        note = Note(text, self.note.language, self.note.record, sentences=sentences)
        return replace(self, note=note, mentions=mentions, dialogue=self._retold(text, mentions))

    def _retold(self, text: str, mentions: Sequence[Span]) -> Dialogue | None:
        if self.dialogue is None:
            return None
        turns = tuple(
            replace(turn, text=line)
            for turn, line in zip(self.dialogue.turns, text.split("\n"), strict=True)
        )
        said = Dialogue(turns, ())
        named = tuple(
            replace(one, start=at.start - said.starts[one.turn], end=at.end - said.starts[one.turn])
            for one, at in zip(self.dialogue.named, mentions, strict=True)
        )
        return Dialogue(turns, named)


def code_of(key: str) -> Code:
    """Return the code of what a mention may carry."""
    en, zh = _NAMES[key]
    return Code(system=f"{SUWEN}/assertion", code=key, name=Text(en=en, zh=zh))


def values_of(one: Assertion) -> list[str]:
    """Return what a mention carries: its presence, then time and experiencer if not the usual."""
    found: list[str] = [one.presence]
    found += ["historical"] if one.temporality == "historical" else []
    return found + (["experiencer"] if one.experiencer != "patient" else [])


def rows_of(one: Assertion) -> list[tuple[int, int, int]]:
    """Return start, end and type for each value of a mention."""
    return [(one.mention.start, one.mention.end, TYPES.index(key)) for key in values_of(one)]


def examples(data: DataFolders, dataset: str) -> Examples:
    """Load one of `SETS`: its development part, or the independent part of a test folder.

    Raises
    ------
    BadInput, NotFound
        There is no such set, or it is in none of the folders.
    """
    if dataset == "negex":
        rows = negex_rows(_file(data, NEGEX, *NEGEX_FILES))
        later = [row for row in rows if row.report >= FIRST_TEST_REPORT]
        if data.test is None:
            rows = [row for row in rows if 0 < row.report < FIRST_TEST_REPORT]
        return _negex(negex_notes(later if data.test is not None and later else rows))
    if dataset == "cmdd":
        part = "dev" if data.test is None else "test"
        return _cmdd(cmdd(_file(data, CMDD, f"{part}.jsonl.gz")))
    raise BadInput(f"no data set {dataset!r}", f"one of {list(SETS)}")


def _file(data: DataFolders, folder: str, *names: str) -> Path:
    """Return the first of some files that is there, in the folder or (a test folder) beside it."""
    for place in (f"{folder}/", f"{folder.rpartition('/')[2]}/"):
        for name in names:
            if data.have(place + name):
                return data.find(place + name)
    return data.find(f"{folder}/{names[0]}")


def _negex(reports: Sequence[Marked]) -> Examples:
    keys = [
        f"report-{one.rows[0].report}" if one.rows[0].report else f"sentence-{number}"
        for number, one in enumerate(reports, start=1)
    ]

    def load(i: int) -> Sample:
        return Sample(keys[i], Asserted(reports[i].note, reports[i].mentions))

    def truth(i: int) -> Array:
        pairs = zip(reports[i].mentions, reports[i].rows, strict=True)
        return _rows([(span, key) for span, row in pairs for key in _labelled(row)])

    def words(i: int) -> Array:
        text = reports[i].note.text
        found = []
        for span in reports[i].mentions:
            before = set(text[max(0, span.start - WINDOW) : span.start].lower().split())
            found += [(span, key) for key, seen in FLOOR_WORDS.items() if seen & before]
        return _marks(found)

    return _examples("negex", keys, load, truth, {"words before": words})


def _labelled(row: Row) -> list[str]:
    found = ["absent"] if row.negated else []
    found += ["historical"] if row.temporality.lower() == "historical" else []
    found += (
        ["hypothetical"] if row.temporality.lower() in ("not particular", "hypothetical") else []
    )
    return found + (["experiencer"] if row.experiencer.lower() not in ("", "patient") else [])


def _cmdd(dialogues: Sequence[Told]) -> Examples:
    def load(i: int) -> Sample:
        dialogue = dialogues[i].dialogue
        note = Note(dialogue.text, "zh")
        return Sample(dialogues[i].key, Asserted(note, tuple(dialogue.spans()), dialogue))

    def truth(i: int) -> Array:
        return _rows(list(zip(dialogues[i].dialogue.spans(), dialogues[i].statuses, strict=True)))

    def majority(i: int) -> Array:
        return _marks([(span, "present") for span in dialogues[i].dialogue.spans()])

    def words(i: int) -> Array:
        dialogue = dialogues[i].dialogue
        return _marks(list(zip(dialogue.spans(), keywords(dialogue), strict=True)))

    keys = [one.key for one in dialogues]
    return _examples("cmdd", keys, load, truth, {"majority status": majority, "keywords": words})


def _examples(
    name: str,
    keys: Sequence[str],
    load: Callable[[int], Sample],
    truth: Callable[[int], Array],
    floors: Mapping[str, Callable[[int], Array]],
) -> Examples:
    return Examples(
        _SOURCES[name],
        tuple(keys),
        np.array(keys),
        np.zeros(len(keys), dtype=int),
        load,
        truth,
        floor_marks=floors,
    )


def _rows(said: Sequence[tuple[Span, str]]) -> Array:
    rows = [(span.start, span.end, TYPES.index(key)) for span, key in said]
    return np.array(rows, dtype=float).reshape(-1, 3)


def _marks(said: Sequence[tuple[Span, str]]) -> Array:
    rows = _rows(said)
    return np.column_stack([np.zeros(len(rows)), rows]).reshape(-1, 4)
