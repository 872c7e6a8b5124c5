"""The checks of FHIR resources that are written as data, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as File
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

Path = tuple[str, ...]
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
"""The code system whose codes are the resource types, the abstract ones included."""


def _load(name: str) -> dict[str, Any]:
    file = File(__file__).parents[1] / "knowledge" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Rule:
    """One invariant; see `knowledge/invariants.toml` for the meaning of each field."""

    key: str
    on: str
    human: str
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    equals: Mapping[str, tuple[str, ...]] | None = None
    fhirpath: str = ""
    check: str = ""
    elements: tuple[str, ...] = ()
    limit: float = 0.0
    system: str = ""
    codes: tuple[str, ...] = ()
    severity: str = "error"
    recursive: bool = False
    quick: str = ""
    source: str = ""

    @property
    def type(self) -> str:
        """Resource type the rule is about."""
        return self.on.partition(".")[0]

    @property
    def path(self) -> Path:
        """Elements from the resource to the focus."""
        return tuple(self.on.split(".")[1:])


@dataclass(frozen=True)
class Concept:
    """A CodeableConcept bound to one system with a closed list of codes."""

    element: str
    system: str
    codes: frozenset[str]


@dataclass(frozen=True)
class TypeKnowledge:
    """Everything written about one resource type."""

    codes: tuple[tuple[Path, frozenset[str]], ...]
    concepts: tuple[Concept, ...]
    targets: tuple[tuple[Path, frozenset[str]], ...]
    canonicals: tuple[tuple[str, str], ...]
    absolute: tuple[Path, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Datatypes:
    """What holds for datatypes wherever they occur."""

    date_elements: frozenset[str]
    narrative_elements: frozenset[str]
    narrative_attributes: frozenset[str]
    anywhere: Mapping[str, frozenset[str]]
    systems: Mapping[str, frozenset[str]]
    extensions: Mapping[str, str]
    resource_types: frozenset[str]
    vital_units: Mapping[str, frozenset[str]]
    vital_profiles: Mapping[str, str]


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return every invariant, in the order of the file."""
    return TypeAdapter(tuple[Rule, ...]).validate_python(_load("invariants")["rule"])


@lru_cache(maxsize=1)
def datatypes() -> Datatypes:
    """Return what holds for datatypes."""
    data, bindings, vital = _load("datatypes"), _load("bindings"), _load("vital_signs")
    resource_types = frozenset(data["resources"]["types"].split())
    return Datatypes(
        frozenset(data["dates"]["elements"].split()),
        frozenset(data["narrative"]["elements"].split()),
        frozenset(data["narrative"]["attributes"].split()),
        {name: _codes(text, bindings["lists"]) for name, text in bindings["anywhere"].items()},
        {name: _codes(text, bindings["lists"]) for name, text in bindings["systems"].items()}
        | {RESOURCE_TYPES: resource_types | {"Resource", "DomainResource"}},
        data["extensions"],
        resource_types,
        {code: frozenset(units) for code, units in vital["units"].items()},
        vital["profiles"],
    )


def _codes(text: str, lists: Mapping[str, str]) -> frozenset[str]:
    return frozenset((lists[text[1:]] if text.startswith("@") else text).split())


@lru_cache(maxsize=1)
def by_type() -> Mapping[str, TypeKnowledge]:
    """Return what is written about each resource type."""
    bindings, references = _load("bindings"), _load("references")
    every = {rule.type for rule in rules()} | set(bindings["codes"])
    every |= {name.partition(".")[0] for name in (*bindings["concepts"], *references["targets"])}
    every |= {name.partition(".")[0] for name in references["canonicals"]}
    every |= {name.partition(".")[0] for name in references["absolute"]["elements"]}
    return {name: _of(name, bindings, references) for name in sorted(every)}


def _of(name: str, bindings: dict[str, Any], references: dict[str, Any]) -> TypeKnowledge:
    codes = bindings["codes"].get(name, {})
    targets = [
        ((*owner.split(".")[1:], element), frozenset(allowed))
        for owner, elements in references["targets"].items()
        if owner.partition(".")[0] == name
        for element, allowed in elements.items()
    ]
    concepts = [
        Concept(path.partition(".")[2], entry["system"], frozenset(entry["codes"].split()))
        for path, entry in bindings["concepts"].items()
        if path.partition(".")[0] == name
    ]
    canonicals = [
        (path.partition(".")[2], target)
        for path, target in references["canonicals"].items()
        if path.partition(".")[0] == name
    ]
    return TypeKnowledge(
        tuple((tuple(p.split(".")), _codes(t, bindings["lists"])) for p, t in codes.items()),
        tuple(concepts),
        tuple(targets),
        tuple(canonicals),
        tuple(
            tuple(path.split(".")[1:])
            for path in references["absolute"]["elements"]
            if path.partition(".")[0] == name
        ),
        tuple(rule for rule in rules() if rule.type == name),
    )
