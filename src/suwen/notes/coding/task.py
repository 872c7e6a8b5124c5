"""The task `notes.coding`: the code of each thing a note names.

Answered by names and rules (`notes.coding`): its pack holds the ranking's weights and the digests
of the vocabulary and of the vectors they were fitted with, so that an answer of one vocabulary is
never given with another. Measured on annotated mentions, with exact match beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import IntegrityError, NotFound
from suwen.core.nouns import (
    PROBABILITY,
    Band,
    Case,
    Finding,
    Interval,
    Measure,
    RecordValue,
    Reference,
    TextSpan,
    digest_of,
)
from suwen.core.registry import register
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Ranked
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads
from suwen.notes.coding import examples as labelled
from suwen.notes.coding import synonyms
from suwen.notes.coding.name_vectors import FILE as VECTORS
from suwen.notes.coding.ranked import LOCAL, MODEL, Candidate, Coder, Context, primary
from suwen.notes.questions import CODING, ENTITIES
from suwen.notes.text import Span
from suwen.notes.vocabulary.names import FILE, OMIM, installed

FITTED_WITH: Final = {"vocabulary": FILE, "vectors": VECTORS}
"""What the weights of the ranking belong to, by the name of its digest among them."""
SURE: Final = 0.9
"""Score from which a code is ruled in; below it is to be looked at."""
ASKED: Final = Code(
    system=f"{SUWEN}/codes",
    code="coding",
    name=Text(en="Code of a mention", zh="提及内容的编码"),
)
SCORE: Final = Code(
    system=f"{SUWEN}/codes",
    code="coding-score",
    name=Text(en="Score of the code", zh="编码得分"),
)
LOCALLY: Final = Text(en="local term of this house", zh="本机构本地术语")
KIND_OF: Final = {
    "problem": "problem", "disease": "problem", "symptom": "problem", "drug": "drug",
    "chemical": "drug", "test": "test", "laboratory": "test", "procedure": "procedure",
    "imaging": "procedure", "anatomy": "anatomy",
}  # fmt: skip
"""Kind that is coded, by the short code of the type of `notes.entities`."""


@dataclass(frozen=True)
class Named:
    """A mention to be coded: its text and kind, what its text defines, and in which systems."""

    mention: str
    kind: str
    definitions: Mapping[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    local: tuple[tuple[Code, Reference], ...] = ()
    """Codes the house lets it stand for, each with the record that says so."""


@lru_cache(maxsize=2)
def _coder(weights: str) -> Coder:
    stored = json.loads(weights)
    for name, file in FITTED_WITH.items():
        if digest_of(file.read_bytes()) != stored.get(name):
            raise IntegrityError(
                f"a file {file.name} that the ranking was not fitted with",
                "that of the pack's day",
                "make the pack again: suwen train notes.coding",
            )
    own = {**stored["weights"], "threshold": stored["threshold"]}
    return Coder(installed(), own)


def coder_of(pack: Pack) -> Coder:
    """Return the coder with the weights of a pack.

    Raises
    ------
    IntegrityError
        The installed vocabulary, or its vectors, are not those they were fitted with.
    """
    return _coder(pack.path(MODEL.name, 0).read_text(encoding="utf-8"))


def short(candidate: Candidate) -> str:
    """Return a code as data sets write it: OMIM numbers with their prefix."""
    return f"OMIM:{candidate.code}" if candidate.system == OMIM else candidate.code


def _local(named: Named) -> list[Candidate]:
    """Return what the house lets a mention stand for; it goes before all candidates."""
    return [
        Candidate(code.system, code.code, code.name, 1.0, LOCAL, named.mention)
        for code, _ in named.local
    ]


class Coding(Published):
    """The code of each mention, or that it has none."""

    name = CODING
    title = Text(en="Codes of what a note names", zh="病历内容编码")
    reads = (Reads("DocumentReference", "", Text(en="Clinical note", zh="病历文本")),)
    answers = Ranked(ASKED)
    after: tuple[str, ...] = (ENTITIES,)
    inner = True
    house = (synonyms.RESOURCE,)
    datasets: tuple[str, ...] = ("bc5cdr", "ncbi_disease", "chip_cdn")
    rules: tuple[Path, ...] = (MODEL,)
    domain: ClassVar[Mapping[str, Range]] = {
        "characters": Range(1.0, 200.0, Text(en="The characters of the mention", zh="提及的字符数"))
    }
    sources = (
        "Names: HPO 2024-08-13, MeSH 2026, ICD-10-CM April 2026, ICD-10 Beijing v601, LOINC 2.77, "
        "DrugBank open vocabulary, our own lists; licences and attributions: `Vocabulary.sources`",
        "Schwartz, Hearst, PSB 2003 (abbreviations a text defines)",
        "Grossman Liu et al., Scientific Data 2021 (what abbreviations may mean)",
        "BC5CDR and NCBI Disease, training parts (weights of the ranking)",
        "Vectors of names: fitted on the names above alone, none from annotations (ADR 24)",
    )
    limits = (
        "The ranking was fitted on English abstracts, its threshold for Chinese on Chinese labels "
        "of HPO; on Chinese diagnoses it was only measured.",
        "MeSH supplementary concepts are known only where the training mentions name them.",
        "A mention that names several things gets the codes of one.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each mention that `notes.entities` found."""
        from suwen.notes.reading.case import notes_of  # type: ignore[import-not-found, unused-ignore]

        read = {one.note.record: one for one in notes_of(case)}
        own = synonyms.in_case(case)
        found: list[Sample] = []
        for finding in earlier:
            kind = KIND_OF.get(finding.code.code)
            if finding.task != ENTITIES or finding.band is Band.ABSTAIN or kind is None:
                continue
            for span in finding.evidence:
                if isinstance(span, TextSpan) and span.record in read:
                    one = read[span.record]
                    mention = Span(span.start, span.end).of(one.original)
                    local = tuple((c, own.record) for c in own.codes(mention, kind)) if own else ()
                    data = Named(mention, kind, Context.of(one.note.text).definitions, local=local)
                    key = f"{span.record} {span.start}-{span.end}"
                    inputs = (*one.inputs, *(record for _, record in local))
                    found.append(Sample(key, data, (span,), inputs, (finding.id,)))
        return found

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Load mentions with their codes; the development part, or the test part when given."""
        if dataset not in labelled.SOURCES:
            raise NotFound(f"no data set {dataset!r} here", ", ".join(labelled.SOURCES), "")
        golds = list(labelled.load(data, dataset))
        systems = labelled.SYSTEMS[dataset]

        def load(i: int) -> Sample:
            gold = golds[i]
            return Sample(
                f"{dataset} {i}", Named(gold.mention, gold.kind, gold.context.definitions, systems)
            )

        def truth(i: int) -> Array:
            return np.array(sorted(golds[i].codes))

        def exact(i: int) -> Array:
            return np.array(labelled.exact(golds[i], systems))

        return Examples(
            source=labelled.SOURCES[dataset],
            keys=tuple(f"{dataset} {i}" for i in range(len(golds))),
            groups=np.array([gold.document for gold in golds]),
            labels=np.zeros(len(golds), dtype=int),
            load=load,
            truth=truth,
            tags={"kind": np.array([gold.kind for gold in golds])},
            floor_marks={"exact match": exact},
        )

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the codes of a mention, best first; `parts` holds the candidates."""
        data: Named = sample.data
        coder = coder_of(pack)
        context = Context(data.definitions)
        found = coder.candidates(data.mention, data.kind, context, data.systems or None)
        found = [*_local(data), *found]
        limit = coder.weights["threshold"]
        return Output(
            np.empty(0),
            {"characters": float(len(data.mention))},
            parts={"kept": [one for one in found if one.score >= limit]},
            ranked=tuple(dict.fromkeys(short(one) for one in found)),
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the code by which facts are compared, or that there is none."""
        data: Named = sample.data
        best = primary(output.parts["kept"], data.kind)
        if best is None:
            reason = Text(
                en="No code is like this mention; it waits in the queue of unmapped terms",
                zh="没有与该提及相近的编码；已进入未映射队列",
            )
            return [
                Finding(
                    task=self.name,
                    pack=pack.identity,
                    code=ASKED,
                    band=Band.ABSTAIN,
                    reason=reason,
                    evidence=sample.evidence,
                )
            ]
        score = Interval(value=best.score, low=best.score, high=best.score)
        return [
            Finding(
                task=self.name,
                pack=pack.identity,
                code=best.as_code(),
                band=Band.RULE_IN if best.score >= SURE else Band.GREY,
                measures=(Measure(code=SCORE, interval=score, unit=PROBABILITY),),
                evidence=(
                    *sample.evidence,
                    *(
                        RecordValue(record=record, path=f"{synonyms.RESOURCE}.group", note=LOCALLY)
                        for _, record in data.local
                    ),
                ),
            )
        ]

    def golden(self) -> list[Sample]:
        """Return the mentions that go into the pack."""
        asked = [("type 2 diabetes", "problem"), ("高血压", "problem"), ("metformin", "drug"),
                 ("renal dysfuntion", "problem"), ("二甲双胍", "drug")]  # fmt: skip
        return [Sample(f"golden {n}", Named(*one)) for n, one in enumerate(asked)]


register(Coding())
