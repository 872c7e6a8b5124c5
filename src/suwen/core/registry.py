"""The registry: a short dict of Tasks, filled by each room's `tasks.py`, read generically."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from suwen.core.errors import Conflict, NotFound

_tasks: dict[str, Any] = {}
_rooms: list[Callable[[], None]] = []


def provide(load_rooms: Callable[[], None]) -> None:
    """Name the function that imports the rooms; it is called once, at the first look-up."""
    _rooms.append(load_rooms)


def _load() -> None:
    while _rooms:
        _rooms.pop()()


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
    _load()
    try:
        return _tasks[name]
    except KeyError:
        known = ", ".join(sorted(_tasks)) or "none"
        raise NotFound(f"no task named {name!r}", f"one of: {known}", "check the name") from None


def tasks() -> Iterator[Any]:
    """Yield every registered Task, by name."""
    _load()
    for name in sorted(_tasks):
        yield _tasks[name]
