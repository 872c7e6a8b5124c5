"""Invariants of resource types, each made a function once from what `knowledge/` says of it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any

from suwen.records.fhir import dates
from suwen.records.fhir.checks import Hit, Node
from suwen.records.fhir.knowledge import Rule
from suwen.records.fhir.paths import has, items, reach

Judge = Callable[[Node, str, list[Hit]], None]
"""Adds what is broken of a resource, given it and the JSON of the whole document."""

_fhirpath_lock = Lock()
logger = logging.getLogger(__name__)


def judge(rule: Rule) -> tuple[str, Judge]:
    """Return the element without which the rule says nothing (or none), and the rule as a function.

    A rule whose `quick` word is not in the document is skipped.
    """
    path, word, applies = rule.path, f'"{rule.quick}"' if rule.quick else "", _precondition(rule)

    def check(resource: Node, text: str, hits: list[Hit]) -> None:
        if word and word not in text:
            return
        for node in reach(resource, path, rule.recursive) if path else (resource,):
            if applies(node) and not holds(rule, node, resource):
                hits.append(Hit(node, "", rule.key, rule.human, rule.severity))

    needed = path or (*rule.present, *(rule.equals or ()))
    return next((name for name in needed if not name.endswith("[x]")), ""), check


def _precondition(rule: Rule) -> Callable[[Node], bool]:
    present, absent, equals = rule.present, rule.absent, tuple((rule.equals or {}).items())

    def applies(node: Node) -> bool:
        for name in present:
            if not has(node, name):
                return False
        for name in absent:
            if has(node, name):
                return False
        return all(node.get(name) in values for name, values in equals)

    return applies


def holds(rule: Rule, node: Node, resource: Node) -> bool:
    """Say whether a rule holds at a node of a resource."""
    if rule.check:
        return _CHECKS[rule.check](rule, node)
    return holds_fhirpath(rule, node, resource)


def holds_fhirpath(rule: Rule, node: Node, resource: Node) -> bool:
    """Say whether the FHIRPath of a rule is true at a node (some 200 us)."""
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


def _ordered(rule: Rule, node: Node) -> bool:
    first, second = (node.get(name) for name in rule.elements)
    both = type(first) is str and type(second) is str
    return not both or not dates.after(str(first), str(second))


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


def _coded(rule: Rule, node: Node) -> bool:
    return any(
        type(coding) is dict
        and coding.get("system") == rule.system
        and coding.get("code") in rule.codes
        for name in rule.elements
        for concept in items(node.get(name))
        if type(concept) is dict
        for coding in items(concept.get("coding"))
    )


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
    "unique-properties": _unique_below("property", "code"),
    "one-of": _one_of,
    "coded": _coded,
}
