"""One member of the current pack of a task, for the training of the member of the same number."""

from __future__ import annotations

from suwen.core.errors import BadInput
from suwen.lifecycle import packs
from suwen.lifecycle.pack import Pack


def counterpart(task: str, member: str, folds: int, role: str) -> tuple[Pack, int]:
    """Return the current pack of a task and the number of one member (`member-0`).

    `role` says in an error what it is wanted for: a teacher, a start.

    Raises
    ------
    BadInput
        The pack has another number of folds, so its members saw what the new one is measured on.
    NotFound
        No pack answers that task.
    """
    pack = packs.current(task)
    if pack.members != folds:
        raise BadInput(
            f"{role} of {pack.members} folds",
            f"one of {folds}, as the recipe has",
            f"set folds = {pack.members}",
        )
    return pack, int(member.rpartition("-")[2])
