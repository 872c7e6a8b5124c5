"""FHIR R4 that identifies nobody: resources, Bundles and NDJSON by a path policy.

What the policy does not name is removed; a resource type it does not know is left out and counted.
Ids and references are mapped alike over all files of a project, a Patient's to its pseudonym, dates
move by the shift of the patient the resource is about. Codes stay only where their system is public
and they have its shape; displays and texts are cleaned as prose.

Reference: HL7 FHIR R4 (4.0.1); the policy is `knowledge/fhir_policy.toml`.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from suwen.core.errors import BadInput
from suwen.privacy import withheld
from suwen.privacy.fhir.ids import UUID, Ids
from suwen.privacy.fhir.policy import Elements, Rule, code_of, policy
from suwen.privacy.fhir.reading import Long, Resource, encode, long_bundle, objects, resources
from suwen.privacy.fhir.values import ACTIONS, CODE, Where
from suwen.privacy.subjects.person import REMOVED, Cast, Cleaner, Person

Content = dict[str, Any]
_TAGS = re.compile(r"<[^>]*>")
_BLOCKS = re.compile(r"(?i)<(?:br|/p|/li|/tr|/h\d|/div)\b[^>]*>")
_SUBJECTS: Final = ("subject", "patient", "beneficiary", "for", "individual")
_EXTENDED: Final[Elements] = {
    "valueString": Rule(action="text"),
    "valueCode": Rule(action="code"),
    "valueBoolean": Rule(action="keep"),
    "valueDecimal": Rule(action="keep"),
    "extension": Rule(action="extension"),
    "valueCoding": Rule(type="Coding"),
}
"""What an extension that stays may hold."""


@dataclass
class Told:
    """What happened: elements by action, and resources left out by type."""

    actions: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def deidentify(data: bytes, cast: Cast, told: Told | None = None) -> bytes:
    """Return a JSON document or NDJSON without identity, in the form it came in.

    Raises
    ------
    BadInput, UnsafeInput
        It cannot be read. Nothing is returned then.
    """
    return "".join(pieces(data, cast, told)).encode()


def pieces(
    data: bytes,
    cast: Cast,
    told: Told | None = None,
    sound: Callable[[str], None] = lambda text: None,
    scrub: Cleaner = lambda text: text,
) -> Iterator[str]:
    """Yield the text of `deidentify` resource by resource; void when an error follows.

    `sound` is called with each resource; of a long Bundle, with a Bundle of each entry. `scrub`
    replaces whole names and numbers of anybody in a text.
    """
    walk = _Walk(Ids.of(cast, resources(data)), told if told is not None else Told(), scrub)
    if (long := long_bundle(data)) is not None:
        yield from _of_long(long, walk, sound)
        return
    kept = 0
    for one in resources(data):
        if (new := walk.resource(one)) is not None:
            text = walk.encoded(new)
            sound(text)
            yield text + "\n"
            kept += 1
    if not kept:
        raise BadInput(
            "only resources the policy does not know", "a resource type of fhir_policy.toml"
        )


def _of_long(long: Long, walk: _Walk, sound: Callable[[str], None]) -> Iterator[str]:
    """Yield a long Bundle: what stands before its entries, each entry, the end."""
    before, end = encode(walk.resource({**long.shell, "entry": []})).removesuffix("]}"), "]}"
    yield before
    mark = ""
    for entry in long.entries():
        if isinstance(entry, dict) and (new := walk.entry(entry)):
            text = walk.encoded(new)
            sound(before + text + end)
            yield mark + text
            mark = ","
    yield end + "\n"


class _Walk:
    """The way through the resources of one file, element by element."""

    def __init__(self, ids: Ids, told: Told, scrub: Cleaner) -> None:
        self.ids, self.told, self.scrub, self.policy = ids, told, scrub, policy()
        self.where = Where(ids.cast.common, ids)

    def encoded(self, resource: Content) -> str:
        """Return the text of what is left of a resource, nothing in it that identifies anybody."""
        text = encode(resource)
        if self.scrub(text) == text:
            return text
        return encode(withheld.json(resource, self.scrub, self.told.actions))

    def resource(self, resource: Resource) -> Resource | None:
        """Return a resource without identity; None when its type is not known."""
        kind = str(resource["resourceType"])
        if kind not in self.policy.resources:
            self.told.left_out[kind if kind.isalpha() else "?"] += 1
            return None
        outer = self.where
        self.where = Where(self._person(resource) or outer.person, self.ids)
        try:
            out = {"resourceType": kind, **self.elements(resource, self.policy.resources[kind])}
            if kind == "Bundle":
                entries = [self.entry(one) for one in objects(resource.get("entry"))]
                out["entry"] = [one for one in entries if one]
                out.pop("total", None)
            return out
        finally:
            self.where = outer

    def _person(self, resource: Resource) -> Person | None:
        """Return whom a resource is about, None when it does not say."""
        if resource["resourceType"] == "Patient":
            return self.ids.cast.of(str(resource.get("id", "")))
        for name in _SUBJECTS:
            target = resource.get(name)
            text = str(target.get("reference", "")) if isinstance(target, dict) else ""
            if key := self.ids.patient(text):
                return self.ids.cast.of(key)
        return None

    def entry(self, entry: Content) -> Content | None:
        """Return an entry of a Bundle; None when the type of its resource is not known."""
        inner = entry.get("resource")
        new = self.resource(inner) if isinstance(inner, dict) and "resourceType" in inner else None
        if new is None:
            return None
        out: Content = {}
        if url := self.ids.reference(str(entry.get("fullUrl", ""))):
            out["fullUrl"] = url
        out["resource"] = new
        request = entry.get("request")
        if isinstance(request, dict) and CODE.fullmatch(str(request.get("method", ""))):
            target = str(request.get("url", ""))
            url = target if target in self.policy.resources else self.ids.reference(target)
            out["request"] = {"method": request["method"], "url": url or new["resourceType"]}
        return out

    def elements(self, content: Content, rules: Elements) -> Content:
        """Return the elements the policy names, each as it says."""
        out: Content = {}
        for name, value in content.items():
            if (rule := rules.get(name)) is None:
                if name != "resourceType":
                    self.told.actions["remove"] += 1
                continue
            new = self._value(value, rule)
            if new not in (None, "", [], {}):
                out[name] = new
            self.told.actions[rule.action or "type"] += 1
        return out

    def of_type(self, value: Content, kind: str) -> Content:
        """Return the elements of a value of a data type."""
        return self.elements(value, self.policy.types[kind])

    def _value(self, value: Any, rule: Rule) -> Any:
        if isinstance(value, list) and rule.action not in ("pseudonym", "person"):
            new = [self._value(one, rule) for one in value]
            return [one for one in new if one not in (None, "", [], {})]
        if simple := ACTIONS.get(rule.action):
            return simple(value, self.where)
        if not isinstance(value, dict):
            return None
        special = _INNER.get(rule.action or rule.type)
        return special(value, self) if special else self.of_type(value, rule.type)


# Values with elements of their own, and more to them than those.


def _extension(value: Content, walk: _Walk) -> Content | None:
    url = str(value.get("url", ""))
    if url not in walk.policy.extensions:
        return None
    inside = walk.elements(value, _EXTENDED)
    return {"url": url, **inside} if inside else None


def _contained(value: Content, walk: _Walk) -> Content | None:
    return walk.resource(value) if "resourceType" in value else None


def _uid_identifier(value: Content, walk: _Walk) -> Content:
    """Map an identifier that is a UID as DICOM maps it, so that both still line up."""
    text = str(value.get("value", ""))
    out = walk.of_type(value, "Identifier")
    if text.startswith("urn:oid:"):
        out["value"] = "urn:oid:" + walk.where.person.subject.uid(text.removeprefix("urn:oid:"))
    elif text.startswith(UUID):
        out["value"] = UUID + walk.ids.uuid(text)
    return out


def _coding(value: Content, walk: _Walk) -> Content:
    out = walk.of_type(value, "Coding")
    system, code = str(value.get("system", "")), str(value.get("code", ""))
    if code and not code_of(system, code):
        out.pop("code", None)
        out.pop("system", None)
    elif code and not walk.where.person.known.found(code):
        out["code"] = code
    return out


def _reference(value: Content, walk: _Walk) -> Content:
    """Return a reference without its display; one that was nothing else says so."""
    return walk.of_type(value, "Reference") or {"display": REMOVED}


def _narrative(value: Content, walk: _Walk) -> Content:
    text = html.unescape(_TAGS.sub("", _BLOCKS.sub("\n", str(value.get("div", "")))))
    paragraphs = "".join(
        f"<p>{html.escape(line, quote=False)}</p>"
        for line in walk.where.person.prose(text).splitlines()
        if line.strip()
    )
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs or REMOVED}</div>'
    return {"status": "generated", "div": div}


def _attachment(value: Content, walk: _Walk) -> Content:
    """Clean an attachment that is plain text; the content of any other is removed."""
    out = walk.of_type(value, "Attachment")
    kind = str(value.get("contentType", "")).partition(";")[0].strip().lower()
    if kind in ("text/plain", "text/markdown") and "data" in value:
        try:
            text = base64.b64decode(str(value["data"]), validate=False).decode("utf-8")
        except (binascii.Error, ValueError):
            return out
        out["data"] = base64.b64encode(walk.where.person.prose(text).encode()).decode()
    elif "data" in value or "url" in value:
        out["title"] = REMOVED
    return out


_INNER: Final[Mapping[str, Callable[[Content, _Walk], Content | None]]] = {
    "extension": _extension,
    "contained": _contained,
    "uid_identifier": _uid_identifier,
    "Coding": _coding,
    "Reference": _reference,
    "Narrative": _narrative,
    "Attachment": _attachment,
}
"""By the action or data type of the policy; other types are their elements and no more."""
