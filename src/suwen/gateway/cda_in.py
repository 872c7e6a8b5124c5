"""Whom a C-CDA document is about: the record target of its header, for the identity guard.

Reference: HL7 CDA R2, section 4.2.2.11 (recordTarget); C-CDA R2.1 US Realm Header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from suwen.gateway.identity import meaningful, name_forms, sex_of
from suwen.gateway.intake import Claim

_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_MRN = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def claim_of_cda(file: str, text: str) -> Claim | None:
    """Return what the header of a C-CDA document says, None where it names no patient."""
    try:
        root = fromstring(_DECLARATION.sub("", text).encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        return None
    role = next((one for one in _named(root, "patientRole", 3)), None)
    if role is None:
        return None
    patient = next(_named(role, "patient", 1), None)
    identifiers = frozenset(
        (f"urn:oid:{one.get('root')}", str(one.get("extension")))
        for one in _named(role, "id", 1)
        if _MRN.fullmatch(one.get("root", "")) and meaningful(one.get("extension", ""))
    )
    if patient is None:
        return Claim(file, "C-CDA header", identifiers)
    name = next((shown for one in _named(patient, "name", 1) if (shown := _shown(one))), "")
    return Claim(
        file,
        "C-CDA header",
        identifiers,
        name_forms(name),
        _day(next((one.get("value", "") for one in _named(patient, "birthTime", 1)), "")),
        sex_of(
            next(
                (one.get("code", "") for one in _named(patient, "administrativeGenderCode", 1)), ""
            )
        ),
        "",
        {"name": [{"text": name}]} if meaningful(name) else None,
    )


def _named(element: Element, tag: str, depth: int) -> Iterator[Element]:
    """Yield the elements of a name down to a depth, whatever their namespace."""
    for child in element:
        if str(child.tag).rpartition("}")[2] == tag:
            yield child
        elif depth > 1:
            yield from _named(child, tag, depth - 1)


def _shown(name: Element) -> str:
    parts = [
        (str(part.tag).rpartition("}")[2], (part.text or "").strip())
        for part in name
        if str(part.tag).rpartition("}")[2] in ("given", "family")
    ]
    whole = " ".join(text for _, text in parts if text) or "".join(name.itertext())
    return " ".join(whole.split())


def _day(value: str) -> str:
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:8])).isoformat()
    except ValueError:
        return ""
