"""The path policy of FHIR resources, compiled from `knowledge/fhir_policy.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from suwen.core.errors import BadInput
from suwen.privacy.dicom.profile import KNOWLEDGE

Elements = Mapping[str, "Rule"]


@dataclass(frozen=True)
class Rule:
    """What happens to one element: an action, or the elements it consists of.

    Parameters
    ----------
    action
        A lower-case word of the policy; empty where `type` says what is inside.
    type
        Name of a data type or backbone element of the policy.
    """

    action: str = ""
    type: str = ""


@dataclass(frozen=True)
class Policy:
    """The whole policy.

    Parameters
    ----------
    resources, types
        Elements by resource type and by data type.
    extensions
        URLs of the extensions that stay.
    """

    resources: Mapping[str, Elements]
    types: Mapping[str, Elements]
    extensions: frozenset[str]


@lru_cache(maxsize=1)
def policy() -> Policy:
    """Return the shipped policy."""
    content = tomllib.loads((KNOWLEDGE / "fhir_policy.toml").read_text(encoding="utf-8"))
    types: dict[str, Elements] = {}
    for name, table in content["type"].items():
        types[name] = _elements(table, name, types)
    every = _elements(content["every"], "every", types)
    resources = {
        name: {**every, **_elements(table, name, types)}
        for name, table in content["resource"].items()
    }
    missing = {
        rule.type
        for table in (*resources.values(), *types.values())
        for rule in table.values()
        if rule.type and rule.type not in types and rule.type not in BUILT_IN
    }
    if missing:
        raise BadInput(f"the FHIR policy names unknown types: {', '.join(sorted(missing))}")
    return Policy(resources, types, frozenset(content["extension"]))


BUILT_IN = frozenset(("Coding", "Identifier", "Reference", "Attachment", "Narrative"))
"""Types with a function of their own, beside their table."""


def _elements(table: Mapping[str, str], name: str, types: dict[str, Elements]) -> Elements:
    out: dict[str, Rule] = {}
    for key, value in table.items():
        if key.startswith("{"):
            element = key.strip("{}")
            out[element] = Rule(type=_backbone(value, f"{name}.{element}", types))
        else:
            out.update({element: _rule(key) for element in value.split()})
    return out


def _rule(key: str) -> Rule:
    return Rule(type=key) if key[0].isupper() else Rule(action=key)


def _backbone(text: str, name: str, types: dict[str, Elements]) -> str:
    """Register the elements of a backbone element and return their name."""
    if "=" not in text:
        return text
    out: dict[str, Rule] = {}
    for part in text.split():
        key, _, names = part.partition("=")
        if key.startswith("{"):
            out[key.strip("{}")] = Rule(type=names)
        else:
            out.update({element: _rule(key) for element in names.split(",")})
    types[name] = out
    return name


@lru_cache(maxsize=1)
def _systems() -> dict[str, Any]:
    return tomllib.loads((KNOWLEDGE / "code_systems.toml").read_text(encoding="utf-8"))


def public(url: str) -> bool:
    """Say whether a URI belongs to a public definition or code system."""
    content = _systems()
    hl7 = any(url.startswith(prefix) for prefix in content["hl7"])
    return url in content["system"] or (
        hl7 and re.fullmatch(r"[A-Za-z0-9:/._#|-]+", url) is not None
    )


def code_of(system: str, code: str) -> bool:
    """Say whether a code has the shape of a code of its public system."""
    content = _systems()
    shape = content["system"].get(system) or (content["hl7_code"] if public(system) else "")
    if not shape or re.fullmatch(shape, code) is None:
        return False
    return system != "http://snomed.info/sct" or verhoeff(code)


def verhoeff(digits: str) -> bool:
    """Say whether a number ends in its Verhoeff check digit (SNOMED CT TIG, 5.5)."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = _times(check, _turned(int(digit), position % 8))
    return check == 0


def _times(a: int, b: int) -> int:
    """Multiply in the dihedral group of order 10."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def _turned(digit: int, times: int) -> int:
    for _ in range(times):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit
