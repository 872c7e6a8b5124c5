"""Validation of FHIR R4 resources at the door of the store, and strict reading of their JSON.

Structure (elements, cardinalities, datatypes, choice of value[x]) is checked by one library behind
`_structure`; what a structure cannot say (invariants, required codes, units, references, dates) is
data in `knowledge/`, interpreted by the modules beside this one. Source: HL7 FHIR R4 (4.0.1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import fhirkit

from suwen.core.errors import BadInput, UnsafeInput
from suwen.records.fhir import checks, links, rules
from suwen.records.fhir import json as fhir_json
from suwen.records.fhir.checks import Hit, Node
from suwen.records.fhir.knowledge import datatypes

Severity = Literal["error", "warning"]

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\[\d+\])?")
_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u00(?:0[0-8bcef]|1[0-9a-f])|[bf])")
"""An escaped control character: its backslash is not itself escaped."""
_CHUNK = 512


@dataclass(frozen=True)
class Problem:
    """Something wrong in a resource: where, what, how bad, and the rule's key. Holds no value."""

    path: str
    message: str
    severity: Severity = "error"
    code: str = "structure"


def parse(data: bytes, exact: bool = False) -> Node:
    """Read one FHIR resource from JSON, strictly.

    `exact` keeps every digit of a decimal as written (`decimal.Decimal`), otherwise it is a float.

    Raises
    ------
    UnsafeInput
        Too large or too deep; nothing was built.
    BadInput
        Malformed JSON, a name twice, NaN, text after the document, or no FHIR R4 resource in it.
        XML is not read.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise BadInput("FHIR as XML", "FHIR R4 as JSON", "export the resource as JSON")
    value = fhir_json.decode(data, exact)
    if type(value) is not dict:
        raise BadInput("JSON that is not an object", "one FHIR R4 resource")
    if not _known(value.get("resourceType")):
        raise BadInput(
            "JSON that is not a FHIR R4 resource",
            "an object whose resourceType is a resource of FHIR R4",
            "check resourceType and the FHIR version",
        )
    return value


def validate(
    resources: Sequence[Node], texts: Sequence[str | None] | None = None
) -> list[list[Problem]]:
    """Check resources; return the problems of each, in order, empty where none was found.

    Never raises on content: what cannot be read at all is a problem too. Messages and paths name
    elements and rules, never values.

    Parameters
    ----------
    resources
        FHIR R4 resources as read from JSON.
    texts
        The JSON of each, where the caller has written it already.
    """
    given = texts or [None] * len(resources)
    out: list[list[Problem]] = []
    for start in range(0, len(resources), _CHUNK):
        part = slice(start, start + _CHUNK)
        out.extend(_validate(resources[part], given[part]))
    return out


def _validate(resources: Sequence[Node], given: Sequence[str | None]) -> Iterator[list[Problem]]:
    found = [_read(*pair) for pair in zip(resources, given, strict=True)]
    texts = [result.text for result in found if isinstance(result, _Readable)]
    structure = iter(_structure(texts))
    for result in found:
        if isinstance(result, Problem):
            yield [result]
            continue
        problems = next(structure)
        sound = not any(problem.severity == "error" for problem in problems)
        yield [*problems, *result.problems(sound)]


class _Readable(NamedTuple):
    """A resource that is JSON of a known type, with what the walk found in it."""

    resource: Node
    text: str
    found: checks.Found

    def problems(self, sound: bool) -> list[Problem]:
        """Return what the walk found and, where the structure is sound, what the rules find."""
        hits = self.found.hits
        for resource, around in self.found.resources if sound else ():
            self._judge(resource, around, hits)
        return [_problem(self.resource, hit) for hit in hits]

    def _judge(self, resource: Node, around: Node, hits: list[Hit]) -> None:
        kind = resource.get("resourceType")
        if type(kind) is not str:
            return
        if hit := checks.identifier_problem(resource, resource is not around):
            hits.append(hit)
        rules.check_type(resource, self.text, hits)
        if resource is around and ("contained" in resource or self.found.local):
            local = [one for one in self.found.local or () if one.root is resource]
            hits.extend(links.check_contained(resource, local))
        if kind == "Bundle":
            hits.extend(links.check_bundle(resource))
        elif kind == "Parameters":
            hits.extend(links.check_parameters(resource))


def _read(resource: object, text: str | None) -> _Readable | Problem:
    kind = resource.get("resourceType") if type(resource) is dict else None
    if type(resource) is not dict or not _known(kind):
        return Problem("", "not a FHIR R4 resource", code="suwen-json")
    try:
        text = text or _encode(resource)
        found = _walk().over(resource, text)
    except UnsafeInput as error:
        return Problem(str(kind), error.got, code="suwen-json")
    except (ValueError, TypeError, RecursionError):
        return Problem(str(kind), "holds something that is not JSON", code="suwen-json")
    if "\\" in text and _CONTROL.search(text):
        return Problem(str(kind), "a string holds a control character", code="suwen-json")
    return _Readable(resource, text, found)


def _known(kind: object) -> bool:
    return type(kind) is str and kind in datatypes().resource_types


def _number(value: object) -> float:
    """Give the JSON encoder a Decimal's number; precision does not matter to a check."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


_encode = json.JSONEncoder(allow_nan=False, check_circular=False, default=_number).encode


@lru_cache(maxsize=1)
def _walk() -> checks.Walk:
    return checks.Walk()


def _problem(root: Node, hit: Hit) -> Problem:
    path = checks.path_of(root, hit.node)
    if hit.element:
        path = f"{path}.{hit.element}"
    severity: Severity = "warning" if hit.severity == "warning" else "error"
    return Problem(_safe_path(path), hit.message, severity, hit.code)


def _structure(texts: list[str]) -> list[list[Problem]]:
    """Check structure. The one place that knows the library (fhirkit-rs)."""
    try:
        parsed = fhirkit.parse_many(texts, threads=1)
    except (fhirkit.ParseError, UnicodeEncodeError):
        if len(texts) > 1:
            return [problems for text in texts for problems in _structure([text])]
        return [[Problem("", "not readable as a FHIR R4 resource")]]
    return [[_structural(issue) for issue in resource.issues] for resource in parsed]


def _structural(issue: Any) -> Problem:
    message = _QUOTED.sub("the value", issue.message)
    severity: Severity = "warning" if issue.severity == "warning" else "error"
    return Problem(_safe_path(issue.path), message, severity)


def _safe_path(path: str) -> str:
    """Mask path parts that are not element names: an unknown name could be anything."""
    return ".".join(part if _ELEMENT.fullmatch(part) else "?" for part in path.split("."))
