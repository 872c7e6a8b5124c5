"""Following element names through the JSON of a FHIR resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suwen.records.fhir.checks import Node
from suwen.records.fhir.knowledge import Path


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
