"""Visits of which both the talk and the note a clinician wrote are at hand.

Sources: MTS-Dialog (Ben Abacha et al., EACL 2023, CC BY 4.0), talk about one section of a note
each; ACI-Bench (Yim et al., Scientific Data 10:586, 2023, CC BY 4.0), whole visits.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Final, Literal

from suwen.lifecycle.data import DataFolders
from suwen.notes.reading.headless import KINDS
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Section

Part = Literal["train", "valid"]
CORPORA: Final = ("mts_dialog", "aci_bench")
_FILES: Final = {
    ("mts_dialog", "train"): "text/mts_dialog/MTS-Dialog-TrainingSet.csv",
    ("mts_dialog", "valid"): "text/mts_dialog/MTS-Dialog-ValidationSet.csv",
    ("aci_bench", "train"): "text/aci_bench/train.csv",
    ("aci_bench", "valid"): "text/aci_bench/valid.csv",
}


@dataclass(frozen=True)
class Visit:
    """A talk and its note.

    Parameters
    ----------
    name
        What tells it apart in its corpus.
    sentences
        Kind of the section and words of each sentence of the note.
    """

    name: str
    talk: str
    note: str
    sentences: tuple[tuple[str, str], ...]


def visits(folders: DataFolders, corpus: str, part: Part = "train") -> list[Visit]:
    """Return the visits of a part of a corpus.

    Raises
    ------
    NotFound
        The corpus is in none of the data folders.
    """
    path = folders.find(_FILES[corpus, part])
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if corpus == "mts_dialog":
        return [
            Visit(row["ID"], row["dialogue"], text, _sentences(text, KINDS[row["section_header"]]))
            for row in rows
            for text in [row["section_text"]]
        ]
    return [
        Visit(row["encounter_id"], row["dialogue"], row["note"], _sentences(row["note"]))
        for row in rows
    ]


def _sentences(note: str, kind: str = "") -> tuple[tuple[str, str], ...]:
    sections = () if kind else sections_of(note, "en")
    return tuple(
        (kind or _kind_at(sections, sentence.start), sentence.of(note))
        for sentence in sentences_of(note, sections)
    )


def _kind_at(sections: tuple[Section, ...], position: int) -> str:
    return next((one.kind for one in sections if one.start <= position < one.end), "")
