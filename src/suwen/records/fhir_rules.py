"""Invariants, required codes and reference targets of resource types, interpreted from data."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from suwen.core.codes import LOINC, UCUM
from suwen.records import fhir_dates
from suwen.records.fhir_checks import Hit, Node, absolute
from suwen.records.fhir_knowledge import Path, Rule, TypeKnowledge, by_type, datatypes

_TYPE_IN_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/.+)?$")
_CANONICAL_TYPE = re.compile(r"/([A-Z][A-Za-z]+)/[^/]+$")
_fhirpath_lock = Lock()
logger = logging.getLogger(__name__)


def items(value: Any) -> list[Any]:
    """Return a FHIR element's values: one, many or none."""
    if value is None:
        return []
    return value if type(value) is list else [value]


def reach(node: Node, path: Path, recursive: bool = False) -> Iterator[Node]:
    """Yield the nodes at `path`; `recursive` also follows an element nested in itself."""
    if not path:
        yield node
        return
    for child in items(node.get(path[0])):
        if type(child) is not dict:
            continue
        yield from reach(child, path[1:], recursive)
        if recursive:
            yield from reach(child, path, recursive)
            for answer in items(child.get("answer")):
                if type(answer) is dict:
                    yield from reach(answer, path, recursive)


def has(node: Node, name: str) -> bool:
    """Say whether the element is there; `value[x]` stands for every type of the choice."""
    if not name.endswith("[x]"):
        return name in node
    stem = name[:-3]
    return any(key.startswith(stem) and key[len(stem) :][:1].isupper() for key in node)


def check_type(resource: Node, text: str) -> Iterator[Hit]:
    """Yield what is broken of the rules about the type of one resource.

    `text` is the JSON of the whole document: a rule whose `quick` word is not in it is skipped.
    """
    known = by_type().get(resource["resourceType"])
    if known is None:
        return
    yield from _codes(resource, known)
    yield from _concepts(resource, known)
    yield from _targets(resource, known)
    yield from _absolute(resource, known)
    if resource["resourceType"] == "Observation":
        yield from _vital_units(resource)
        if "meta" in resource:
            yield from _vital_profile(resource)
    for rule in known.rules:
        if rule.quick and f'"{rule.quick}"' not in text:
            continue
        for node in reach(resource, rule.path, rule.recursive):
            if _applies(rule, node) and not _holds(rule, node, resource):
                yield Hit(node, "", rule.key, rule.human, rule.severity)


def _applies(rule: Rule, node: Node) -> bool:
    return (
        all(has(node, name) for name in rule.present)
        and not any(has(node, name) for name in rule.absent)
        and all(node.get(name) in values for name, values in (rule.equals or {}).items())
    )


def _holds(rule: Rule, node: Node, resource: Node) -> bool:
    if rule.check:
        return _CHECKS[rule.check](rule, node)
    expression = _compiled(rule.fhirpath)
    with _fhirpath_lock:
        try:
            result = expression(copy.deepcopy(node), rule.on, copy.deepcopy(resource))
        except Exception as error:  # noqa: BLE001 - the library raises it
            logger.warning("rule %s could not be evaluated: %s", rule.key, type(error).__name__)
            return True
    return bool(result) and all(value is True for value in result)


@lru_cache(maxsize=512)
def _compiled(expression: str) -> Callable[[Node, str, Node], list[Any]]:
    """Parse a FHIRPath once; the library is imported only when a rule first needs it."""
    from fhirpathpy import apply_parsed_path
    from fhirpathpy.engine.nodes import ResourceNode
    from fhirpathpy.models import models
    from fhirpathpy.parser import parse

    tree = parse(expression)
    model = models["r4"]

    def evaluate(node: Node, base: str, resource: Node) -> list[Any]:
        focus = node if "." not in base else ResourceNode.create_node(node, base)
        result = apply_parsed_path(focus, tree, {"resource": resource}, model)
        return list(result)

    return evaluate


def _codes(resource: Node, known: TypeKnowledge) -> Iterator[Hit]:
    for path, codes in known.codes:
        name = path[-1]
        nodes = (resource,) if len(path) == 1 else reach(resource, path[:-1])
        for node in nodes:
            for value in items(node.get(name)):
                if type(value) is str and value not in codes:
                    yield Hit(
                        node, name, "suwen-binding", f"{name} is not one of its required codes"
                    )


def _concepts(resource: Node, known: TypeKnowledge) -> Iterator[Hit]:
    for concept in known.concepts:
        value = resource.get(concept.element)
        if type(value) is not dict:
            continue
        codes = [
            coding.get("code")
            for coding in items(value.get("coding"))
            if type(coding) is dict and coding.get("system") == concept.system
        ]
        if not codes or any(code not in concept.codes for code in codes):
            yield Hit(
                resource,
                concept.element,
                "suwen-binding",
                f"{concept.element} needs a code of its required value set",
            )


def target_type(node: Node) -> str | None:
    """Return the resource type a Reference points to, when it can be told from it."""
    text = node.get("reference")
    if type(text) is str and (match := _TYPE_IN_REFERENCE.search(text)):
        return match.group(1)
    stated = node.get("type")
    return stated if type(stated) is str and not text else None


def _targets(resource: Node, known: TypeKnowledge) -> Iterator[Hit]:
    for path, allowed in known.targets:
        for node in reach(resource, path):
            kind = target_type(node)
            if kind is not None and kind not in allowed:
                yield Hit(
                    node,
                    "reference",
                    "suwen-target",
                    f"{path[-1]} refers to a {kind}, allowed: {', '.join(sorted(allowed))}",
                )
    for element, wanted in known.canonicals:
        value = resource.get(element)
        match = _CANONICAL_TYPE.search(value) if type(value) is str else None
        if match and match.group(1) != wanted and match.group(1) in datatypes().resource_types:
            yield Hit(resource, element, "suwen-target", f"{element} names no {wanted}")


def _absolute(resource: Node, known: TypeKnowledge) -> Iterator[Hit]:
    for path in known.absolute:
        for node in reach(resource, path[:-1]):
            value = node.get(path[-1])
            if type(value) is str and not absolute(value):
                yield Hit(node, path[-1], "suwen-absolute", f"{path[-1]} is an absolute URI")


def _vital_units(observation: Node) -> Iterator[Hit]:
    for node in (observation, *reach(observation, ("component",))):
        quantity, concept = node.get("valueQuantity"), node.get("code")
        if type(quantity) is not dict or type(concept) is not dict:
            continue
        if quantity.get("system") != UCUM:
            continue
        for coding in items(concept.get("coding")):
            if type(coding) is not dict or coding.get("system") != LOINC:
                continue
            units = datatypes().vital_units.get(str(coding.get("code")))
            if units and quantity.get("code") not in units:
                message = f"this vital sign is measured in {' or '.join(sorted(units))}"
                yield Hit(node, "valueQuantity", "suwen-vital-unit", message)


def _vital_profile(observation: Node) -> Iterator[Hit]:
    """Check an Observation against the vital signs profile it claims in `meta.profile`."""
    claimed = [
        datatypes().vital_profiles.get(str(name).partition("|")[0])
        for name in items(observation["meta"].get("profile"))
    ]
    for code in filter(None, claimed):
        if not _has_coding(observation.get("code"), LOINC, code):
            message = f"the vital signs profile it claims requires LOINC {code}"
            yield Hit(observation, "code", "suwen-vital-profile", message)
        categories = items(observation.get("category"))
        if not any(_has_coding(one, None, "vital-signs") for one in categories):
            message = "a vital signs profile requires the category vital-signs"
            yield Hit(observation, "category", "suwen-vital-profile", message)
        for name in ("subject", "effective[x]"):
            if not has(observation, name):
                message = f"a vital signs profile requires {name}"
                yield Hit(observation, "", "suwen-vital-profile", message)


def _has_coding(concept: object, system: str | None, code: str) -> bool:
    return type(concept) is dict and any(
        type(coding) is dict
        and coding.get("code") == code
        and system in (None, coding.get("system"))
        for coding in items(concept.get("coding"))
    )


def _ordered(rule: Rule, node: Node) -> bool:
    first, second = (node.get(name) for name in rule.elements)
    both = type(first) is str and type(second) is str
    return not both or not fhir_dates.after(str(first), str(second))


def _at_most(rule: Rule, node: Node) -> bool:
    return not any(
        not isinstance(value, str | dict | list | bool) and value > rule.limit
        for name in rule.elements
        for value in items(node.get(name))
    )


def _together(rule: Rule, node: Node) -> bool:
    return len({name in node for name in rule.elements}) == 1


def _not_versioned(rule: Rule, node: Node) -> bool:
    return not any("/_history/" in str(node.get(name)) for name in rule.elements)


def _every_entry_has(rule: Rule, node: Node) -> bool:
    return all(type(e) is dict and rule.elements[0] in e for e in items(node.get("entry")))


def _first_entry_is(rule: Rule, node: Node) -> bool:
    first = next(iter(items(node.get("entry"))), None)
    content = first.get("resource") if type(first) is dict else None
    return type(content) is dict and content.get("resourceType") == rule.elements[0]


def _unique_relations(rule: Rule, node: Node) -> bool:
    names = [link.get("relation") for link in items(node.get("link")) if type(link) is dict]
    single = [name for name in names if name in ("self", "first", "previous", "next", "last")]
    return len(single) == len(set(single))


def _unique_below(nested: str, element: str) -> Callable[[Rule, Node], bool]:
    def check(rule: Rule, node: Node) -> bool:
        names = [str(child.get(element)) for child in reach(node, (nested,), recursive=True)]
        return len(names) == len(set(names))

    return check


def _one_of(rule: Rule, node: Node) -> bool:
    return sum(has(node, name) for name in rule.elements) == 1


_CHECKS: dict[str, Callable[[Rule, Node], bool]] = {
    "ordered": _ordered,
    "at-most": _at_most,
    "together": _together,
    "not-versioned": _not_versioned,
    "every-entry-has": _every_entry_has,
    "first-entry-is": _first_entry_is,
    "unique-relations": _unique_relations,
    "unique-link-ids": _unique_below("item", "linkId"),
    "unique-concepts": _unique_below("concept", "code"),
    "one-of": _one_of,
}
