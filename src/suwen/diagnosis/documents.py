"""What the records hold besides measurements: conditions, examinations, notes, earlier reports.

Notes are listed by title and date and earlier reports quoted; nothing is read into them here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suwen.core.codes import VISIT_TALK, Code, Text
from suwen.core.nouns import Case, Record, Statement
from suwen.diagnosis.language import both, joined, message, same
from suwen.diagnosis.observations import concept_name, when
from suwen.diagnosis.wording import Section, quoted

LISTS = {
    "Condition": message("Recorded conditions: %(list)s."),
    "AllergyIntolerance": message("Recorded allergies: %(list)s."),
    "MedicationStatement": message("Recorded medication: %(list)s."),
}
RETRACTED = {"entered-in-error", "refuted", "inactive", "resolved", "remission", "cancelled"}
UNCONFIRMED = {"unconfirmed", "provisional", "differential"}


def list_statements(case: Case) -> list[Statement]:
    """Return the recorded conditions, allergies and medication, one statement each."""
    statements = []
    for kind, words in LISTS.items():
        records = [record for record in case.of(kind) if not retracted(record.content)]
        if records:
            names = [listed_name(record.content) for record in records]
            references = tuple(record.reference for record in records)
            text = both(words, list=joined(list(dict.fromkeys(names))))
            statements.append(Statement(section=Section.CONTEXT, text=text, records=references))
    return statements


def listed_name(content: dict[str, Any]) -> Text:
    """Return what a record is of, and that it is not confirmed where it is not."""
    name = concept_name(content.get("code") or content.get("medicationCodeableConcept"))
    codings = content.get("verificationStatus", {}).get("coding", [])
    if UNCONFIRMED.isdisjoint(coding.get("code") for coding in codings):
        return name
    return both("%(name)s (not confirmed)", name=name)


def retracted(content: dict[str, Any]) -> bool:
    """Say whether a record is taken back, refuted or over."""
    states = {content.get("status")}
    for name in ("clinicalStatus", "verificationStatus"):
        states |= {coding.get("code") for coding in content.get(name, {}).get("coding", [])}
    return bool(states & RETRACTED)


def document_statements(case: Case) -> list[Statement]:
    """Return one statement for each imaging study, note and earlier report, the newest first."""
    found: list[tuple[str, Statement]] = []
    for kind, reader in READERS.items():
        for record in case.of(kind):
            if record.content.get("status") in {"entered-in-error", "cancelled"}:
                continue
            read = reader(record)
            if read is not None:
                date, text = read
                statement = Statement(
                    section=Section.DOCUMENTS, text=text, records=(record.reference,)
                )
                found.append((date, statement))
    return [statement for _, statement in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _dated(date: str) -> Text:
    return same(when(date)) if date else both("date not recorded")


def _study(record: Record) -> tuple[str, Text]:
    content = record.content
    date = content.get("started", "")
    series = content.get("series", [])
    kinds = sorted({entry.get("modality", {}).get("code", "") for entry in series} - {""})
    count = sum(len(s.get("instance", ())) or s.get("numberOfInstances", 0) for s in series)
    named = content.get("description", "")
    return date, both(
        "Imaging study %(kind)s%(named)s, %(at)s: %(series)s series, %(count)s images.",
        kind="/".join(kinds),
        named=f" “{quoted(named, 120)}”" if named else "",
        at=_dated(date),
        series=len(series),
        count=count,
    )


def _document(record: Record) -> tuple[str, Text] | None:
    content = record.content
    if _of_category(content, VISIT_TALK):
        return None
    attachment = (content.get("content") or [{}])[0].get("attachment", {})
    date = content.get("date") or attachment.get("creation", "")
    named = attachment.get("title") or content.get("description", "")
    kind = concept_name(content["type"]) if "type" in content else None
    media = attachment.get("contentType", "").partition(";")[0]
    words = message("Note %(named)s, %(at)s.")
    if media != "text/plain":
        words = message("File %(named)s (%(media)s), %(at)s.")
    title = same(f"“{quoted(named, 120)}”") if named else kind or both("without a title")
    if named and kind and not words.startswith(kind.en):  # "Note “a”, Note" says it twice
        title = joined([title, kind], ", ", "，")
    return date, both(words, named=title, media=media or "?", at=_dated(date))


def _of_category(content: dict[str, Any], code: Code) -> bool:
    codings = (c for category in content.get("category", []) for c in category.get("coding", []))
    return any((c.get("system"), c.get("code")) == (code.system, code.code) for c in codings)


def _composition(record: Record) -> tuple[str, Text] | None:
    content = record.content
    if content.get("status") == "preliminary":  # Nobody stands behind it yet.
        return None
    date, title = content.get("date", ""), quoted(content.get("title", ""), 120)
    named = same(f"“{title}”") if title else both("without a title")
    return date, both("Note %(named)s, %(at)s.", named=named, at=_dated(date))


def _earlier_report(record: Record) -> tuple[str, Text] | None:
    content = record.content
    date = content.get("effectiveDateTime") or content.get("issued", "")
    kind = concept_name(content.get("code"))
    if "conclusion" not in content:
        return date, both("Earlier report %(kind)s, %(at)s.", kind=kind, at=_dated(date))
    return date, both(
        "Earlier report %(kind)s, %(at)s: “%(conclusion)s”",
        kind=kind,
        at=_dated(date),
        conclusion=quoted(content["conclusion"]),
    )


READERS: dict[str, Callable[[Record], tuple[str, Text] | None]] = {
    "ImagingStudy": _study,
    "DocumentReference": _document,
    "Composition": _composition,
    "DiagnosticReport": _earlier_report,
}
