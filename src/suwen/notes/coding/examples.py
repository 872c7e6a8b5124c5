"""Annotated mentions that `notes.coding` is measured on: BC5CDR, NCBI Disease, CHIP-CDN."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from suwen.core.errors import BadInput
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Source
from suwen.notes.coding.ranked import Context
from suwen.notes.vocabulary.names import ICD10_BEIJING, MESH, OMIM, installed
from suwen.notes.vocabulary.sources import one_code

SOURCES: Final = {
    "bc5cdr": Source(
        "bc5cdr",
        "https://github.com/JHnlp/BioCreative-V-CDR-Corpus",
        "public release of NCBI/BioCreative for research",
        "Li J. et al., Database 2016 baw068",
        shippable=True,
    ),
    "ncbi_disease": Source(
        "ncbi_disease",
        "https://github.com/spyysalo/ncbi-disease",
        "public domain (U.S. government work)",
        "Dogan R., Leaman R., Lu Z., J Biomed Inform 2014;47:1-10",
        shippable=True,
    ),
    "chip_cdn": Source(
        "chip_cdn",
        "https://github.com/CBLUEbenchmark/CBLUE",
        "CBLUE agreement: research, measured only",
        "Zhang N. et al., CBLUE, ACL 2022",
        shippable=False,
        limits=("A diagnosis may name several things; one right name counts.",),
    ),
}
SYSTEMS: Final = {
    "bc5cdr": (MESH, OMIM),
    "ncbi_disease": (MESH, OMIM),
    "chip_cdn": (ICD10_BEIJING,),
}
FILES: Final = {
    "bc5cdr": ("CDR_DevelopmentSet.PubTator.txt", "CDR_TestSet.PubTator.txt"),
    "ncbi_disease": ("NCBIdevelopset_corpus.txt", "NCBItestset_corpus.txt"),
    "chip_cdn": ("CHIP-CDN_train.json", "CHIP-CDN_dev.json"),
}
"""File that is measured for development, and as an independent test."""
CHIP_DEVELOPMENT: Final = 1000
"""Pairs at the end of CHIP-CDN's training file that are measured; nothing is fitted on any."""
_LINE: Final = re.compile(r"^(\d+)\t(\d+)\t(\d+)\t(.+?)\t(\w+)\t\s*(\S+)\s*$")


@dataclass(frozen=True)
class Gold:
    """One annotated mention with the codes that are accepted; none where it has no code."""

    document: str
    mention: str
    kind: str
    codes: frozenset[str]
    context: Context = field(default_factory=Context)


def load(data: DataFolders, dataset: str) -> Iterator[Gold]:
    """Yield the mentions with a code of the development part, or of the test part when given."""
    name = FILES[dataset][data.test is not None]
    path = data.find(f"{dataset}/{name}") if data.have(f"{dataset}/{name}") else data.find(
        f"text/{dataset}/{name}"
    )  # fmt: skip
    if dataset == "chip_cdn":
        yield from _chip(path, data.test is None)
        return
    for golds in pubtator(path):
        yield from (gold for gold in golds if gold.codes)


def pubtator(path: Path) -> Iterator[list[Gold]]:
    """Yield the mentions of each document of a PubTator file.

    Raises
    ------
    BadInput
        The file holds no document.
    """
    read = 0
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        text, lines = "", []
        for line in block.strip().split("\n"):
            head = line.split("|", 2)
            if len(head) == 3 and head[1] in "ta" and head[0].isdigit():
                text += head[2] + "\n"
            elif match := _LINE.match(line):
                lines.append(match)
        if not text:
            continue
        read += 1
        context = Context.of(text)
        yield [
            Gold(m[1], m[4], "drug" if m[5] == "Chemical" else "problem", _codes(m[6]), context)
            for m in lines
        ]
    if not read:
        raise BadInput("a file without a document", "a PubTator file", "check the path")


def _codes(written: str) -> frozenset[str]:
    found = (one_code(part) for part in re.split(r"[|+]", written))
    return frozenset(
        f"OMIM:{code}" if system == OMIM else code for system, code in filter(None, found)
    )


def _chip(path: Path, development: bool) -> Iterator[Gold]:
    pairs = json.loads(path.read_text(encoding="utf-8"))
    start = max(0, len(pairs) - CHIP_DEVELOPMENT) if development else 0
    for number, pair in enumerate(pairs[start:], start):
        names = [name.strip().strip('"') for name in pair["normalized_result"].split("##")]
        codes = frozenset(code for name in names for code in _named(name))
        yield Gold(f"pair {number}", pair["text"], "problem", codes)


def _named(name: str) -> list[str]:
    """Return the codes of a standard name of the Beijing edition."""
    found = map(installed().entry, installed().named(name))
    return [one.code for one in found if one.system == ICD10_BEIJING]


def exact(gold: Gold, systems: tuple[str, ...]) -> list[str]:
    """Return what exact match alone names: the baseline, without names from annotations."""
    vocabulary = installed()
    entries = map(vocabulary.entry, vocabulary.named(gold.mention))
    codes = [
        f"OMIM:{one.code}" if one.system == OMIM else one.code
        for one in entries
        if one.system in systems and one.source != "annotated"
    ]
    return list(dict.fromkeys(codes))
