"""The task `privacy.text`: what identifies a person in the notes of a case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Finding, Interval, Measure, Record, TextSpan
from suwen.core.registry import register
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.robust.text_changes import DISGUISED, LOWERED, MISREAD, SWAPPED, TYPED
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads
from suwen.privacy.texts import corpora
from suwen.privacy.texts.corpora import WrittenText
from suwen.privacy.texts.text import LONGEST, ONLY_PLACE, identifiers
from suwen.privacy.words.identifier import TYPES
from suwen.privacy.words.lexicon import KNOWLEDGE

PRIVACY: Final = "privacy.text"
LISTS: Final = (
    "identifier_rules.toml",
    "identifier_types.toml",
    "english.toml",
    "chinese.toml",
    "chinese_patterns.toml",
    "names_en.txt",
    "names_world.txt",
    "words_en.txt",
    "words_more.txt",
    "cities.txt",
)
IDENTIFIES = Code(
    system=f"{SUWEN}/codes",
    code="identifies-a-person",
    name=Text(en="Identifies a person", zh="可识别个人身份的信息"),
)
_SURE: Final = 0.999
_KINDS: Final = tuple(TYPES)


class Identifying(Published):
    """Every identifier in a note, by type, with the rule that found it."""

    name = PRIVACY
    title = Text(en="Identifiers in a text", zh="文本中的身份信息")
    reads = (Reads("DocumentReference", "", Text(en="Text notes", zh="病历文本")),)
    answers = Spans(IDENTIFIES, tuple(kind.code for kind in TYPES.values()), match="covered")
    after: tuple[str, ...] = ()
    datasets = tuple(corpora.SETS)
    inner = True
    perturbations = (TYPED, SWAPPED, MISREAD, LOWERED, DISGUISED)
    rules = tuple(KNOWLEDGE / name for name in LISTS)
    domain: ClassVar[Mapping[str, Range]] = {
        "characters": Range(0, LONGEST, Text(en="The number of characters", zh="字符数")),
    }
    sources = (
        "45 CFR 164.514(b)(2), HIPAA Privacy Rule: the 18 identifiers of Safe Harbor",
        "GB/T 35273-2020 annex A and GB/T 39725-2020: personal and health information",
        "US Census Bureau 1990: frequent first names and surnames; GeoNames (CC BY 4.0): cities",
        "Faker and mimesis (MIT): first names and surnames of many countries",
        "SCOWL (K. Atkinson, free licence): ordinary words of American English",
        "LAC: Jiao et al., arXiv 1807.01882 (Apache-2.0): Chinese names, places, institutions",
    )
    limits = (
        "English and Chinese. Other languages by form only: numbers, dates, accounts.",
        "A name that no list has and that nothing announces is missed; give the patient's own name "
        "and numbers as `known`.",
        "A place in a text that names no one, no number and no day is not reported; `deidentify` "
        "removes it all the same, as Safe Harbor wants.",
        "Dates relative to today, years alone, states and countries alone stay (Safe Harbor).",
        "A text without identifiers can still be recognised by what it tells: this is no proof of "
        "anonymity.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each text note of the case."""
        return [one for record in case.of("DocumentReference") for one in _notes(case, record)]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the texts of a data set with their true identifiers."""
        return corpora.examples(data, dataset)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the identifiers; `parts` holds which rule found each.

        Raises
        ------
        BadInput
            The pack holds other lists than this version reads by.
        """
        _same(pack.folder, self.rules)
        data: WrittenText = sample.data
        found = [one for one in identifiers(data.text) if one.certainty > ONLY_PLACE]
        rows = [
            (_logit(one.certainty), one.start, one.end, _KINDS.index(one.type)) for one in found
        ]
        marks = np.array(rows, dtype=float).reshape(-1, 4)
        domain = {"characters": float(len(data.text))}
        return Output(np.zeros(0), domain, parts={"found": found}, marks=marks)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return one finding a note: how many identifiers there are, and where."""
        found = output.parts["found"]
        count = Interval(value=len(found), low=len(found), high=len(found))
        places = tuple(
            TextSpan(
                record=record, start=one.start, end=one.end, weight=one.certainty, note=one.why
            )
            for record in sample.inputs[:1]
            for one in found
        )
        return [
            Finding(
                task=self.name,
                pack=pack.identity,
                code=IDENTIFIES,
                band=Band.RULE_IN if found else Band.RULE_OUT,
                reason=_reason(len(found)),
                measures=(Measure(code=IDENTIFIES, interval=count, unit="{identifiers}"),),
                evidence=places or sample.evidence,
            )
        ]

    def golden(self) -> list[Sample]:
        """Return the texts that go into the pack: nobody is meant."""
        return [
            Sample("english", WrittenText("Mr. John Doe, MRN 12345678, seen on March 5th, 2021.")),
            Sample("chinese", WrittenText("姓名：张三，住院号：00123456，2021年3月5日入院。")),
            Sample("nothing", WrittenText("No fever, cough or chest pain. 否认发热、咳嗽、胸痛。")),
        ]


def _reason(count: int) -> Text:
    if not count:
        return Text(
            en="No rule found an identifier. What no rule knows may still be there.",
            zh="规则未发现身份信息，但规则之外的信息仍可能存在。",
        )
    return Text(
        en=f"{count} stretches of the text identify a person by published rules.",
        zh=f"按已公布的规则，文本中有 {count} 处可识别个人身份的信息。",
    )


def _logit(certainty: float) -> float:
    bounded = min(max(certainty, 1 - _SURE), _SURE)
    return math.log(bounded / (1 - bounded))


@lru_cache(maxsize=16)
def _same(folder: Path, rules: tuple[Path, ...]) -> None:
    """Refuse a pack whose lists are not those that this version has read."""
    for path in rules:
        kept = folder / "member-0" / path.name
        if not kept.is_file() or kept.read_bytes() != path.read_bytes():
            raise BadInput(
                f"the pack's {path.name} is not that of this version",
                "a pack made with this version of the rules",
                f"suwen train {PRIVACY}, then install the pack",
            )


def _notes(case: Case, record: Record) -> list[Sample]:
    """Return the readable texts of one DocumentReference."""
    found = []
    for content in record.content.get("content", ()):
        attachment = content.get("attachment", {})
        kind, _, charset = str(attachment.get("contentType", "")).partition("; charset=")
        url = str(attachment.get("url", ""))
        if kind != "text/plain" or not url.startswith("blob/"):
            continue
        try:
            text = case.blob(url.removeprefix("blob/")).decode(charset or "utf-8-sig")
        except (UnicodeDecodeError, LookupError) as error:
            raise BadInput(
                f"the text of {record.reference} cannot be decoded",
                f"text in {charset or 'UTF-8'}",
                "store it again with its encoding",
            ) from error
        whole = TextSpan(record=record.reference, start=0, end=len(text))
        found.append(Sample(url, WrittenText(text), (whole,), (record.reference, url)))
    return found


register(Identifying())
