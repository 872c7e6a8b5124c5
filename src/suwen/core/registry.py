"""The registry: a short dict of Tasks, filled by each room's `tasks.py`, read generically."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suwen.core.errors import Conflict, NotFound

_tasks: dict[str, Any] = {}


def register(task: Any) -> Any:
    """Add a Task instance under its `name`; a second Task of that name is a Conflict."""
    if task.name in _tasks:
        raise Conflict(f"a second task named {task.name!r}", "unique task names", "rename one")
    _tasks[task.name] = task
    return task


def find(name: str) -> Any:
    """Return the Task of that name.

    Raises
    ------
    NotFound
        No such task.
    """
    try:
        return _tasks[name]
    except KeyError:
        known = ", ".join(sorted(_tasks)) or "none"
        raise NotFound(f"no task named {name!r}", f"one of: {known}", "check the name") from None


def tasks() -> Iterator[Any]:
    """Yield every registered Task, by name."""
    for name in sorted(_tasks):
        yield _tasks[name]
