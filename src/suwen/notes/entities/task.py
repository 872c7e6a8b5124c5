"""What a note names: problems, symptoms, drugs, procedures, anatomy, examinations, values, dates.

English by a pretrained encoder fine-tuned on BC5CDR and NCBI Disease, Chinese by an LSTM-CRF on
cEHRNER and cMedQANER; each reads under the scheme of one corpus. In a note, values and dates stand
beside, found by rule (`notes.measures.dated`). References: Lample et al., NAACL
2016; Wang et al., MiniLM, NeurIPS 2020; Gu et al., ACM Trans Comput Healthc 3:1, 2021 (BLURB).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.encodings import language_of
from suwen.core.errors import BadInput, MissingExtra
from suwen.core.nouns import Band, Case, Finding, TextSpan
from suwen.core.registry import register
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.robust.text_changes import DISGUISED, LOWERED, MISREAD, SWAPPED, TYPED
from suwen.lifecycle.task import Perturbation, Reads
from suwen.notes.entities import corrected
from suwen.notes.entities import data as entity_data
from suwen.notes.entities.corpora import Row
from suwen.notes.entities.data import KINDS, NOTES, SCHEMES, Worded
from suwen.notes.entities.perturbations import IN_FULL, OTHER_UNITS
from suwen.notes.entities.reader import Reader, Stretch, reader_of
from suwen.notes.measures import dated
from suwen.notes.measures.dated import Ruled
from suwen.notes.normalise import normalised
from suwen.notes.questions import ENTITIES
from suwen.notes.reading.case import notes_of
from suwen.notes.text import Note, Span
from suwen.notes.vocabulary.lexicon import lexicon
from suwen.records import Access

READ_AS: Final = {"en": "bc5cdr", "zh": "cEHRNER"}
"""The scheme a note of each language is read under."""
_NAMES: Final = {
    "problem": ("Problem or diagnosis", "疾病或诊断"),
    "symptom": ("Symptom", "症状"),
    "drug": ("Drug or chemical", "药物或化学物"),
    "procedure": ("Procedure or treatment", "手术或治疗"),
    "anatomy": ("Body part", "解剖部位"),
    "laboratory": ("Laboratory test", "实验室检验"),
    "imaging": ("Imaging examination", "影像检查"),
    "crowd": ("Group of people", "人群"),
    "physiology": ("Physiology", "生理"),
    "feature": ("Feature", "特征"),
    "time": ("Time", "时间"),
    "department": ("Department", "科室"),
    "equipment": ("Medical device", "医疗设备"),
    "microorganism": ("Microorganism", "微生物"),
    "date": ("Date or period", "日期或时段"),
    "value": ("Value with its unit", "数值与单位"),
}
KIND_SYSTEM: Final = f"{SUWEN}/entity-kinds"
LISTED_LOGIT: Final = 0.0
"""Logit of a name that only the vocabulary knows: even odds, for it was not scored."""
RULED_LOGIT: Final = 20.0
"""Logit of what is found by rule: it was not scored, and its probability is not told."""
RULED_REASON: Final = Text(en="Found by rule.", zh="按规则识别。")
LISTED_KINDS: Final = {
    **{"problem": "problem", "drug": "drug", "procedure": "procedure"},
    **{"anatomy": "anatomy", "test": "laboratory"},
}
LISTED_REASON: Final = Text(
    en="Stands in the vocabulary; the network did not mark it.",
    zh="词表中的名称；网络未标注。",
)


def kind_code(kind: str) -> Code:
    """Return the code of a type of entity."""
    en, zh = _NAMES[kind]
    return Code(system=KIND_SYSTEM, code=kind, name=Text(en=en, zh=zh))


ASKED: Final = Code(
    system=f"{SUWEN}/codes",
    code="entities",
    name=Text(en="What the note names", zh="病历所述实体"),
)


class Entities:
    """Every stretch of a note that names something, with its type."""

    name = ENTITIES
    title = Text(en="Notes: problems, drugs and other entities", zh="病历：疾病、药物等实体识别")
    reads: tuple[Reads, ...] = (
        Reads("DocumentReference", "", Text(en="Clinical note", zh="病历文本")),
    )
    answers: Answers = Spans(ASKED, tuple(kind_code(kind) for kind in KINDS))
    after: tuple[str, ...] = ()
    inner = True
    score_tolerance = 1.5
    """Activations are rounded to 8 bits: where another kind of processor rounds one otherwise, a
    logit moves by up to about one."""
    datasets: tuple[str, ...] = (NOTES, *SCHEMES)
    perturbations: tuple[Perturbation, ...] = (
        *(TYPED, SWAPPED, MISREAD, LOWERED, DISGUISED),
        *(IN_FULL, OTHER_UNITS),
    )
    recipe = Recipe(folds=1, epochs=14, batch_size=16, learning_rate=4e-4)
    domain_names: Mapping[str, Text] = {
        "unknown_share": Text(en="Share of pieces the network does not know", zh="未知字词比例"),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return every note of the Case."""
        return [
            Sample(
                read.note.record,
                Worded(read.note.text, read.note.language, note=read.note),
                (TextSpan(record=read.note.record, start=0, end=max(1, len(read.original))),),
                read.inputs,
            )
            for read in notes_of(case)
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the labelled texts of one corpus, or of all that may ship."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return entity_data.examples(data, dataset)

    def corrected(self, access: Access) -> Examples | None:
        """Return the notes whose mentions people corrected, as far as this person may see them."""
        return corrected.examples(access, READ_AS)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train the network of each language there are texts in."""
        try:
            from suwen.notes.entities import fit_languages
        except ImportError as error:
            raise MissingExtra("train", str(error)) from error
        return fit_languages.fit(train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Read one text under its scheme, or as a note: then listed names stand beside."""
        worded: Worded = sample.data
        reader = _reader(pack, worded.language)
        found = _read(reader, worded)
        rows = [(one.logit, one.start, one.end, KINDS.index(one.kind)) for one in found]
        ruled: dict[Row, Ruled] = {}
        if not worded.scheme:
            day = worded.note.day if worded.note else ""
            by_rule = dated.found(worded.text, language_of(worded.text), day)
            rows += _listed(worded.text, rows, by_rule)
            ruled = {(one.span.start, one.span.end, one.kind): one for one in by_rule}
            rows += [(RULED_LOGIT, start, end, KINDS.index(kind)) for start, end, kind in ruled]
        return Output(
            scores=np.zeros(0),
            domain={"unknown_share": reader.unknown_share(normalised(worded.text).text)},
            parts={"ruled": ruled},
            marks=np.array(sorted(rows, key=lambda row: row[1:]), dtype=float).reshape(-1, 4),
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return a finding for each stretch, with its place in the stored original."""
        note: Note | None = sample.data.note
        found = []
        for row, finding in say.spanned(self, pack, sample, output):
            place = Span(int(row[1]), int(row[2]))
            update: dict[str, Any] = {}
            if note is not None:
                stored = note.stored(place)
                update["evidence"] = (
                    TextSpan(record=note.record, start=stored.start, end=stored.end),
                )
            key = (place.start, place.end, KINDS[int(row[3])])
            if (one := output.parts.get("ruled", {}).get(key)) is not None:
                update |= {
                    **{"band": Band.RULE_IN, "reason": RULED_REASON, "probability": None},
                    "measures": one.measures,
                }
            elif row[0] == LISTED_LOGIT:
                update |= {"band": Band.GREY, "reason": LISTED_REASON}
            found.append(finding.model_copy(update=update))
        return found


def _read(reader: Reader, worded: Worded) -> list[Stretch]:
    """Read a text under its scheme; under one the pack has no head for, as a note is read.

    Then only types that the scheme names are kept: what it does not name it does not deny.
    Disguised characters are read as a person reads them.
    """
    known = {head.scheme for head in reader.heads}
    own = worded.scheme if worded.scheme in known else READ_AS[worded.language]
    view = normalised(worded.text)
    (found,) = reader.read([view.text], [own])
    found = [
        replace(one, start=start, end=end)
        for one in found
        for start, end in [view.original(one.start, one.end)]
    ]
    if worded.scheme in ("", own):
        return found
    named = entity_data.kinds_named(worded.scheme)
    return [one for one in found if one.kind in named]


def _listed(
    text: str, rows: Sequence[tuple[float, int, int, int]], by_rule: Sequence[Ruled]
) -> list[tuple[float, int, int, int]]:
    """Return names of the vocabulary that no answered stretch touches, at even odds."""
    taken = np.zeros(len(text) + 1, dtype=bool)
    for _, start, end, _ in rows:
        taken[start:end] = True
    measured = [one.span for one in by_rule if one.kind == "value"]
    found = []
    for match in lexicon().find(text, tuple(LISTED_KINDS)):
        place = Span(match.start, match.end)
        if match.kind == "drug" and any(place.overlaps(span) for span in measured):
            continue
        if not taken[match.start : match.end].any():
            kind = KINDS.index(LISTED_KINDS[match.kind])
            found.append((LISTED_LOGIT, match.start, match.end, kind))
    return found


@lru_cache(maxsize=8)
def _opened(pack: Pack, language: str) -> Reader:
    return reader_of(pack, 0, language)


def _reader(pack: Pack, language: str) -> Reader:
    return _opened(pack, language)


register(Entities())
