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
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput
from suwen.privacy import moments
from suwen.privacy.fhir_policy import Elements, Rule, code_of, policy, public
from suwen.privacy.fhir_reading import Resource, each, encode, objects, read
from suwen.privacy.person import REMOVED, Cast, Person, personal

PSEUDONYM: Final = f"{SUWEN}/pseudonym"
"""System of the identifier a de-identified Patient carries."""
SMALL_ZIP3: Final = frozenset(
    "036 059 063 102 203 205 369 556 692 753 772 821 823 878 879 884 893".split()  # noqa: SIM905
)
"""Three-digit ZIP areas of 20,000 people or fewer (Census 2010): given as 000."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,39}")
_MIME = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+(?:;\s*charset=[A-Za-z0-9-]+)?")
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d+)?")
_SAMPLES = re.compile(r"[0-9EUL .eE+-]*")
_UNIT = re.compile(r"[^\s\d][^\s]{0,19}|\{?[A-Za-z ./%]{1,24}\}?|%|1|10\*\d{1,2}/.{1,3}")
_STATE = re.compile(r"[A-Za-z\u4e00-\u9fff .-]{2,30}")
_LINK = re.compile(r"[A-Za-z0-9./_-]{1,24}")
_TAGS = re.compile(r"<[^>]*>")
_BLOCKS = re.compile(r"(?i)<(?:br|/p|/li|/tr|/h\d|/div)\b[^>]*>")
_SUBJECTS: Final = ("subject", "patient", "beneficiary", "for", "individual")
_UUID = "urn:uuid:"
_OWN_SEARCH = re.compile(r"([A-Z][A-Za-z]+)\?identifier=([^|]*)\|(.+)")
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")


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
    told = told if told is not None else Told()
    resources = read(data)
    work = _Work(cast, told, dict(_patients(resources)))
    kept = [new for one in resources if (new := work.resource(one)) is not None]
    if not kept:
        raise BadInput(
            "only resources the policy does not know", "a resource type of fhir_policy.toml"
        )
    return "\n".join(encode(one) for one in kept).encode() + b"\n"


def _patients(resources: list[Resource]) -> Iterator[tuple[str, str]]:
    """Yield the ways a Patient of these resources is referred to, with its key (its id)."""
    for resource, url in each(resources):
        if resource.get("resourceType") == "Patient":
            key = str(resource.get("id") or url.removeprefix(_UUID))
            yield key, key
            if url:
                yield url.removeprefix(_UUID).rpartition("/")[2], key


class _Work:
    """The de-identification of the resources of one file.

    Parameters
    ----------
    patients
        Id or UUID of each Patient of the file, and its key.
    """

    def __init__(self, cast: Cast, told: Told, patients: dict[str, str]) -> None:
        self.cast, self.told, self.patients = cast, told, patients
        self.policy = policy()
        self.person = cast.common
        self.actions: dict[str, Callable[[Any], Any]] = {
            name.removeprefix("_do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    def resource(self, resource: Resource) -> Resource | None:
        """Return a resource without identity; None when its type is not known."""
        kind = str(resource["resourceType"])
        if kind not in self.policy.resources:
            self.told.left_out[kind if kind.isalpha() else "?"] += 1
            return None
        outer = self.person
        self.person = self._person(resource) or (outer if outer else self.cast.common)
        try:
            out = {"resourceType": kind, **self.elements(resource, self.policy.resources[kind])}
            if kind == "Bundle":
                entries = [self._entry(one) for one in objects(resource.get("entry"))]
                out["entry"] = [one for one in entries if one]
                out.pop("total", None)
            return out
        finally:
            self.person = outer

    def _person(self, resource: Resource) -> Person | None:
        """Return whom a resource is about, None when it does not say."""
        if resource["resourceType"] == "Patient":
            return self.cast.of(str(resource.get("id", "")))
        for name in _SUBJECTS:
            target = resource.get(name)
            text = str(target.get("reference", "")) if isinstance(target, dict) else ""
            if key := self._patient_key(text):
                return self.cast.of(key)
        return None

    def _patient_key(self, reference: str) -> str:
        if reference.startswith(_UUID):
            return self.patients.get(reference.removeprefix(_UUID), "")
        match = _REFERENCE.fullmatch(reference)
        return match[2] if match and match[1] == "Patient" else ""

    def _entry(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        inner = entry.get("resource")
        new = self.resource(inner) if isinstance(inner, dict) and "resourceType" in inner else None
        if new is None:
            return None
        out: dict[str, Any] = {}
        if url := self._mapped(str(entry.get("fullUrl", ""))):
            out["fullUrl"] = url
        out["resource"] = new
        request = entry.get("request")
        if isinstance(request, dict) and _CODE.fullmatch(str(request.get("method", ""))):
            target = str(request.get("url", ""))
            url = target if target in self.policy.resources else self._mapped(target)
            out["request"] = {"method": request["method"], "url": url or new["resourceType"]}
        return out

    def elements(self, content: dict[str, Any], rules: Elements) -> dict[str, Any]:
        """Return the elements the policy names, each as it says."""
        out: dict[str, Any] = {}
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

    def _value(self, value: Any, rule: Rule) -> Any:
        if isinstance(value, list) and rule.action not in ("pseudonym", "person"):
            new = [self._value(one, rule) for one in value]
            return [one for one in new if one not in (None, "", [], {})]
        if rule.action:
            return self.actions[rule.action](value)
        if not isinstance(value, dict):
            return None
        special = getattr(self, f"_{rule.type.lower()}", None)
        return special(value) if special else self.elements(value, self.policy.types[rule.type])

    # Actions on primitive values.

    def _do_keep(self, value: Any) -> Any:
        return value if isinstance(value, bool | int | float | Decimal) else None

    def _do_code(self, value: Any) -> str | None:
        return self._shaped(value, _CODE)

    def _do_coded(self, value: Any) -> Any:
        return self._do_code(value)

    def _do_unit(self, value: Any) -> str | None:
        return self._shaped(value, _UNIT)

    def _do_text(self, value: Any) -> str:
        return self.person.prose(str(value))

    def _do_shift(self, value: Any) -> str | None:
        return moments.iso(str(value), self.person.subject.shift)

    def _do_birth(self, value: Any) -> str | None:
        return moments.birth_year(str(value), self.person.subject.shift)

    def _do_id(self, value: Any) -> str:
        return self._new_id(str(value))

    def _do_url(self, value: Any) -> str | None:
        return str(value) if public(str(value)) else None

    def _do_token(self, value: Any) -> str:
        return self.cast.common.subject.token("id", str(value))

    def _do_uid(self, value: Any) -> str:
        text = str(value)
        oid = text.removeprefix("urn:oid:")
        return text[: len(text) - len(oid)] + self.person.subject.uid(oid)

    def _do_uid_identifier(self, value: Any) -> dict[str, Any] | None:
        """Map an identifier that is a UID as DICOM maps it, so that both still line up."""
        if not isinstance(value, dict):
            return None
        text = str(value.get("value", ""))
        out = self._identifier(value)
        if text.startswith("urn:oid:"):
            out["value"] = "urn:oid:" + self.person.subject.uid(text.removeprefix("urn:oid:"))
        elif text.startswith(_UUID):
            out["value"] = _UUID + self._new_uuid(text)
        return out

    def _do_zip(self, value: Any) -> str | None:
        match = re.fullmatch(r"(\d{3})\d{2}(?:-?\d{4})?", str(value).strip())
        return match and ("000" if match[1] in SMALL_ZIP3 else match[1])

    def _do_state(self, value: Any) -> str | None:
        return self._shaped(value, _STATE)

    def _do_time(self, value: Any) -> str | None:
        return self._shaped(value, _TIME)

    def _do_mime(self, value: Any) -> str | None:
        return self._shaped(value, _MIME)

    def _do_samples(self, value: Any) -> str | None:
        return self._shaped(value, _SAMPLES)

    def _do_linkid(self, value: Any) -> str:
        return self._shaped(value, _LINK) or self.cast.common.subject.token("link", str(value))

    def _shaped(self, value: Any, shape: re.Pattern[str]) -> str | None:
        text = str(value)
        fits = shape.fullmatch(text) and not personal(text)
        return text if fits and not self.person.known.found(text) else None

    def _do_person(self, value: Any) -> list[dict[str, Any]]:
        return [{"use": "anonymous", "family": self.person.subject.pseudonym}]

    def _do_pseudonym(self, value: Any) -> list[dict[str, Any]]:
        return [{"system": PSEUDONYM, "value": self.person.subject.pseudonym}]

    def _do_place(self, value: Any) -> Any:
        """Name staff and organisations by a token; `name` is a text or a HumanName."""
        token = f"N-{self.cast.common.subject.token('name', encode(value))[:8].upper()}"
        return {"family": token} if isinstance(value, dict) else token

    def _do_reference(self, value: Any) -> str | None:
        return self._mapped(str(value)) or None

    def _do_extension(self, value: Any) -> dict[str, Any] | None:
        url = str(value.get("url", "")) if isinstance(value, dict) else ""
        if url not in self.policy.extensions:
            return None
        kinds = {
            "valueString": "text",
            "valueCode": "code",
            "valueBoolean": "keep",
            "valueDecimal": "keep",
            "extension": "extension",
        }
        rules = {name: Rule(action=action) for name, action in kinds.items()}
        rules["valueCoding"] = Rule(type="Coding")
        inside = self.elements(value, rules)
        return {"url": url, **inside} if inside else None

    def _do_contained(self, value: Any) -> Resource | None:
        return self.resource(value) if isinstance(value, dict) and "resourceType" in value else None

    def _do_data(self, value: Any) -> None:
        """Attachments have a function of their own; bare data are removed."""
        return None

    # Data types with more to them than their elements.

    def _coding(self, value: dict[str, Any]) -> dict[str, Any]:
        out = self.elements(value, self.policy.types["Coding"])
        system, code = str(value.get("system", "")), str(value.get("code", ""))
        if code and not code_of(system, code):
            out.pop("code", None)
            out.pop("system", None)
        elif code and not self.person.known.found(code):
            out["code"] = code
        return out

    def _reference(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a reference without its display; one that was nothing else says so."""
        return self.elements(value, self.policy.types["Reference"]) or {"display": REMOVED}

    def _identifier(self, value: dict[str, Any]) -> dict[str, Any]:
        return self.elements(value, self.policy.types["Identifier"])

    def _narrative(self, value: dict[str, Any]) -> dict[str, Any]:
        text = html.unescape(_TAGS.sub("", _BLOCKS.sub("\n", str(value.get("div", "")))))
        paragraphs = "".join(
            f"<p>{html.escape(line, quote=False)}</p>"
            for line in self.person.prose(text).splitlines()
            if line.strip()
        )
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs or REMOVED}</div>'
        return {"status": "generated", "div": div}

    def _attachment(self, value: dict[str, Any]) -> dict[str, Any]:
        """Clean an attachment that is plain text; the content of any other is removed."""
        out = self.elements(value, self.policy.types["Attachment"])
        kind = str(value.get("contentType", "")).partition(";")[0].strip().lower()
        if kind in ("text/plain", "text/markdown") and "data" in value:
            try:
                text = base64.b64decode(str(value["data"]), validate=False).decode("utf-8")
            except (binascii.Error, ValueError):
                return out
            out["data"] = base64.b64encode(self.person.prose(text).encode()).decode()
        elif "data" in value or "url" in value:
            out["title"] = REMOVED
        return out

    # Ids.

    def _new_id(self, old: str) -> str:
        if old in self.patients:
            return self.cast.of(self.patients[old]).subject.pseudonym
        return self.cast.common.subject.token("fhir id", old)

    def _new_uuid(self, old: str) -> str:
        number = int(self.cast.common.subject.uid(old.removeprefix(_UUID)).rpartition(".")[2])
        return str(uuid.UUID(int=number))

    def _mapped(self, reference: str) -> str:
        """Return where a reference leads to among the new ids, empty when it leads nowhere."""
        if reference.startswith(_UUID):
            return _UUID + self._new_uuid(reference)
        if reference.startswith("#"):
            return "#" + self._new_id(reference[1:]) if len(reference) > 1 else "#"
        if match := _OWN_SEARCH.fullmatch(reference):
            kind, system, value = match.groups()
            return f"{kind}?identifier={system if public(system) else ''}|{self._do_token(value)}"
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            return ""
        kind, old = match.groups()
        if kind == "Patient":
            return f"Patient/{self.cast.of(old).subject.pseudonym}"
        return f"{kind}/{self.cast.common.subject.token('fhir id', old)}"
