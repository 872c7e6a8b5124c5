"""What becomes of single FHIR values: one function for each action of the path policy.

The lower-case words of `knowledge/fhir_policy.toml` are the keys of `ACTIONS`. A function gets the
value as it was read and where it stands, and returns what may stay: None or empty for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from suwen.core.codes import SUWEN
from suwen.privacy import moments
from suwen.privacy.fhir.ids import Ids
from suwen.privacy.fhir.policy import public
from suwen.privacy.fhir.reading import encode
from suwen.privacy.subjects.person import Person, personal
from suwen.privacy.words.postal import zip3

PSEUDONYM: Final = f"{SUWEN}/pseudonym"
"""System of the identifier a de-identified Patient carries."""
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,39}")
_MIME = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+(?:;\s*charset=[A-Za-z0-9-]+)?")
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d+)?")
_SAMPLES = re.compile(r"[0-9EUL .eE+-]*")
_UNIT = re.compile(r"[^\s\d][^\s]{0,19}|\{?[A-Za-z ./%]{1,24}\}?|%|1|10\*\d{1,2}/.{1,3}")
_STATE = re.compile(r"[A-Za-z\u4e00-\u9fff .-]{2,30}")
_LINK = re.compile(r"[A-Za-z0-9./_-]{1,24}")


@dataclass(frozen=True)
class Where:
    """Where a value stands: in a resource about a person, in a file with these ids."""

    person: Person
    ids: Ids


Action = Callable[[Any, Where], Any]


def _keep(value: Any, where: Where) -> Any:
    return value if isinstance(value, bool | int | float | Decimal) else None


def _text(value: Any, where: Where) -> str:
    return where.person.prose(str(value))


def _shift(value: Any, where: Where) -> str | None:
    return moments.iso(str(value), where.person.subject.shift)


def _birth(value: Any, where: Where) -> str | None:
    return moments.birth_year(str(value), where.person.subject.shift)


def _id(value: Any, where: Where) -> str:
    return where.ids.id(str(value))


def _url(value: Any, where: Where) -> str | None:
    return str(value) if public(str(value)) else None


def _token(value: Any, where: Where) -> str:
    return where.ids.token(str(value))


def _uid(value: Any, where: Where) -> str:
    text = str(value)
    oid = text.removeprefix("urn:oid:")
    return text[: len(text) - len(oid)] + where.person.subject.uid(oid)


def _zip(value: Any, where: Where) -> str:
    return zip3(str(value))


def _person(value: Any, where: Where) -> list[dict[str, Any]]:
    return [{"use": "anonymous", "family": where.person.subject.pseudonym}]


def _pseudonym(value: Any, where: Where) -> list[dict[str, Any]]:
    return [{"system": PSEUDONYM, "value": where.person.subject.pseudonym}]


def _place(value: Any, where: Where) -> Any:
    """Name staff and organisations by a token; `name` is a text or a HumanName."""
    token = f"N-{where.ids.cast.common.subject.token('name', encode(value))[:8].upper()}"
    return {"family": token} if isinstance(value, dict) else token


def _reference(value: Any, where: Where) -> str | None:
    return where.ids.reference(str(value)) or None


def _link(value: Any, where: Where) -> str:
    kept = shaped(value, where, _LINK)
    return kept or where.ids.cast.common.subject.token("link", str(value))


def _nothing(value: Any, where: Where) -> None:
    """Attachments have a function of their own; bare data are removed."""
    return None


def shaped(value: Any, where: Where, shape: re.Pattern[str]) -> str | None:
    """Return a value of the right shape that is known to identify nobody, else None."""
    text = str(value)
    fits = shape.fullmatch(text) and not personal(text)
    return text if fits and not where.person.known.found(text) else None


def _like(shape: re.Pattern[str]) -> Action:
    return lambda value, where: shaped(value, where, shape)


ACTIONS: Final[Mapping[str, Action]] = {
    "keep": _keep,
    "code": _like(CODE),
    "coded": _like(CODE),
    "unit": _like(_UNIT),
    "state": _like(_STATE),
    "time": _like(_TIME),
    "mime": _like(_MIME),
    "samples": _like(_SAMPLES),
    "linkid": _link,
    "text": _text,
    "shift": _shift,
    "birth": _birth,
    "id": _id,
    "url": _url,
    "token": _token,
    "uid": _uid,
    "zip": _zip,
    "person": _person,
    "pseudonym": _pseudonym,
    "place": _place,
    "reference": _reference,
    "data": _nothing,
}
"""By the word of the policy; `extension`, `contained` and `uid_identifier` need the walk."""
