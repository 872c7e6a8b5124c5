"""FHIR JSON and NDJSON read and written, and what a Patient resource says of a person.

Reference: HL7 FHIR R4 (4.0.1) section 2.6 (JSON); NDJSON as in FHIR Bulk Data Access 2.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from suwen.core.errors import BadInput
from suwen.privacy.subjects.known import Known
from suwen.records.fhir import door as rules
from suwen.records.fhir import json as fhir_json
from suwen.records.fhir.members import members

Resource = dict[str, Any]
LONG: Final = 4 * 1024 * 1024
"""Bytes from which on a Bundle is read entry by entry."""
_LINE = re.compile(rb"[^\r\n]+")


def read(data: bytes) -> list[Resource]:
    """Return the resources of a JSON document or of NDJSON, decimals with every digit.

    Raises
    ------
    BadInput, UnsafeInput
        It is not JSON, or holds something that is no FHIR resource.
    """
    return list(resources(data))


@dataclass(frozen=True)
class Long:
    """A long Bundle: what stands beside its entries, and these one in memory at a time."""

    shell: Resource
    data: bytes = field(repr=False)

    def entries(self) -> Iterator[Any]:
        """Yield the entries, in order."""
        return (one.value for one in members(self.data, "entry") if one.item)


def long_bundle(data: bytes) -> Long | None:
    """Return a Bundle that is better read entry by entry; None for any other document.

    A document or message is read as a whole: its rules are about all of its entries.
    """
    if len(data) < LONG or _by_line(data):
        return None
    shell = {one.name: one.value for one in members(data, "entry") if not one.item}
    whole = shell.get("type") in ("document", "message", "searchset")
    return Long(shell, data) if shell.get("resourceType") == "Bundle" and not whole else None


def resources(data: bytes) -> Iterator[Resource]:
    """Yield what `read` returns, of NDJSON one line in memory at a time.

    A long Bundle comes as Bundles of one entry.
    """
    if (long := long_bundle(data)) is not None:
        yield from ({**long.shell, "entry": [one]} for one in long.entries())
        return
    lines = _lines(data) if _by_line(data) else iter((data,))
    for line in lines:
        resource = fhir_json.decode(line, exact=True)
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise BadInput("JSON that is no FHIR resource", "an object with a resourceType")
        yield resource


def _by_line(data: bytes) -> bool:
    """Say whether these are several objects, each on a line."""
    lines = _lines(data)
    first = next(lines, b"")
    second = next(lines, b"")
    return bool(second) and all(line.lstrip()[:1] == b"{" for line in chain((first, second), lines))


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines that hold anything."""
    return (line for found in _LINE.finditer(data) if (line := found[0]).strip())


def each(resources: Iterable[Resource]) -> Iterator[tuple[Resource, str]]:
    """Yield every resource, those in Bundles too, with its fullUrl where it has one."""
    for resource in resources:
        if resource.get("resourceType") != "Bundle":
            yield resource, ""
            continue
        for entry in values(resource.get("entry")):
            inner = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(inner, dict):
                yield from (
                    (one, url or str(entry.get("fullUrl", ""))) for one, url in each([inner])
                )


def known_of(patient: Resource) -> Known:
    """Return what a Patient resource says of a person."""
    names, numbers = set(), set()
    for name in objects(patient.get("name")):
        given = " ".join(map(str, values(name.get("given"))))
        whole = f"{given} {name.get('family', '')}".strip() or str(name.get("text", ""))
        names |= {whole, str(name.get("text", ""))}
    for contact in objects(patient.get("contact")):
        for name in objects(contact.get("name")):
            names.add(" ".join(map(str, [*values(name.get("given")), name.get("family", "")])))
    for identifier in objects(patient.get("identifier")):
        numbers.add(str(identifier.get("value", "")))
    for telecom in objects(patient.get("telecom")):
        numbers.add(str(telecom.get("value", "")))
    for address in objects(patient.get("address")):
        numbers |= set(map(str, values(address.get("line"))))
    numbers.add(str(patient.get("id", "")))
    return Known(frozenset(names) - {""}, frozenset(numbers) - {""})


def encode(value: Any) -> str:
    """Return JSON in which decimals have the digits they were read with."""
    if isinstance(value, dict):
        inside = ",".join(f"{json.dumps(key)}:{encode(one)}" for key, one in value.items())
        return "{" + inside + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encode, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def values(value: Any) -> list[Any]:
    """Return an element as a list, whether it repeats or not."""
    return value if isinstance(value, list) else [] if value is None else [value]


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects among the values of an element."""
    return [one for one in values(value) if isinstance(one, dict)]


def check(text: str) -> None:
    """Raise `BadInput` when a de-identified resource is no valid FHIR R4 any more."""
    errors = [one for one in rules.validate([json.loads(text)])[0] if one.severity == "error"]
    if errors:
        raise BadInput(f"a resource that is not valid FHIR at {errors[0].path}", "valid FHIR R4")
