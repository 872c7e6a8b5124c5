"""Golden cases: a few inputs with the output they must give, kept inside the pack.

A sample's data is written as arrays (`.npz`, read with `allow_pickle=False`) and a tree of plain
values (`.json`). Reading builds only dataclasses that the task's own module names (and those they
are made of): a class name in a pack can never call anything else.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Output, Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Task
from suwen.metrics.overlap import dice

FOLDER = "golden"
SCORE_TOLERANCE = 5e-3
"""Logits may differ by this much between processors (AVX2, AVX-512, NEON order of sums)."""
DOMAIN_TOLERANCE = 1e-3
"""Relative difference of a domain feature."""
MASK_TOLERANCE = 0.995
"""Least Dice between the stored and the computed mask."""
MARK_TOLERANCE_MM = 0.5
"""Marks may lie this far from where they were."""
MARKS_COMPARED = 10
"""The strongest marks are compared; the weakest come and go at the edge of what is marked."""


def _tree(value: Any, arrays: dict[str, Array], types: Mapping[str, type]) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.ndarray | np.generic):
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(value)
        if arrays[name].dtype.hasobject:
            raise BadInput("a golden case with an array of objects", "numbers or texts")
        return {"array": name}
    if type(value).__name__ in types:
        return {"dataclass": type(value).__name__, "fields": _fields(value, arrays, types)}
    if isinstance(value, Mapping):
        return {"map": {str(key): _tree(item, arrays, types) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_tree(item, arrays, types) for item in value]}
    raise BadInput(
        f"a golden case cannot hold a {type(value).__name__}",
        "arrays, numbers, texts, lists, tables and dataclasses of them",
        "give that field of Sample.data a default, and do without it in `predict`",
    )


def _fields(value: Any, arrays: dict[str, Array], types: Mapping[str, type]) -> dict[str, Any]:
    """Return the fields of a dataclass; those that cannot be kept fall back to their default."""
    found = {}
    for field in dataclasses.fields(value):
        own: dict[str, Array] = dict(arrays)
        try:
            tree = _tree(getattr(value, field.name), own, types)
        except BadInput:
            if field.default is dataclasses.MISSING:
                raise
            continue
        if field.init:
            found[field.name] = tree
            arrays.update(own)
    return found


def data_types(task: Task) -> dict[str, type]:
    """Return the dataclasses a sample of `task` may be made of, by name.

    Those that the module of the task names, and those that the modules defining them name.
    """
    found: dict[str, type] = {}
    waiting = [type(task).__module__]
    seen = {*waiting}
    while waiting:
        for value in list(vars(sys.modules[waiting.pop()]).values()):
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                found[value.__name__] = value
                if value.__module__ not in seen and value.__module__ in sys.modules:
                    seen.add(value.__module__)
                    waiting.append(value.__module__)
    return found


def _value(tree: Any, arrays: Mapping[str, Array], types: Mapping[str, type]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "dataclass" in tree:
        if tree["dataclass"] not in types:
            raise BadInput(
                f"a golden case holds a {tree['dataclass']}",
                f"one of: {', '.join(sorted(types))}",
                "import the class of Sample.data in the module of the task",
            )
        fields = {k: _value(v, arrays, types) for k, v in tree["fields"].items()}
        try:
            return types[tree["dataclass"]](**fields)
        except TypeError as error:
            raise BadInput(
                f"a golden case of another version of the room: {error}",
                f"the fields of {tree['dataclass']} as they are now",
                "use the pack with the version of the room that trained it",
            ) from None
    if "map" in tree:
        return {key: _value(item, arrays, types) for key, item in tree["map"].items()}
    if "tuple" in tree:
        return tuple(_value(item, arrays, types) for item in tree["tuple"])
    return [_value(item, arrays, types) for item in tree["list"]]


def arrays_of(task: Task, value: Any) -> dict[str, Array]:
    """Return every array inside `value`, in a fixed order (for content digests)."""
    arrays: dict[str, Array] = {}
    _tree(value, arrays, data_types(task))
    return arrays


def write(task: Task, folder: Path, sample: Sample, output: Output) -> None:
    """Write one golden case into `folder/golden`."""
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    name = f"case-{len(list(target.glob('*.json')))}"
    arrays: dict[str, Array] = {}
    tree = _tree(sample.data, arrays, data_types(task))
    expected = {
        "scores": np.asarray(output.scores, dtype=float).tolist(),
        "domain": {key: float(value) for key, value in output.domain.items()},
        "mask": output.mask is not None,
        "marks": None if output.marks is None else np.asarray(output.marks, float).tolist(),
        "ranked": list(output.ranked),
        "values": dict(output.values),
        "score_tolerance": getattr(task, "score_tolerance", SCORE_TOLERANCE),
        "domain_tolerance": DOMAIN_TOLERANCE,
        "mask_tolerance": MASK_TOLERANCE,
    }
    if output.mask is not None:
        arrays["expected-mask"] = output.mask
    content = {"key": sample.key, "data": tree, "expected": expected}
    (target / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    save_arrays(target / f"{name}.npz", arrays)


def save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as a compressed `.npz` that `allow_pickle=False` reads."""
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, **named)


def cases(task: Task, pack: Pack) -> Iterator[tuple[Sample, dict[str, Any], Array | None]]:
    """Yield sample, expected output and expected mask of each golden case."""
    types = data_types(task)
    for path in sorted((pack.folder / FOLDER).glob("*.json")):
        content = json.loads(path.read_bytes())
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        sample = Sample(content["key"], _value(content["data"], arrays, types))
        yield sample, content["expected"], arrays.get("expected-mask")


def check(task: Task, pack: Pack) -> list[str]:
    """Predict every golden case; return a sentence for each that differs, empty when all agree."""
    problems = []
    count = 0
    for sample, expected, mask in cases(task, pack):
        count += 1
        problems += _differences(f"golden case {count}", task.predict(pack, sample), expected, mask)
    return problems if count else [f"the pack of {task.name} has no golden case"]


def _differences(
    name: str, output: Output, expected: Mapping[str, Any], mask: Array | None
) -> list[str]:
    found = []
    scores, wanted = np.asarray(output.scores, dtype=float), np.asarray(expected["scores"])
    if scores.shape != wanted.shape:
        found.append(f"{name}: {scores.shape} scores, expected {wanted.shape}")
    elif (
        scores.size and (gap := float(np.abs(scores - wanted).max())) > expected["score_tolerance"]
    ):
        found.append(f"{name}: a score differs by {gap:.2g}")
    for key, value in expected["domain"].items():
        gap = abs(float(output.domain.get(key, np.nan)) - value)
        if not gap <= expected["domain_tolerance"] * max(1.0, abs(value)):
            found.append(f"{name}: the domain feature {key} differs")
    if mask is not None and (
        output.mask is None
        or output.mask.shape != mask.shape
        or dice(mask, output.mask) < expected["mask_tolerance"]
    ):
        found.append(f"{name}: the mask differs")
    if expected.get("marks") is not None and _marks_differ(output.marks, expected):
        found.append(f"{name}: the marks differ")
    if list(output.ranked) != list(expected.get("ranked", ())):
        found.append(f"{name}: the ranking differs")
    if not _same_values(output.values, expected.get("values", {}), expected["score_tolerance"]):
        found.append(f"{name}: a calculated value differs")
    return found


def _same_values(found: Mapping[str, Any], wanted: Mapping[str, Any], tolerance: float) -> bool:
    """Say whether calculated values are those stored: words equal, numbers near enough."""
    if set(found) != set(wanted):
        return False
    return all(
        found[name] == value
        if isinstance(value, str)
        else not isinstance(found[name], str) and abs(found[name] - value) <= tolerance
        for name, value in wanted.items()
    )


def _marks_differ(marks: Array | None, expected: Mapping[str, Any]) -> bool:
    """Say whether a strong mark of one side is missing on the other, or has another logit."""
    wanted = np.asarray(expected["marks"], dtype=float)
    found = np.zeros((0, 0)) if marks is None else np.asarray(marks, dtype=float)
    if not (wanted.size and found.size):
        return bool(wanted.size or found.size)
    apart = np.linalg.norm(wanted[:, None, 1:] - found[None, :, 1:], axis=-1)
    gap = np.abs(wanted[:, None, 0] - found[None, :, 0])
    same = (apart <= MARK_TOLERANCE_MM) & (gap <= expected["score_tolerance"])
    first, second = (np.argsort(-each[:, 0])[:MARKS_COMPARED] for each in (wanted, found))
    return not (same.any(1)[first].all() and same.any(0)[second].all())
