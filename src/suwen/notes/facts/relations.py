"""What belongs together in a sentence: drug and dose, test and value, problem and time or status.

Rules over spans, both languages alike. A mention owns what stands near it: up to the next mention
of its kind, or to the end of the sentence; a dose may also stand before its drug when nothing else
is between them. No gold standard exists for these; what was measured is in the tests.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, TypeVar

from suwen.notes.facts import medication
from suwen.notes.measures import times, values
from suwen.notes.text import Mention, Note, Span
from suwen.notes.vocabulary import terms

Kind = Literal[
    "drug-dose", "drug-route", "drug-frequency", "drug-duration", "drug-as-needed",
    "test-value", "test-time", "problem-time", "problem-status",
]  # fmt: skip
REACH: Final = 90
"""Characters after a drug in which what belongs to it may stand."""
BEFORE: Final = 28
"""Characters before a drug in which its dose may stand: `500 mg of metformin`, `0.5g二甲双胍`."""
TIME_REACH: Final = 60
_START: Final = attrgetter("start")
_CLAUSE: Final = re.compile(r"[;；。]|\.\s|\n")
_COMMA: Final = re.compile(r"[,，]")
_BETWEEN_BEFORE: Final = re.compile(
    r"\s*(?:of|tablets? of|capsules? of|的|doses? of|units of|daily|iv|po|oral|intravenous|,)?\s*",
    re.IGNORECASE,
)
_CONTRAST: Final = re.compile(
    r"\b(?:but|however|although|who|which)\b|但|而(?!且)|伴|无|未见|否认|\b(?:denies|no|without)\b",
    re.IGNORECASE,
)
_SECOND: Final = re.compile(
    r"\b(?:to|then|or|increased|decreased|titrated)\b|改为|增至|加至|减至|后改", re.IGNORECASE
)
"""Before a second dose of one drug."""
_DENIED: Final = re.compile(r"(?:无|否认|未见|未|\bno|\bdenies|\bwithout)\s*$", re.IGNORECASE)
_OPENS: Final = re.compile(
    r"(?:^|[,，;；。:：\n])\s*(?:in|on|since|about|for|于|自|约)?\s*$", re.IGNORECASE
)
"""Before a time that opens its clause: it belongs to what follows."""
_LATER: Final = re.compile(r"^[,，]?\s*(?:再发|加重|复发|缓解|好转|伴|worse|worsening)")


_Thing = TypeVar("_Thing")


@dataclass(frozen=True, order=True)
class Relation:
    """A head (drug, test or problem), a tail that says something of it, and what that means.

    `value` is the normalised tail: of `notes.facts.medication.Found`, an ISO 8601 time, a status,
    or for a test its canonical value and unit.
    """

    head: Span
    kind: Kind
    tail: Span
    value: str


def relate(
    note: Note, mentions: Sequence[Mention], found: Sequence[values.Value] | None = None
) -> list[Relation]:
    """Return the relations of a note, in the order of their heads.

    Parameters
    ----------
    note
        Its sentences bound the relations.
    mentions
        Drugs and problems (kinds `drug` and `problem` or `symptom`) as the entity recogniser or
        the lexicon gives them; other kinds are passed over.
    found
        Values of the note; looked for when None.
    """
    measured = values.find(note.text, note.language) if found is None else list(found)
    parts = medication.find(note.text, note.language)
    moments = times.find(note.text, note.language)
    sentences = note.sentences or (Span(0, len(note.text)),)
    own = _by_sentence(sentences, mentions, lambda one: one)
    there = _by_sentence(sentences, measured, lambda one: one.span)
    said = _by_sentence(sentences, parts, lambda one: one.span, whole=True)
    when = _by_sentence(sentences, moments, lambda one: one.span, whole=True)
    relations: list[Relation] = []
    for place in sorted({*own, *there}):
        given = (own.get(place, []), there.get(place, []), said.get(place, []), when.get(place, []))
        relations += _in_sentence(note.text, sentences[place], *given)
    return sorted(set(relations))


def _by_sentence(
    sentences: Sequence[Span],
    things: Sequence[_Thing],
    span_of: Callable[[_Thing], Span],
    *,
    whole: bool = False,
) -> dict[int, list[_Thing]]:
    """Return what begins in each sentence, by its place; `whole`: and ends there."""
    found: dict[int, list[_Thing]] = {}
    for one in things:
        span = span_of(one)
        place = bisect_right(sentences, span.start, key=_START) - 1
        if place < 0:
            continue
        end = sentences[place].end
        if span.start < end and (span.end <= end or not whole):
            found.setdefault(place, []).append(one)
    return found


def _in_sentence(
    text: str,
    sentence: Span,
    mentions: Sequence[Mention],
    measured: Sequence[values.Value],
    parts: list[medication.Found],
    moments: list[times.Time],
) -> list[Relation]:
    drugs = sorted(m for m in mentions if m.kind == "drug")
    problems = sorted(m for m in mentions if m.kind in ("problem", "symptom"))
    taken = [value.span for value in measured]
    parts = [p for p in parts if p.part != "dose" or not any(p.span.overlaps(t) for t in taken)]
    relations = _drugs(text, sentence, drugs, parts, moments)
    used = {one.tail for one in relations}
    free = [one for one in moments if one.span not in used]
    relations += _tests(measured, free)
    relations += _problems(text, sentence, problems, drugs, free)
    relations += _statuses(text, problems, [p for p in parts if p.part == "status"])
    return relations


def _bare(mention: Span) -> Span:
    return Span(mention.start, mention.end)


def _drugs(
    text: str,
    sentence: Span,
    drugs: Sequence[Mention],
    parts: Sequence[medication.Found],
    moments: Sequence[times.Time],
) -> list[Relation]:
    names: dict[str, Kind] = {
        "dose": "drug-dose", "route": "drug-route", "frequency": "drug-frequency",
        "as-needed": "drug-as-needed",
    }  # fmt: skip
    relations: list[Relation] = []
    claimed: set[Span] = set()
    dosed: dict[Mention, int] = {}
    for place, drug in enumerate(drugs):
        end = drugs[place + 1].start if place + 1 < len(drugs) else sentence.end
        end = min(end, drug.end + REACH)
        if stop := _CLAUSE.search(text, drug.end, end):
            end = stop.start()
        ahead = drugs[place + 1].start if place + 1 < len(drugs) else -1
        for one in parts:
            if one.part not in names or one.span in claimed:
                continue
            after = drug.end <= one.span.start and one.span.end <= end
            if after and ahead > 0 and one.part == "dose" and _leads(text, one.span, ahead):
                after = False
            before = one.part in ("dose", "route") and _precedes(text, drugs, place, one.span)
            if one.part == "dose" and drug in dosed and not before:
                after = _SECOND.search(text[dosed[drug] : one.span.start]) is not None
            if after or before:
                if one.part == "dose":
                    dosed[drug] = one.span.end
                relations.append(Relation(_bare(drug), names[one.part], one.span, one.value))
                claimed.add(one.span)
        for moment in moments:
            lasts = moment.kind == "duration" and _lasting(text, drug, moment.span)
            if drug.end <= moment.span.start and moment.span.end <= end and lasts:
                relations.append(Relation(_bare(drug), "drug-duration", moment.span, moment.value))
    return relations


def _leads(text: str, dose: Span, drug: int) -> bool:
    """Say whether a dose stands directly before the next drug: it is that drug's."""
    between = text[dose.end : drug]
    return (
        len(between) <= BEFORE
        and _BETWEEN_BEFORE.fullmatch(between) is not None
        and (
            re.search(r"(?:and|,|，|、|及|和|\+)\s*$", text[max(0, dose.start - 5) : dose.start])
            is not None
        )
    )


def _precedes(text: str, drugs: Sequence[Mention], place: int, dose: Span) -> bool:
    drug = drugs[place]
    if not (dose.end <= drug.start and drug.start - dose.end <= BEFORE):
        return False
    if place and drugs[place - 1].end > dose.start:
        return False
    return _BETWEEN_BEFORE.fullmatch(text[dose.end : drug.start]) is not None


def _lasting(text: str, drug: Span, moment: Span) -> bool:
    before = text[max(drug.end, moment.start - 14) : moment.start].lower()
    after = text[moment.end : moment.end + 8].lower()
    return bool(
        re.search(
            r"(?:for|x|×|over|疗程|共|连服|连用|服用|使用|口服|治疗|应用|已)"
            r"\s*(?:the next |约|了)?$",
            before,
        )
    ) or bool(re.match(r"\s*(?:course|supply|余)", after))


def _tests(measured: Sequence[values.Value], moments: Sequence[times.Time]) -> list[Relation]:
    relations: list[Relation] = []
    for value in measured:
        shown = f"{value.comparator}{value.value:g}" if value.canonical is None else (
            f"{value.comparator}{value.canonical:g}"
            + (f"-{value.canonical_high:g}" if value.canonical_high is not None else "")
            + f" {value.canonical_unit}"
        )  # fmt: skip
        if value.test in ("systolic", "diastolic"):
            shown = f"{value.test} {shown}"
        relations.append(Relation(value.name, "test-value", value.number, shown))
        near = [
            (min(abs(m.span.start - value.span.end), abs(value.span.start - m.span.end)), m)
            for m in moments
            if m.kind in ("date", "ago") and not m.span.overlaps(value.span)
        ]
        if near:
            distance, moment = min(near, key=lambda one: one[0])
            if distance <= TIME_REACH:
                relations.append(Relation(value.name, "test-time", moment.span, moment.value))
    return relations


def _problems(
    text: str,
    sentence: Span,
    problems: Sequence[Mention],
    drugs: Sequence[Mention],
    moments: Sequence[times.Time],
) -> list[Relation]:
    """Give each time to the problems of its clause: those directly before it, else the one after.

    "Cough and fever for three days" gives three days to both, "3-day history of cough" to cough.
    """
    relations: list[Relation] = []
    for moment in moments:
        if any(drug.end <= moment.span.start <= drug.end + 40 for drug in drugs) and not problems:
            continue
        before = _run_before(text, problems, moment.span)
        after = _run_after(text, problems, moment.span)
        opens = _OPENS.search(text[sentence.start : moment.span.start]) is not None
        chosen = after if after and (opens or not before) else before
        relations += [
            Relation(_bare(one), "problem-time", moment.span, moment.value) for one in chosen
        ]
    return relations


def _run_before(text: str, problems: Sequence[Mention], moment: Span) -> list[Mention]:
    """Return the enumeration of problems that ends where a time begins."""
    run: list[Mention] = []
    edge = moment.start
    for one in sorted((p for p in problems if p.end <= moment.start), reverse=True):
        between = text[one.end : edge]
        limit = TIME_REACH if not run else 12
        if len(between) > limit or _CLAUSE.search(between) or _CONTRAST.search(between):
            break
        if not run and len(_COMMA.findall(between)) > 1:
            break
        if run and not re.fullmatch(
            r"\s*(?:,|，|、|and|or|及|和|伴|/|,\s*and|with)?\s*\w{0,6}\s*", between
        ):
            break
        if run and _DENIED.search(text[max(0, one.start - 9) : one.start]):
            break
        run.append(one)
        edge = one.start
    return run


def _run_after(text: str, problems: Sequence[Mention], moment: Span) -> list[Mention]:
    """Return the problems that follow a time directly: `3-day history of`, `3天前出现`."""
    run: list[Mention] = []
    edge = moment.end
    for one in sorted(p for p in problems if p.start >= moment.end):
        between = text[edge : one.start]
        limit = TIME_REACH if not run else 12
        if len(between) > limit or _CLAUSE.search(between) or _LATER.match(between):
            break
        if not run and _COMMA.search(between) and _said(_COMMA.split(between)[0]):
            break
        if run and not re.fullmatch(
            r"\s*(?:,|，|、|and|or|及|和|伴|/|,\s*and|with)?\s*\w{0,6}\s*", between
        ):
            break
        if not run and re.search(r"无|否认|\b(?:denies|no|without)\b", between, re.IGNORECASE):
            break
        run.append(one)
        edge = one.end
    return run


def _said(before_comma: str) -> bool:
    """Say whether enough stands before a comma to be what a time tells about."""
    chinese = terms.is_chinese(before_comma)
    return len(before_comma.strip()) > 2 if chinese else len(before_comma.split()) > 2


def _statuses(
    text: str, problems: Sequence[Mention], statuses: Sequence[medication.Found]
) -> list[Relation]:
    """Give each status to the nearest problem without a clause end between."""
    relations: list[Relation] = []
    for status in statuses:
        nearest: tuple[int, Mention] | None = None
        for one in problems:
            if one.overlaps(status.span):
                continue
            after = one.end <= status.span.start
            between = (
                text[one.end : status.span.start] if after else text[status.span.end : one.start]
            )
            if _CLAUSE.search(between) or len(between) > (TIME_REACH if after else 25):
                continue
            far = len(between) + (0 if after or len(between) < 4 else 10)
            if nearest is None or far < nearest[0]:
                nearest = (far, one)
        if nearest is not None:
            relations.append(
                Relation(_bare(nearest[1]), "problem-status", status.span, status.value)
            )
    return relations
