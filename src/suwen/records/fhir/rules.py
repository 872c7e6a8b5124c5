"""Required codes, reference targets and invariants of resource types, interpreted from data.

What is written about a type becomes a list of functions once; a resource meets only those of the
elements it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from suwen.core.codes import LOINC, UCUM
from suwen.records.fhir.checks import Hit, Node, absolute
from suwen.records.fhir.invariants import Judge, judge
from suwen.records.fhir.knowledge import Concept, Path, by_type, datatypes
from suwen.records.fhir.paths import has, items, reach

_TYPE_IN_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/.+)?$")
_CANONICAL_TYPE = re.compile(r"/([A-Z][A-Za-z]+)/[^/]+$")


def check_type(resource: Node, text: str, hits: list[Hit]) -> None:
    """Add what is broken of the rules about the type of one resource.

    `text` is the JSON of the whole document.
    """
    for element, check in _judges(resource["resourceType"]):
        if not element or element in resource:
            check(resource, text, hits)


@lru_cache(maxsize=256)
def _judges(kind: str) -> tuple[tuple[str, Judge], ...]:
    """Return the checks of a type, each with the element without which it says nothing."""
    known = by_type().get(kind)
    if known is None:
        return ()
    vital: list[tuple[str, Judge]] = [("code", _vital_units), ("meta", _vital_profile)]
    return (
        *((path[0], _codes(path, codes)) for path, codes in known.codes),
        *((concept.element, _concept(concept)) for concept in known.concepts),
        *((path[0], _target(path, allowed)) for path, allowed in known.targets),
        *((element, _canonical(element, wanted)) for element, wanted in known.canonicals),
        *((path[0], _absolute(path)) for path in known.absolute),
        *(vital if kind == "Observation" else ()),
        *(judge(rule) for rule in known.rules),
    )


def _nodes(resource: Node, path: Path) -> Iterable[Node]:
    """Return the nodes that have the last element of `path`."""
    return reach(resource, path[:-1]) if len(path) > 1 else (resource,)


def _codes(path: Path, codes: frozenset[str]) -> Judge:
    name, message = path[-1], f"{path[-1]} is not one of its required codes"

    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        for node in _nodes(resource, path):
            for value in items(node.get(name)):
                if type(value) is str and value not in codes:
                    hits.append(Hit(node, name, "suwen-binding", message))

    return check


def _concept(concept: Concept) -> Judge:
    message = f"{concept.element} needs a code of its required value set"

    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        value = resource.get(concept.element)
        if type(value) is not dict:
            return
        codes = [
            coding.get("code")
            for coding in items(value.get("coding"))
            if type(coding) is dict and coding.get("system") == concept.system
        ]
        if not codes or any(code not in concept.codes for code in codes):
            hits.append(Hit(resource, concept.element, "suwen-binding", message))

    return check


def target_type(node: Node) -> str | None:
    """Return the resource type a Reference points to, when it can be told from it."""
    text = node.get("reference")
    if type(text) is str and "/" in text and (match := _TYPE_IN_REFERENCE.search(text)):
        return match.group(1)
    stated = node.get("type")
    return stated if type(stated) is str and not text else None


def _target(path: Path, allowed: frozenset[str]) -> Judge:
    name, listed = path[-1], ", ".join(sorted(allowed))

    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        for above in _nodes(resource, path):
            for node in items(above.get(name)):
                kind = target_type(node) if type(node) is dict else None
                if kind is not None and kind not in allowed:
                    message = f"{name} refers to a {kind}, allowed: {listed}"
                    hits.append(Hit(node, "reference", "suwen-target", message))

    return check


def _canonical(element: str, wanted: str) -> Judge:
    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        value = resource.get(element)
        match = _CANONICAL_TYPE.search(value) if type(value) is str else None
        if match and match.group(1) != wanted and match.group(1) in datatypes().resource_types:
            hits.append(Hit(resource, element, "suwen-target", f"{element} names no {wanted}"))

    return check


def _absolute(path: Path) -> Judge:
    name = path[-1]

    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        for node in _nodes(resource, path):
            value = node.get(name)
            if type(value) is str and not absolute(value):
                hits.append(Hit(node, name, "suwen-absolute", f"{name} is an absolute URI"))

    return check


def _vital_units(observation: Node, text: str, hits: list[Hit]) -> None:
    known = datatypes().vital_units
    for node in (observation, *items(observation.get("component"))):
        quantity = node.get("valueQuantity") if type(node) is dict else None
        if type(quantity) is not dict or quantity.get("system") != UCUM:
            continue
        concept = node.get("code")
        for coding in items(concept.get("coding")) if type(concept) is dict else ():
            if type(coding) is not dict or coding.get("system") != LOINC:
                continue
            units = known.get(str(coding.get("code")))
            if units and quantity.get("code") not in units:
                message = f"this vital sign is measured in {' or '.join(sorted(units))}"
                hits.append(Hit(node, "valueQuantity", "suwen-vital-unit", message))


def _vital_profile(observation: Node, text: str, hits: list[Hit]) -> None:
    """Check an Observation against the vital signs profile it claims in `meta.profile`."""
    claimed = [
        datatypes().vital_profiles.get(str(name).partition("|")[0])
        for name in items(observation["meta"].get("profile"))
    ]
    for code in filter(None, claimed):
        if not _has_coding(observation.get("code"), LOINC, code):
            message = f"the vital signs profile it claims requires LOINC {code}"
            hits.append(Hit(observation, "code", "suwen-vital-profile", message))
        categories = items(observation.get("category"))
        if not any(_has_coding(one, None, "vital-signs") for one in categories):
            message = "a vital signs profile requires the category vital-signs"
            hits.append(Hit(observation, "category", "suwen-vital-profile", message))
        for name in ("subject", "effective[x]"):
            if not has(observation, name):
                message = f"a vital signs profile requires {name}"
                hits.append(Hit(observation, "", "suwen-vital-profile", message))


def _has_coding(concept: object, system: str | None, code: str) -> bool:
    return type(concept) is dict and any(
        type(coding) is dict
        and coding.get("code") == code
        and system in (None, coding.get("system"))
        for coding in items(concept.get("coding"))
    )
