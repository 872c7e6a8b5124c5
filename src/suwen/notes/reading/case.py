"""The notes of a case: every document and narrative that its records hold or point to.

References: FHIR R4 DocumentReference (content: one document in several formats), Composition
(section.text), DiagnosticReport (presentedForm: equivalent formats; conclusion; text), Binary.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from suwen.core.codes import LOINC, Text
from suwen.core.encodings import language_of
from suwen.core.errors import SuwenError
from suwen.core.nouns import Case, Record, Reference
from suwen.notes.reading.document import BYTES_CAP, HTML, MARKDOWN, PDF, PLAIN, RTF, TEXT_CAP, draw
from suwen.notes.reading.drawn import Drawing, Heading, Unreadable, refuse
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.reading.visit_marks import is_draft, is_talk
from suwen.notes.reading.xhtml import draw_fragment
from suwen.notes.text import Note

PREFERRED: Final = (
    PLAIN, MARKDOWN, HTML, "application/xhtml+xml", "application/xml", "text/xml", RTF, "text/rtf",
    PDF,
)  # fmt: skip
"""Formats of one document, the most faithful to offsets first."""
ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
DEPTH: Final = 10
"""Deepest section of a Composition that is read."""


@dataclass(frozen=True)
class Read:
    """A note of a case.

    Parameters
    ----------
    note
        The note; `note.record` is the record it was read from.
    inputs
        References of what was read: the record, and the blob or Binary it points to.
    original
        The decoded original that `note.stored` refers to.
    """

    note: Note
    inputs: tuple[Reference, ...]
    original: str


@dataclass(frozen=True)
class Unread:
    """A document of a case that could not be read, and why."""

    record: Reference
    inputs: tuple[Reference, ...]
    reason: Text


def title_of(record: Record) -> str:
    """Return what a document calls itself, or the name of its kind; empty where it has neither."""
    content = record.content
    attachments = [part.get("attachment") or {} for part in content.get("content") or ()]
    attachments += content.get("presentedForm") or []
    kind = content.get("type") or content.get("code") or {}
    kind = kind if isinstance(kind, dict) else {}
    named = [one.get("title") for one in attachments]
    named += [content.get("title"), content.get("description"), kind.get("text")]
    named += [coding.get("display") for coding in kind.get("coding") or ()]
    return next((str(one) for one in named if one), "")


def notes_of(case: Case) -> list[Read]:
    """Return the readable notes of a case, in the order their records were stored."""
    return [one for one in read_case(case) if isinstance(one, Read)]


def read_case(case: Case) -> list[Read | Unread]:
    """Return each document of a case: read, or why it could not be.

    Images and other documents that are no text are in neither: they are no notes.
    """
    return [one for record in case.records if (one := read_record(case, record)) is not None]


def read_record(case: Case, record: Record) -> Read | Unread | None:
    """Return the document one record holds, or why it cannot be read; None where it holds none."""
    readers: dict[str, Callable[[Case, Record], Read | Unread | None]] = {
        "DocumentReference": _document,
        "DiagnosticReport": _report,
        "Composition": _composition,
    }
    reader = readers.get(record.type)
    content = record.content
    if reader is None or content.get("status") == "entered-in-error":
        return None
    if is_talk(content) or is_draft(content):  # no note, or none that anybody stands behind
        return None
    try:
        found = reader(case, record)
        if isinstance(found, Read):
            return replace(found, note=replace(found.note, day=day_of(record.content)))
        return found
    except Unreadable as error:
        return Unread(record.reference, (record.reference,), error.reason)


def day_of(content: Mapping[str, Any]) -> str:
    """Return the day a document is of in ISO 8601, empty where its record tells none.

    The time of the encounter comes first; when a reference to a document was made comes last.
    """
    context = content.get("context") or {}
    told = (
        (context.get("period") or {}).get("start") if isinstance(context, Mapping) else None,
        content.get("effectiveDateTime"),
        (content.get("effectivePeriod") or {}).get("start"),
        content.get("date"),
        content.get("issued"),
    )
    return next((str(one)[:10] for one in told if one and ISO_DAY.match(str(one))), "")


def _document(case: Case, record: Record) -> Read | Unread | None:
    attachments = [part.get("attachment") or {} for part in record.content.get("content") or ()]
    return _attached(case, record, attachments)


def _report(case: Case, record: Record) -> Read | Unread | None:
    found = _attached(case, record, record.content.get("presentedForm") or [])
    if isinstance(found, Read):
        return found
    parts = []
    text = record.content.get("text") or {}
    if text.get("status") in ("additional", "extensions"):
        parts.append((Heading(0, 0), str(text.get("div", ""))))
    return _narrative(record, parts, str(record.content.get("conclusion") or "")) or found


def _composition(case: Case, record: Record) -> Read | Unread | None:
    parts = list(_sections(record.content.get("section") or (), 0))
    if not parts and (div := (record.content.get("text") or {}).get("div")):
        parts = [(Heading(0, 0), str(div))]
    return _narrative(record, parts)


def _sections(sections: Any, depth: int) -> Iterator[tuple[Heading, str]]:
    if depth > DEPTH:
        raise refuse("a Composition nested too deeply", "Composition 章节嵌套过深")
    for section in sections:
        codings = (section.get("code") or {}).get("coding") or ()
        code = next((str(c.get("code", "")) for c in codings if c.get("system") == LOINC), "")
        text = section.get("text") or {}
        if text.get("status") != "empty" and text.get("div"):
            yield Heading(0, 0, code, str(section.get("title") or "")), str(text["div"])
        yield from _sections(section.get("section") or (), depth + 1)


def _narrative(
    record: Record, parts: list[tuple[Heading, str]], conclusion: str = ""
) -> Read | None:
    """Read XHTML narratives: the original is the `div`s, then the conclusion, a line between."""
    drawing = Drawing()
    original = ""
    for heading, div in parts:
        original += "\n" if original else ""
        drawing.broken(len(original))
        place = drawing.length
        if heading.loinc or heading.title:
            drawing.headings.append(Heading(place, place, heading.loinc, heading.title))
        draw_fragment(div, len(original), drawing)
        original += div
    if conclusion:
        original += "\n" if original else ""
        drawing.broken(len(original))
        place = drawing.length
        drawing.headings.append(Heading(place, place, "19005-8"))
        drawing.copied(conclusion, len(original))
        original += conclusion
    if len(original) > TEXT_CAP:
        raise refuse("a narrative too long for a note", "叙述文字过长，不像病历")
    drawn = drawing.done()
    if not drawn.text.strip():
        return None
    read = _note(record.reference, drawn.text, drawn.headings, drawn.origin, drawn.ends)
    return Read(read, (record.reference,), original)


def _note(
    record: Reference,
    text: str,
    headings: tuple[Heading, ...],
    origin: np.ndarray[Any, np.dtype[np.int64]] | None,
    ends: np.ndarray[Any, np.dtype[np.int64]] | None,
) -> Note:
    language = language_of(text)
    sections = sections_of(text, language, headings)
    return Note(text, language, record, sections, sentences_of(text, sections), origin, ends)


def _attached(
    case: Case, record: Record, attachments: list[dict[str, Any]]
) -> Read | Unread | None:
    """Read the one of several formats of a document that keeps offsets best."""
    known = [one for one in attachments if _rank(one) < len(PREFERRED)]
    unread = None
    for attachment in sorted(known, key=_rank):
        inputs: tuple[Reference, ...] = (record.reference,)
        try:
            data, source = _bytes(case, attachment)
            inputs += source
            drawn, original = draw(data, str(attachment.get("contentType", "")))
        except Unreadable as error:
            unread = unread or Unread(record.reference, inputs, error.reason)
            continue
        note = _note(record.reference, drawn.text, drawn.headings, drawn.origin, drawn.ends)
        return Read(note, inputs, original)
    return unread


def _rank(attachment: dict[str, Any]) -> int:
    kind = str(attachment.get("contentType", PLAIN)).partition(";")[0].strip().lower()
    if kind in PREFERRED:
        return PREFERRED.index(kind)
    return 0 if kind.startswith("text/") else 4 if kind.endswith("cda+xml") else len(PREFERRED)


def _bytes(case: Case, attachment: dict[str, Any]) -> tuple[bytes, tuple[Reference, ...]]:
    url = str(attachment.get("url", ""))
    if url.startswith("blob/"):
        try:
            return case.blob(url.removeprefix("blob/")), (url,)
        except SuwenError as error:
            raise refuse(
                f"a document whose stored bytes cannot be read ({error.code})",
                "无法读取文档的存储内容", "store the document again",
            ) from error  # fmt: skip
    if attachment.get("data"):
        return _inline(str(attachment["data"])), ()
    for record in case.of("Binary"):
        if url.rpartition("Binary/")[2].partition("/")[0] == record.id and "Binary/" in url:
            return _inline(str(record.content.get("data", ""))), (record.reference,)
    raise refuse(
        "a document that lies outside of the store", "文档不在本系统内", "bring the file itself in"
    )


def _inline(data: str) -> bytes:
    if len(data) > BYTES_CAP * 4 // 3:
        raise refuse("an inline document that is too large", "内嵌文档过大", "send one note a file")
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (ValueError, binascii.Error):
        raise refuse("an inline document that is not base64", "内嵌文档不是有效的 base64") from None
