"""Drafting: resources checked and given the store's own ids, ready to be compared and sealed.

Ids from outside may name a patient and may meet the same id from elsewhere, so each becomes the
store's own: a keyed hash of patient, type and given id, the same every time. References between the
resources of a patient are rewritten alike; the given id stays in the sealed content
(`meta.extension`, url https://suwen.health/fhir/source-id). Everything put for a patient is about
that patient: its Patient resource and all `Patient/...` references carry the patient's own id.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput
from suwen.core.nouns import Finding, Report, digest_of
from suwen.records.documents import NOUNS, document, given_id
from suwen.records.fhir.door import Problem, validate
from suwen.records.keys import Secrets

SOURCE_ID = f"{SUWEN}/source-id"
SHOWN_PROBLEMS = 5

_REFERENCE = re.compile(r'"reference":"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/\d+)?"')
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_MARKED = re.compile(r'"\\u0000([-+0-9.eE]+)\\u0000"')


def _number(value: object) -> str:
    """Mark a Decimal for `_text`, which writes its digits as they are.

    FHIR strings hold no control characters, so no text can look like a marked number.
    """
    if isinstance(value, Decimal) and math.isfinite(float(value)):
        return f"\0{value}\0"
    raise TypeError


_encode = json.JSONEncoder(
    sort_keys=True,
    separators=(",", ":"),
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,  # A circle ends in a RecursionError; noting every object takes a fifth.
    default=_number,
).encode


@dataclass
class Draft:
    """A resource ready to be compared and sealed."""

    type: str
    id: str
    content: dict[str, Any]
    data: bytes
    digest: str


def drafts(
    resources: Sequence[dict[str, Any] | Finding | Report], patient: str, secrets: Secrets
) -> list[Draft]:
    """Check resources and give them their own ids.

    Raises
    ------
    BadInput
        One is not valid FHIR R4 (or not the Suwen noun it claims to be), or they name more than
        one patient. Names the place in the list and the element, never a value.
    """
    plain = [document(item) if isinstance(item, Finding | Report) else item for item in resources]
    _check_types(plain)
    renaming = _Renaming(patient, secrets)
    named = [renaming.named(item) for item in plain]
    _check(named)
    _one_patient(plain, secrets)
    return [renaming.draft(item) for item in named]


def _check_types(resources: Sequence[dict[str, Any]]) -> None:
    for place, item in enumerate(resources):
        kind = item.get("resourceType") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            raise BadInput(
                f"resource {place} has no resourceType", "a FHIR R4 resource", "correct it"
            )


@dataclass
class _Named:
    """A resource as given, and its content and JSON under the store's own id.

    `content` and `text` are None where the id is given only after validation.
    """

    given: dict[str, Any]
    own: str = ""
    content: dict[str, Any] | None = None
    text: str | None = None

    @property
    def type(self) -> str:
        return str(self.given["resourceType"])


def _check(resources: Sequence[_Named]) -> None:
    fhir = [(place, item) for place, item in enumerate(resources) if item.type not in NOUNS]
    found = validate([item.given for _, item in fhir], [item.text for _, item in fhir])
    for (place, item), problems in zip(fhir, found, strict=True):
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            shown = "; ".join(_shown(problem) for problem in errors[:SHOWN_PROBLEMS])
            raise BadInput(
                f"resource {place} ({item.type}) is not valid: {shown}"
                + (f" and {len(errors) - SHOWN_PROBLEMS} more" * (len(errors) > SHOWN_PROBLEMS)),
                "FHIR R4",
                "correct it at its source, or leave it out",
            )


def _shown(problem: Problem) -> str:
    if problem.message.startswith("unknown element"):  # Its name could be anything.
        return f"{problem.path.rpartition('.')[0]}: an unknown element"
    return f"{problem.path}: {problem.message}"


def _one_patient(resources: Iterable[dict[str, Any]], secrets: Secrets) -> None:
    named: set[str] = set()
    for item in resources:
        if item["resourceType"] == "Patient":
            named.add(str(item.get("id", "")))
        for element in ("subject", "patient"):
            value = item.get(element)
            reference = value.get("reference") if isinstance(value, dict) else None
            if isinstance(reference, str) and reference.startswith("Patient/"):
                named.add(reference.split("/")[1])
    foreign = {name for name in named if name and not secrets.is_own(name)}
    if len(foreign) > 1:
        raise BadInput(
            f"the resources name {len(foreign)} different patients",
            "resources about one patient",
            "sort them by patient and put each patient's own",
        )


class _Renaming:
    """Rewrites ids and references of one put."""

    def __init__(self, patient: str, secrets: Secrets) -> None:
        self._patient = patient
        self._secrets = secrets
        self._known: dict[tuple[str, str], str] = {}

    def named(self, item: dict[str, Any]) -> _Named:
        """Give a resource its own id and write its JSON, once for validation and for storing.

        That is done only where it can hide nothing from validation: an id in the form of FHIR
        becomes another in that form, and `meta` gets one more extension.
        """
        kind, given = item["resourceType"], item.get("id")
        if kind in NOUNS or type(given) is not str or not _ID.fullmatch(given):
            return _Named(item)
        if not _may_extend(item):
            return _Named(item)
        own = self._own(kind, given)
        content = item if own == given else _renamed(item, own)
        try:
            return _Named(item, own, content, _text(content))
        except BadInput:  # Validation says where, or `draft` says it again.
            return _Named(item)

    def draft(self, item: _Named) -> Draft:
        """Return a checked resource, ready to be stored."""
        if item.content is not None and item.text is not None:
            return self._finished(item.type, item.own, item.content, item.text)
        kind, content = item.type, item.given
        if kind in NOUNS:
            own = self._own(kind, given_id(content))
        elif (given := content.get("id")) is None:
            body = digest_of(self._rewritten(_text(content)).encode())
            own = self._own(kind, f"content|{body}")
            content = content | {"id": own}
        else:
            own = self._own(kind, str(given))
            content = content if own == given else _renamed(content, own)
        return self._finished(kind, own, content, _text(content))

    def _own(self, kind: str, given: str) -> str:
        if kind == "Patient":
            return self._patient
        own = self._known.get((kind, given))
        if own is None:
            own = self._secrets.local_id(self._patient, kind, given)
            self._known[kind, given] = own
        return own

    def _finished(self, kind: str, own: str, content: dict[str, Any], text: str) -> Draft:
        if kind not in NOUNS and (rewritten := self._rewritten(text)) != text:
            text, content = rewritten, json.loads(rewritten)
        data = text.encode()
        return Draft(kind, own, content, data, self._secrets.content_digest(data))

    def _rewritten(self, text: str) -> str:
        return _REFERENCE.sub(self._reference, text)

    def _reference(self, match: re.Match[str]) -> str:
        kind, given, history = match.groups()
        return f'"reference":"{kind}/{self._own(kind, given)}{history or ""}"'


def _text(content: dict[str, Any]) -> str:
    try:
        text = _encode(content)
        return _MARKED.sub(r"\1", text) if '"\\u0000' in text else text
    except (TypeError, ValueError, RecursionError):
        raise BadInput(
            f"a {content['resourceType']} is not plain JSON", "finite numbers, text", "correct it"
        ) from None


def _may_extend(item: dict[str, Any]) -> bool:
    """Say whether `meta` is absent, or of a form that one more extension leaves as right as it is.

    Adding to an empty object or list would hide that it was empty.
    """
    if "meta" not in item:
        return True
    meta = item["meta"]
    if type(meta) is not dict or not meta:
        return False
    extensions = meta.get("extension")
    return "extension" not in meta or (type(extensions) is list and bool(extensions))


def _renamed(item: dict[str, Any], own: str) -> dict[str, Any]:
    meta = item.get("meta") or {}
    extension = {"url": SOURCE_ID, "valueString": item["id"]}
    return item | {
        "id": own,
        "meta": meta | {"extension": [*(meta.get("extension") or ()), extension]},
    }
