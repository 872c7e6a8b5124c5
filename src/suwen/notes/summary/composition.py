"""A sheet as a FHIR R4 document: a Composition, what its lines rest on, and who assembled it.

Each line is an item of its section's narrative with an id; an extension of the section says which
stretch of which document each id rests on. Facts stand beside as resources and are entries of the
section that names them. References: FHIR R4 (4.0.1) documents (section 3.3), Composition,
Provenance; LOINC 60591-5 (patient summary), 11506-3 (progress note).
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from suwen import __version__
from suwen.core.codes import LOINC, SUWEN, Language, Text
from suwen.core.nouns import Finding, Reference, canonical, digest_of
from suwen.notes.facts.fhir import AUTHOR, SPAN, Resource, resources
from suwen.notes.summary.sheet import NOTICE, SUMMARY, Item, Part, Sheet

XHTML: Final = "http://www.w3.org/1999/xhtml"
PATIENT: Final = "patient"
SUMMARY_CODE: Final = ("60591-5", "Patient summary Document")
DRAFT_CODE: Final = ("11506-3", "Progress note")
_KEPT: Final = {
    "DocumentReference": ("resourceType", "id", "status", "type", "date", "content"),
    "DiagnosticReport": ("resourceType", "id", "status", "code", "text", "presentedForm",
                         "effectiveDateTime", "issued", "conclusion"),
    "Composition": ("resourceType", "id", "status", "type", "date", "title", "text", "section"),
}  # fmt: skip
"""Elements of a stored document that go into a bundle."""
_UNPRINTABLE: Final = {n: None for n in range(32) if chr(n) not in "\t\n\r"}


@dataclass(frozen=True)
class Document:
    """A document that lines rest on, as it goes into the bundle.

    Parameters
    ----------
    content
        A DocumentReference or another resource; its id is kept.
    data
        The original it points to, put beside it; None where it is there already.
    """

    content: Resource
    data: bytes | None = None


def bundle(
    sheet: Sheet,
    documents: Mapping[Reference, Document],
    findings: Sequence[Finding],
    recorded: datetime,
    language: Language,
    patient: Resource | None = None,
) -> Resource:
    """Return a sheet as a Bundle of type document.

    Parameters
    ----------
    sheet
        A summary or a draft.
    documents
        What its sources point to, by their record.
    findings
        Findings of `notes.facts` that its lines name.
    recorded
        When it was made, with its time zone.
    language
        Of the narrative.
    patient
        The FHIR Patient; None where nothing is known of them.
    """
    person = {**(patient or {"resourceType": "Patient"}), "id": PATIENT}
    held = {record: _held(one, person) for record, one in documents.items()}
    moved = {record: f"{one['resourceType']}/{one['id']}" for record, one in held.items()}
    facts = _moved(resources(findings, f"Patient/{PATIENT}", recorded, language), moved)
    kept = {one["id"]: f"{one['resourceType']}/{one['id']}" for one in facts}
    composition = composed(sheet, recorded, language, moved, kept)
    composition["subject"] = {"reference": f"Patient/{PATIENT}"}
    everything = [composition, person, *held.values(), *facts]
    everything.append(_provenance(composition, list(moved.values()), recorded))
    whole: Resource = {
        "resourceType": "Bundle",
        "type": "document",
        "timestamp": recorded.isoformat(),
        "entry": [
            {"fullUrl": f"{SUWEN}/{one['resourceType']}/{one['id']}", "resource": one}
            for one in everything
        ],
    }
    digest = digest_of(canonical(whole))
    return whole | {"id": digest[:32], "identifier": {"system": f"{SUWEN}/sheets", "value": digest}}


def composed(
    sheet: Sheet,
    recorded: datetime,
    language: Language,
    moved: Mapping[Reference, str],
    facts: Mapping[str, str],
) -> Resource:
    """Return the Composition alone: a draft (`preliminary`) until somebody attests it.

    Parameters
    ----------
    sheet, recorded, language
        As for `bundle`.
    moved
        Reference of each source where the Composition stands.
    facts
        Reference of the resource of each finding, by its id.
    """
    listed = sheet.title == SUMMARY
    code, name = SUMMARY_CODE if listed else DRAFT_CODE
    places = [moved.get(source.record, "") for source in sheet.sources]
    made: Resource = {
        "resourceType": "Composition",
        "language": "zh" if language == "zh" else "en",
        "status": "preliminary",
        "type": {"coding": [{"system": LOINC, "code": code, "display": name}]},
        "date": recorded.isoformat(),
        "author": [{"display": f"Suwen {__version__}"}],
        "title": sheet.title.of(language),
        "text": {"status": "generated", "div": _div(f"<p>{_escaped(NOTICE.of(language))}</p>")},
        "section": [
            section_of(part, number, places, language, listed) | _entries(part, facts)
            for number, part in enumerate(sheet.parts)
        ],
    }
    return {"id": digest_of(canonical(made))[:32], **made}


def section_of(
    part: Part, number: int, sources: Sequence[str], language: Language, listed: bool
) -> Resource:
    """Return a section with its lines, each with an id, and where each of them stands.

    Parameters
    ----------
    part, number
        The section and its place in the document, which its ids begin with.
    sources
        Reference of each source of the sheet, empty for one that is no record.
    language
        Of the title and of facts.
    listed
        Whether its lines are items of a list; sentences of a note are lines.
    """
    tag = "li" if listed else "div"
    lines = [(f"s{number}-{n}", item) for n, item in enumerate(part.items, 1)]
    shown = "".join(f'<{tag} id="{name}">{_shown(item, language)}</{tag}>' for name, item in lines)
    made: Resource = {
        "title": part.title.of(language),
        "text": {
            "status": "generated",
            "div": _div(f"<ul>{shown}</ul>" if listed else shown),
        },
    }
    if spans := [one for name, item in lines for one in spans_of(name, item, sources)]:
        made["extension"] = spans
    if part.loinc:
        made["code"] = {"coding": [{"system": LOINC, "code": part.loinc}]}
    return made


def spans_of(name: str, item: Item, sources: Sequence[str]) -> list[Resource]:
    """Return an extension for each place a line rests on."""
    return [
        {
            "url": SPAN,
            "extension": [
                {"url": "line", "valueString": name},
                *(
                    [{"url": "document", "valueReference": {"reference": sources[place.source]}}]
                    if sources[place.source]
                    else []
                ),
                {"url": "start", "valueInteger": place.start},
                {"url": "end", "valueInteger": place.end},
            ],
        }
        for place in item.places
    ]


def _entries(part: Part, facts: Mapping[str, str]) -> Resource:
    names = dict.fromkeys(one for item in part.items for one in item.findings)
    known = [{"reference": facts[one]} for one in names if one in facts]
    return {"entry": known} if known else {}


def _shown(item: Item, language: Language) -> str:
    text = _escaped(item.text.of(language))
    return f"<q>{text}</q>" if item.quoted else text


def _escaped(text: str) -> str:
    return html.escape(text.translate(_UNPRINTABLE), quote=True)


def _div(inside: str) -> str:
    return f'<div xmlns="{XHTML}">{inside}</div>'


def talk_document(talk: str, title: Text, language: Language) -> Document:
    """Return a talk that is no record as a DocumentReference with its text inside."""
    digest = digest_of(talk.encode())
    content: Resource = {
        "resourceType": "DocumentReference",
        "id": digest[:32],
        "status": "current",
        "type": {"text": title.en},
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "title": title.of(language),
                }
            }
        ],
    }
    return Document(content, talk.encode())


def _held(one: Document, person: Resource) -> Resource:
    """Return a document about the patient of the bundle, its original inside.

    Of what it says besides its text, what would point out of the bundle is left out.
    """
    kind = one.content["resourceType"]
    content = {name: one.content[name] for name in _KEPT[kind] if name in one.content}
    content["subject"] = {"reference": f"Patient/{person['id']}"}
    if kind == "Composition":
        content["author"] = [{"display": "as stored"}]
    if one.data is None or not content.get("content"):
        return content
    first, *rest = content["content"]
    attachment = {**first["attachment"], "data": base64.b64encode(one.data).decode()}
    attachment.pop("url", None)
    return {**content, "content": [{**first, "attachment": attachment}, *rest]}


def _moved(made: Sequence[Resource], moved: Mapping[Reference, str]) -> list[Resource]:
    """Return resources whose references to records are those of the bundle."""

    def of(value: Any) -> Any:
        if isinstance(value, list):
            return [of(one) for one in value]
        if isinstance(value, dict):
            return {name: of(one) for name, one in value.items()}
        return moved.get(value, value) if isinstance(value, str) else value

    return [of(one) for one in made]


def _provenance(composition: Resource, sources: Sequence[str], recorded: datetime) -> Resource:
    return {
        "resourceType": "Provenance",
        "id": f"p{composition['id'][:31]}",
        "target": [{"reference": f"Composition/{composition['id']}"}],
        "recorded": recorded.isoformat(),
        "agent": [
            {
                "type": {"coding": [{"system": AUTHOR, "code": "assembler"}]},
                "who": {"display": f"Suwen {__version__}"},
            }
        ],
        "entity": [{"role": "source", "what": {"reference": one}} for one in sources],
    }
