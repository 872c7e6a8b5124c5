"""Training of a small 2D network to answer as a pack does (distillation).

The student sees what the teacher sees, the same varied picture, and learns its softened answer
beside the label. Member k is taught by member k: neither saw the pictures of fold k, so that the
student is measured out of fold as its teacher was.

Reference: Hinton, Vinyals & Dean, arXiv:1503.02531, 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.imaging.learning.members import counterpart
from suwen.imaging.pictures.picture import Floats, resized
from suwen.lifecycle.examples import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

TEMPERATURE: Final = 2.0
"""Logits are divided by this before the two answers are compared."""
SHARE: Final = 0.7
"""Weight of the teacher's answer; the label has the rest."""


@dataclass(frozen=True)
class Teacher:
    """Whose answers are learned: inputs (n, 1, pixels, pixels) -> logits (n, classes)."""

    ask: Callable[[Floats], Array]
    pixels: int

    def says(self, shown: Floats) -> Array:
        """Return the teacher's logits for inputs of any size, (n, classes)."""
        edge = (self.pixels, self.pixels)
        return self.ask(np.stack([resized(one[0], edge)[None] for one in shown]))


def teacher_of(task: str, member: str, folds: int) -> Teacher:
    """Return one member (`member-0`) of the current pack of a task as a teacher.

    Raises
    ------
    BadInput
        The pack has another number of folds, so its members saw what a student is measured on.
    NotFound
        No pack answers that task.
    """
    pack, number = counterpart(task, member, folds, "a teacher")
    session = pack.session(str(pack.member(number)["network"]), number)

    def ask(shown: Floats) -> Array:
        return np.asarray(session.run(["logits"], {"input": shown})[0])

    return Teacher(ask, int(pack.member(number)["pixels"]))


def taught_loss(
    label_loss: Callable[[Tensor, Tensor], Tensor], teacher: Teacher
) -> Callable[[nn.Module, list[Any]], Tensor]:
    """Return the loss of a batch of (input, class); checks count their labels alone."""
    import torch
    from torch.nn import functional

    def loss(network: nn.Module, batch: list[Any]) -> Tensor:
        shown = np.stack([one[0] for one in batch])
        wanted = torch.tensor([one[1] for one in batch])
        logits = network(torch.from_numpy(shown))[0]
        own = label_loss(logits, wanted)
        if not torch.is_grad_enabled():
            return own
        said = torch.from_numpy(teacher.says(shown)) / TEMPERATURE
        gap = functional.kl_div(
            (logits / TEMPERATURE).log_softmax(1), said.softmax(1), reduction="batchmean"
        )
        total: Tensor = (1 - SHARE) * own + SHARE * TEMPERATURE**2 * gap
        return total

    return loss
