"""The task `notes.assertion`: what is said of each problem a note names.

Answered by rules (`notes.assertion`); in a dialogue the status of a symptom by the linear model of
`notes.assertion.dialogue_status`. Measured as stretches: each mention carries the values that were
found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Case, Finding, Interval, Measure, TextSpan
from suwen.core.registry import register
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.robust.text_changes import DISGUISED, LOWERED, MISREAD, SWAPPED, TYPED
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Perturbation, Reads
from suwen.notes.assertion import examples as labelled
from suwen.notes.assertion.dialogue_status import StatusModel
from suwen.notes.assertion.examples import TYPES, Asserted
from suwen.notes.assertion.rules import KNOWLEDGE, RULES, Assertion, assertions
from suwen.notes.assertion.triggers import Lexicon, read
from suwen.notes.entities.data import RULED
from suwen.notes.entities.perturbations import IN_FULL, OTHER_UNITS
from suwen.notes.measures.meaning import meanings
from suwen.notes.questions import ASSERTION, ENTITIES
from suwen.notes.reading.case import Read, notes_of
from suwen.notes.text import Language, Note, Span

STATUS: Final = "dialogue_status.json"
LONGEST: Final = 2_000_000
"""Characters of a note that is read; longer ones are no notes."""
CERTAIN: Final = Interval(value=1.0, low=1.0, high=1.0)
ASKED: Final = Code(
    system=f"{SUWEN}/codes",
    code="assertion",
    name=Text(en="What is said of a mention", zh="对提及内容的断言"),
)


@dataclass(frozen=True)
class _Engine:
    lexicon: Lexicon
    statuses: StatusModel


@lru_cache(maxsize=4)
def _engine(paths: tuple[Path, ...], weights: Path) -> _Engine:
    return _Engine(read(paths), StatusModel(weights.read_text(encoding="utf-8")))


def engine_of(pack: Pack) -> _Engine:
    """Return rules and weights as the pack has them."""
    return _engine(tuple(pack.path(one.name, 0) for one in RULES), pack.path(STATUS, 0))


class Assertions(Published):
    """Presence, time and experiencer of every mention that `notes.entities` found."""

    name = ASSERTION
    title = Text(
        en="Notes: present, denied, possible; when and whose", zh="病历：有无、可能性、时间与对象"
    )
    reads = (Reads("DocumentReference", "", Text(en="Clinical note", zh="病历文本")),)
    answers = Spans(ASKED, tuple(labelled.code_of(key) for key in TYPES), headline="absent")
    after: tuple[str, ...] = (ENTITIES,)
    inner = True
    datasets = labelled.SETS
    rules = (*RULES, KNOWLEDGE / STATUS)
    perturbations: tuple[Perturbation, ...] = (
        *(TYPED, SWAPPED, MISREAD, LOWERED, DISGUISED),
        *(IN_FULL, OTHER_UNITS),
    )
    domain: Mapping[str, Range] = {
        "characters": Range(0, LONGEST, Text(en="The number of characters", zh="字符数")),
    }
    sources = (
        "Chapman et al., J Biomed Inform 34:301, 2001 (NegEx); trigger lists of chapmanbe/negex",
        "Harkema et al., J Biomed Inform 42:839, 2009 (ConText); context_rules of medspaCy (MIT)",
        "《病历书写基本规范》 (卫生部, 2010): sections of Chinese notes and their wording",
        "Lin et al., EMNLP 2019 (CMDD): the linear model of dialogues is fitted on its train part",
    )
    limits = (
        "Written with reports 1 to 60 of the NegEx kit in view; 61 to 120 are independent.",
        "Time in English: historical F1 0.93 on our own reading of reports 1 to 60, where the "
        "kit's published triggers have 0.80; the authors' labels, on which those have 0.665, "
        "were not at hand. A chronic disease told without a word of history counts as current.",
        "Negation in English: F1 0.951 in 75 sentences written before the rules were looked at and "
        "0.87 in published case reports that were not looked at.",
        "Chinese rules for notes are written from everyday phrases: negation F1 0.933 in 75 "
        "sentences of our own before they were looked at, 0.989 after; no labelled Chinese notes "
        "that may be used were at hand.",
        "A list after a comma is carried on by what is named: give all mentions at once.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return each note in which something was named, with what was named in it."""
        named: dict[str, list[Finding]] = defaultdict(list)
        for finding in earlier:
            if finding.task != ENTITIES or finding.band is Band.ABSTAIN:
                continue
            if finding.code.code in RULED:
                continue  # A date is neither present nor denied, and parts no list.
            for record in {one.record for one in finding.evidence if isinstance(one, TextSpan)}:
                named[record].append(finding)
        return [
            sample
            for read in notes_of(case)
            if (sample := _sample(read, named[read.note.record])) is not None
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the NegEx reports or the CMDD dialogues."""
        return labelled.examples(data, dataset)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return a row for each value of each mention; `parts` holds the assertions."""
        data: Asserted = sample.data
        engine = engine_of(pack)
        if data.dialogue is not None:
            statuses = engine.statuses.statuses(data.dialogue, engine.lexicon)
            said = [
                Assertion(span, status)  # type: ignore[arg-type]
                for span, status in zip(data.mentions, statuses, strict=True)
            ]
        else:
            said = assertions(data.note, data.mentions, engine.lexicon)
        rows = [row for one in said for row in labelled.rows_of(one)]
        return Output(
            scores=np.zeros(0),
            domain={"characters": float(len(data.note.text))},
            parts={"said": said},
            marks=_marks(rows),
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return a finding for each mention: its presence, with time and experiencer beside it."""
        data: Asserted = sample.data
        return [self._finding(pack, data.note, one) for one in output.parts["said"]]

    def _finding(self, pack: Pack, note: Note, one: Assertion) -> Finding:
        said = [labelled.code_of(key) for key in labelled.values_of(one)]
        return Finding(
            task=self.name,
            pack=pack.identity,
            code=said[0],
            band=Band.RULE_IN,
            reason=Text(
                en=f"By rule: {', '.join(code.name.en.lower() for code in said)}.",
                zh=f"按规则：{'、'.join(code.name.zh for code in said)}。",
            ),
            measures=tuple(
                Measure(code=code, interval=CERTAIN, unit="1")
                for code in meanings(one.presence, one.temporality, one.experiencer)
            ),
            evidence=(
                _evidence(note, one.mention),
                *(_evidence(note, at, labelled.TRIGGER) for at in one.evidence),
            ),
        )

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        return [
            _golden("English", "en", "No fever. History of gout; possible pneumonia.", (
                "fever", "gout", "pneumonia")),
            _golden("Chinese", "zh", "否认发热、咳嗽，其母患糖尿病。", ("发热", "咳嗽", "糖尿病")),
        ]  # fmt: skip


def _evidence(note: Note, span: Span, said: Text | None = None) -> TextSpan:
    stored = note.stored(span)
    return TextSpan(record=note.record, start=stored.start, end=stored.end, note=said)


def _marks(rows: Sequence[tuple[int, int, int]]) -> Array:
    """Return rows as marks; rules have no odds, so the logit is 0."""
    return np.array([(0.0, *row) for row in rows], dtype=float).reshape(-1, 4)


def _golden(key: str, language: Language, text: str, names: Sequence[str]) -> Sample:
    spans = tuple(Span(text.index(name), text.index(name) + len(name)) for name in names)
    return Sample(key, Asserted(Note(text, language), spans))


def _sample(read: Read, named: Sequence[Finding]) -> Sample | None:
    """Return the sample of one note, in which findings named something; None without a place."""
    note = read.note
    found = {
        note.shown(Span(place.start, place.end))
        for finding in named
        for place in finding.evidence
        if isinstance(place, TextSpan) and place.record == note.record
    }
    mentions = tuple(sorted(one for one in found if one.start < one.end <= len(note.text)))
    if not mentions:
        return None
    evidence = tuple(_evidence(note, one) for one in mentions)
    earlier = tuple(finding.id for finding in named)
    return Sample(note.record, Asserted(note, mentions), evidence, read.inputs, earlier)


register(Assertions())
