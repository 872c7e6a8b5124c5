"""Drafting: resources checked and given the store's own ids, ready to be compared and sealed.

Ids from outside may name a patient and may meet the same id from elsewhere, so each becomes the
store's own: a keyed hash of patient, type and given id, the same every time. References between the
resources of a patient are rewritten alike; the given id stays in the sealed content
(`meta.extension`, url https://suwen.health/fhir/source-id). Everything put for a patient is about
that patient: its Patient resource and all `Patient/...` references carry the patient's own id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput
from suwen.core.nouns import Finding, Report, digest_of
from suwen.records.documents import NOUNS, document, given_id
from suwen.records.fhir import Problem, validate
from suwen.records.keys import Secrets

SOURCE_ID = f"{SUWEN}/source-id"
SHOWN_PROBLEMS = 5

_REFERENCE = re.compile(r'"reference":"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/\d+)?"')
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_MARKED = re.compile(r'"\\u0000([-+0-9.eE]+)\\u0000"')


def _number(value: object) -> str:
    """Mark a Decimal for `_text`, which writes its digits as they are.

    FHIR strings hold no control characters, so no text can look like a marked number.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return f"\0{value}\0"
    raise TypeError


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_number
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
    _check(plain)
    _one_patient(plain, secrets)
    return _Renaming(patient, secrets).drafts(plain)


def _check(resources: Sequence[dict[str, Any]]) -> None:
    for place, item in enumerate(resources):
        kind = item.get("resourceType") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            raise BadInput(
                f"resource {place} has no resourceType", "a FHIR R4 resource", "correct it"
            )
    fhir = [place for place, item in enumerate(resources) if item["resourceType"] not in NOUNS]
    for place, problems in zip(fhir, validate([resources[p] for p in fhir]), strict=True):
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            kind = resources[place]["resourceType"]
            shown = "; ".join(_shown(problem) for problem in errors[:SHOWN_PROBLEMS])
            raise BadInput(
                f"resource {place} ({kind}) is not valid: {shown}"
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

    def drafts(self, resources: Iterable[dict[str, Any]]) -> list[Draft]:
        return [self._draft(item) for item in resources]

    def _draft(self, item: dict[str, Any]) -> Draft:
        kind = item["resourceType"]
        if kind in NOUNS:
            return self._finished(kind, self._own(kind, given_id(item)), item)
        given = item.get("id")
        if given is None:
            text = self._rewritten(_text(item))
            body = digest_of(text.encode())
            own = self._patient if kind == "Patient" else self._own(kind, f"content|{body}")
            return self._finished(kind, own, item | {"id": own})
        own = self._own(kind, str(given))
        return self._finished(kind, own, item if own == given else _renamed(item, own))

    def _own(self, kind: str, given: str) -> str:
        if kind == "Patient":
            return self._patient
        own = self._known.get((kind, given))
        if own is None:
            own = self._secrets.local_id(self._patient, kind, given)
            self._known[kind, given] = own
        return own

    def _finished(self, kind: str, own: str, content: dict[str, Any]) -> Draft:
        text = _text(content)
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


def _renamed(item: dict[str, Any], own: str) -> dict[str, Any]:
    meta = item.get("meta") or {}
    extension = {"url": SOURCE_ID, "valueString": item["id"]}
    return item | {
        "id": own,
        "meta": meta | {"extension": [*(meta.get("extension") or ()), extension]},
    }
