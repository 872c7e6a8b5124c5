"""What holds for FHIR datatypes wherever they occur, checked in one walk over the JSON.

FHIR JSON does not name datatypes, so each check hangs on an element name and looks at the shape
around it. Sources: HL7 FHIR R4 datatypes, references, extensibility and JSON pages; keys are the
constraints' own (per-1, rng-2, qty-3, att-1, ext-1, ref-1), ours begin with `suwen-`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from suwen.core.codes import UCUM
from suwen.core.errors import UnsafeInput
from suwen.records.fhir import codes as fhir_codes
from suwen.records.fhir import dates, expressions, narrative, ucum
from suwen.records.fhir.json import DEPTH_CAP
from suwen.records.fhir.knowledge import datatypes

Node = dict[str, Any]


class Hit(NamedTuple):
    """A broken rule at an element of a node; the path is looked up only when it is reported."""

    node: Node
    element: str
    code: str
    message: str
    severity: str = "error"


class Local(NamedTuple):
    """A text that begins with `#`, and where it stands; `root` is the resource around it."""

    root: Node
    node: Node
    element: str
    text: str


class Found(NamedTuple):
    """What one walk collected: broken rules, each resource with the one around it, local names.

    `local` is None where the document has none.
    """

    hits: list[Hit]
    resources: list[tuple[Node, Node]]
    local: list[Local] | None


_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+")
_CONTACT_SYSTEMS = frozenset(("phone", "fax", "email", "pager", "url", "sms", "other"))
_RESOURCE_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

Broken = tuple[str, str] | tuple[str, str, str] | None
Check = Callable[[Node, Any], Broken]


def absolute(uri: str) -> bool:
    """Say whether `uri` has a scheme, and if it is a URN of a UUID or OID, its right form."""
    if uri.startswith("urn:uuid:"):
        return _UUID.fullmatch(uri) is not None
    if uri.startswith("urn:oid:"):
        return _OID.fullmatch(uri) is not None
    return _ABSOLUTE.fullmatch(uri) is not None


def _date(node: Node, value: Any) -> Broken:
    if type(value) is str and not dates.exists(value):
        return "suwen-date", "the day is not in the calendar"
    return None


def _period(node: Node, value: Any) -> Broken:
    end = node.get("end")
    if type(value) is not str:
        return None
    if type(end) is str and dates.after(value, end):
        return "per-1", "the start is later than the end"
    return _date(node, value)


def _number(quantity: Node) -> Any:
    value = quantity.get("value")
    return value if type(value) in (int, float, Decimal) else None


def _range(node: Node, low: Any) -> Broken:
    high = node.get("high")
    if type(low) is not dict or type(high) is not dict:
        return None
    if (first := _number(low)) is None or (second := _number(high)) is None:
        return None
    same = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    if same and first > second:
        return "rng-2", "the low limit is greater than the high limit"
    return None


def _value(node: Node, value: Any) -> Broken:
    if type(value) in (int, float, Decimal) and "code" in node and "system" not in node:
        return "qty-3", "a coded unit needs its system"
    return None


def _system(node: Node, system: Any) -> Broken:
    if type(system) is not str:
        return None
    code = node.get("code")
    if type(code) is str:
        return _coding(system, code)
    if "value" not in node or "rank" in node or system in _CONTACT_SYSTEMS:
        return None
    return None if _absolute_system(system) else _NOT_ABSOLUTE


_NOT_ABSOLUTE = ("suwen-system", "a system is an absolute URI")
_absolute_system = lru_cache(maxsize=4096)(absolute)


@lru_cache(maxsize=16384)
def _coding(system: str, code: str) -> Broken:
    if not absolute(system):
        return _NOT_ABSOLUTE
    if system == UCUM:
        verdict = ucum.verdict(code)
        if verdict == "malformed":
            return "suwen-ucum", "the unit is not written as UCUM"
        if verdict == "unknown":
            return "suwen-ucum", "the unit has a symbol that is not known to us", "warning"
    elif not fhir_codes.well_formed(system, code):
        return "suwen-code", "the code cannot be one of its system (form or check digit)"
    elif code not in datatypes().systems.get(system, (code,)):
        return "suwen-code", "the code is none of its system, which FHIR defines and closes"
    return None


def _reference(node: Node, value: Any) -> Broken:
    if type(value) is not str:
        return None
    if " " in value or value != value.strip():
        return "suwen-reference", "a reference holds no blanks"
    if value[:4] == "urn:" and not absolute(value):
        return "suwen-reference", "the URN is malformed"
    return None


def _extensions(node: Node, value: Any) -> Broken:
    if type(value) is not list:
        return None
    for extension in value:
        if type(extension) is not dict:
            continue
        has_value = any(name.lstrip("_").startswith("value") for name in extension)
        if has_value == ("extension" in extension):
            return "ext-1", "an extension has a value or extensions, not both"
        wanted = datatypes().extensions.get(str(extension.get("url")).partition("|")[0])
        if wanted and not extension.keys() & {wanted, f"_{wanted}"}:
            return "suwen-extension", f"FHIR defines this extension with a {wanted}"
    return None


def _narrative(node: Node, div: Any) -> Broken:
    return narrative.problem(div) if type(div) is str and "status" in node else None


def _data(node: Node, data: Any) -> Broken:
    other = node.keys() & {"origin", "who", "when", "sigFormat", "resourceType"}
    if type(data) is not str or other:
        return None
    if "contentType" not in node:
        return "att-1", "data needs its content type"
    size = node.get("size")
    if type(size) is int:
        try:
            actual = len(base64.b64decode(re.sub(r"\s", "", data), validate=True))
        except ValueError:
            return "suwen-base64", "the data is not base64"
        if actual != size:
            return "suwen-attachment-size", "the stated size is not the size of the data"
    return None


def _expression(node: Node, value: Any) -> Broken:
    stated = node.get("language") == "text/fhirpath"
    if stated and type(value) is str and not expressions.readable(value):
        return "suwen-fhirpath", "the expression is not FHIRPath"
    return None


def _comments(node: Node, value: Any) -> Broken:
    return "suwen-json", "fhir_comments is not part of FHIR R4"


def _bound(element: str, codes: frozenset[str]) -> Check:
    def check(node: Node, value: Any) -> Broken:
        if type(value) is str and value not in codes:
            return "suwen-binding", f"{element} is not one of its required codes"
        return None

    return check


def _triggers() -> dict[str, Check]:
    known = datatypes()
    return {
        **dict.fromkeys(known.date_elements, _date),
        **{name: _bound(name, codes) for name, codes in known.anywhere.items()},
        "start": _period,
        "low": _range,
        "value": _value,
        "system": _system,
        "reference": _reference,
        "extension": _extensions,
        "modifierExtension": _extensions,
        "div": _narrative,
        "data": _data,
        "expression": _expression,
        "fhir_comments": _comments,
    }


class Walk:
    """The walk; its triggers are read from the knowledge files once."""

    def __init__(self) -> None:
        self.triggers = _triggers()

    def over(self, resource: Node, text: str) -> Found:
        """Walk over one resource and those inside it; `text` is its JSON.

        Raises
        ------
        UnsafeInput
            Nested deeper than `json.DEPTH_CAP`.
        """
        found = Found([], [(resource, resource)], [] if '"#' in text else None)
        self._visit(resource, resource, found, DEPTH_CAP)
        return found

    def _visit(self, node: Node, root: Node, found: Found, levels: int) -> None:
        if not levels:
            raise UnsafeInput("a deeply nested resource", f"at most {DEPTH_CAP} levels")
        trigger, local = self.triggers.get, found.local
        for name, value in node.items():
            check = trigger(name)
            if check is not None and (broken := check(node, value)) is not None:
                found.hits.append(Hit(node, name, *broken))
            kind = type(value)
            if kind is dict or kind is list:
                for item in (value,) if kind is dict else value:
                    if type(item) is dict:
                        inner = root
                        if "resourceType" in item:
                            inner = root if name == "contained" else item
                            found.resources.append((item, inner))
                        self._visit(item, inner, found, levels - 1)
            elif local is not None and kind is str and value[:1] == "#":
                local.append(Local(root, node, name, value))


def identifier_problem(resource: Node, contained: bool) -> Hit | None:
    """Check the logical id of a resource (FHIR R4 datatypes, `id`).

    The id of a contained resource leaves its document never, so that being long is only a warning.
    """
    value = resource.get("id")
    if value is None or (type(value) is str and _RESOURCE_ID.fullmatch(value)):
        return None
    long = contained and type(value) is str and re.fullmatch(r"[A-Za-z0-9\-.]+", value)
    message = "a resource id is 1 to 64 of A-Z a-z 0-9 hyphen and dot"
    return Hit(resource, "id", "suwen-id", message, "warning" if long else "error")


def references(node: Node, depth: int = 0) -> Iterator[tuple[Node, str]]:
    """Yield every (node, reference text) inside a resource, contained ones included."""
    text = node.get("reference")
    if type(text) is str:
        yield node, text
    for name, value in node.items():
        if name == "resource" and depth:
            continue
        for item in value if type(value) is list else (value,):
            if type(item) is dict:
                yield from references(item, depth + 1)


def path_of(root: Node, wanted: Node) -> str:
    """Return the path of `wanted` (by identity) from the resource `root`: `Observation.code`."""
    stack: list[tuple[str, Any]] = [(str(root.get("resourceType", "?")), root)]
    while stack:
        path, node = stack.pop()
        if node is wanted:
            return path
        if type(node) is dict:
            stack.extend((f"{path}.{name}", child) for name, child in node.items())
        elif type(node) is list:
            stack.extend((f"{path}[{i}]", child) for i, child in enumerate(node))
    return str(root.get("resourceType", "?"))
