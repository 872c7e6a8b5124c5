"""The run folder: everything needed to repeat a training run, and to go on after a kill.

run.json          task, recipe, data fingerprint, versions, machine, start and end
member-K/         what `Task.fit` wrote, and done.json once it is complete
predictions/      out-of-fold predictions, one file a fold
results.json      figures of merit
plots/            PNG and SVG
pack/             the signed pack
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

import suwen
from suwen.core.errors import Conflict, StorageUnavailable
from suwen.core.nouns import canonical, digest_of
from suwen.lifecycle import spanned
from suwen.lifecycle.detected import truths
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Task

WATCHED = ("numpy", "scipy", "torch", "monai", "scikit-learn", "lightgbm", "onnx", "onnxruntime")
RUN = "run.json"


def code_digest(*folders: Path) -> str:
    """Return the SHA-256 over the Python files below the folders, the version of the code."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found.update(path.relative_to(folder).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def room_of(task: Task) -> Path:
    """Return the folder of the module that defines the task."""
    return Path(str(sys.modules[type(task).__module__].__file__)).parent


def environment() -> dict[str, Any]:
    """Return versions of Python and the libraries that decide the result, and the processor."""
    versions = {}
    for name in WATCHED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "suwen": suwen.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "libraries": versions,
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def fingerprint(task: Task, examples: Examples) -> str:
    """Return the SHA-256 over keys, groups, labels, columns, floors and places of the examples."""
    content: dict[str, Any] = {
        "source": examples.source.name,
        "keys": list(examples.keys),
        "groups": [str(group) for group in examples.groups],
        "labels": [str(label) for label in examples.labels],
        "columns": {
            name: [str(value) for value in column]
            for name, column in sorted({**examples.columns, **examples.floors}.items())
        },
    }
    if task.answers.kind == "places":
        content["places"] = [places.tolist() for places in truths(examples)]
    if task.answers.kind == "spans":
        content["spans"] = [rows.tolist() for rows in spanned.truths(examples)]
    return digest_of(canonical(content))


def open_run(
    task: Task,
    recipe: Recipe,
    examples: Examples,
    home: Path,
    resume: bool,
    added: Examples | None = None,
) -> Path:
    """Return the run folder: the newest with this task, recipe and data when `resume`, or new.

    A run from before a choice existed was made with that choice's default. The code may have
    changed in between; what each member was trained with stands in its `done.json`.
    """
    data = fingerprint(task, examples)
    if added is not None:
        data = digest_of(canonical([data, fingerprint(task, added)]))
    key = digest_of(canonical({"task": task.name, "recipe": recipe.model_dump(), "data": data}))
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    parent = home / "runs" / task.name
    if resume and (earlier := [f for f in sorted(parent.glob("*-*")) if _same(f, recipe, data)]):
        return earlier[-1]
    started = datetime.now(UTC)
    folder = parent / f"{started:%Y%m%d-%H%M%S}-{key[:8]}"
    folder.mkdir(parents=True)
    write_json(
        folder / RUN,
        {
            "task": task.name,
            "recipe": recipe.model_dump(),
            "dataset": recipe.dataset,
            "data": {
                "fingerprint": data,
                "source": examples.source.name,
                "n": len(examples),
                "groups": len(np.unique(examples.groups)),
                **({} if added is None else {"corrected": len(added)}),
            },
            "code": {
                "core": code_digest(Path(suwen.__file__).parent / "lifecycle"),
                "room": code_digest(room_of(task)),
            },
            "environment": environment(),
            "started": started.isoformat(timespec="seconds"),
        },
    )
    return folder


def _same(folder: Path, recipe: Recipe, data: str) -> bool:
    """Say whether a run was made with these choices on these data."""
    run = read_json(folder / RUN)
    try:
        return (
            bool(run)
            and run["data"]["fingerprint"] == data
            and (Recipe.model_validate(run["recipe"]) == recipe)
        )
    except ValidationError:  # a choice that exists no more
        return False


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process; a full disk becomes a clear error.

    Raises
    ------
    Conflict
        Another process works in it.
    StorageUnavailable
        The disk is full; finished steps are kept.
    """
    with (folder / ".lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"another process trains in {folder}",
                "one process a run",
                "wait for it, or use --fresh for a run of its own",
            ) from None
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StorageUnavailable(
                "the disk is full",
                "room for weights and predictions",
                "free some space and start the same command again: it goes on",
            ) from error


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """Write JSON so that a kill leaves the old file or the new one, never half of one.

    Without `indent` it is one line: for figures that are many and read as a page.
    """
    partial = path.with_name(f".{path.name}.partial")
    gaps = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(content, indent=indent, separators=gaps, ensure_ascii=False, allow_nan=False)
    partial.write_text(text + "\n")
    partial.replace(path)


def read_json(path: Path) -> Any:
    """Read JSON; None when the file is absent."""
    return json.loads(path.read_bytes()) if path.exists() else None
