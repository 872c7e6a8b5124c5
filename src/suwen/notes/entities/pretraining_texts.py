"""The open medical texts that the English encoder is pretrained on.

Every set may be used for weights that ship. Labelled texts that are held out of the training of
`notes.entities` are left out here too, so that its figures are of texts no part of it has seen.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.lifecycle import split
from suwen.lifecycle.data import DataFolders
from suwen.notes.entities import data as entity_data

Reading = Callable[[Path], Iterator[str]]


def _opened(path: Path) -> io.StringIO:
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return io.StringIO(raw.decode(errors="ignore"), newline="")


def _table(*names: str) -> Reading:
    """Return what joins these columns of each row of a table with a header."""

    def read(path: Path) -> Iterator[str]:
        for row in csv.DictReader(_opened(path)):
            yield " ".join(row[name] or "" for name in names)

    return read


def _questions(path: Path) -> Iterator[str]:
    for each in json.loads(path.read_bytes()).values():
        yield " ".join([each["QUESTION"], *each["CONTEXTS"], each["LONG_ANSWER"]])


def _values(*names: str) -> Reading:
    """Return what yields the named values of each JSON line."""

    def read(path: Path) -> Iterator[str]:
        for line in _opened(path):
            found: Mapping[str, Any] = json.loads(line)
            yield " ".join(str(found[name]) for name in names if found.get(name))

    return read


SOURCES: Final[Mapping[str, Reading]] = {
    "qa/scifact/corpus_train.csv.gz": _table("title", "abstract"),
    "qa/pubmedqa_l/ori_pqal.json": _questions,
    "qa/medquad/medquad_qa.jsonl.gz": _values("answer"),
    "text/mtsamples/mtsamples_test.csv": _table("text"),
    "text/mts_dialog/MTS-Dialog-TrainingSet.csv": _table("section_text", "dialogue"),
    "text/aci_bench/train.csv": _table("note"),
    "text/ada_case_reports/case_reports.jsonl": _values("text"),
}
"""SciFact (ODC-By), PubMedQA (MIT), MedQuAD, MTS-Dialog, ACI-Bench (CC BY 4.0), MTSamples (CC0),
Ada case reports (CC)."""
MOST: Final = {"qa/medquad/medquad_qa.jsonl.gz": 12_000_000}
"""Characters read of one source at most: answers for laypeople would outweigh papers."""
TOLD: Final = (
    "SciFact, PubMedQA, MedQuAD, MTSamples, MTS-Dialog, ACI-Bench, Ada case reports and the "
    "training abstracts"
)


def texts(data: DataFolders) -> list[str]:
    """Return every text once, the abstracts that are labelled for training too."""
    found: dict[str, None] = {}
    for path, read in SOURCES.items():
        left = MOST.get(path, 1 << 62)
        for text in read(data.find(path)):
            left -= len(text)
            if left < 0:
                break
            if kept := text.strip():
                found.setdefault(kept)
    labelled = entity_data.examples(data, entity_data.NOTES)
    for i in np.flatnonzero(~split.held_out(labelled.groups, 1)).tolist():
        worded = labelled.load(i).data
        if worded.language == "en":
            found.setdefault(worded.text)
    return list(found)
