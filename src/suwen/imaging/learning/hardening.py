"""Training of a 2D network on pictures made worse: as a clinic makes them, and on purpose.

What is compared on the robustness card. References: Hendrycks & Dietterich, ICLR 2019 (common
corruptions); Madry et al., ICLR 2018, and Wong et al., ICLR 2020 (adversarial training, in one step
from a random start).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.imaging.learning.variation import Picture
from suwen.imaging.pictures import perturbations as changes
from suwen.imaging.pictures.picture import PlanarInput
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation

if TYPE_CHECKING:
    from torch import Tensor, nn

HELD_OUT: Final = (changes.JPEG, changes.CONTRAST)
"""Never trained on: on the card they show what was learned beyond the changes of training."""
STEP: Final = 1.25
"""Step of the attack in training, a share of its reach."""


def corruptions_of(perturbations: Sequence[Perturbation]) -> tuple[Perturbation, ...]:
    """Return those of a task's changes that may be trained on."""
    return tuple(one for one in perturbations if one not in HELD_OUT)


def corrupted(picture: Picture, among: Sequence[Perturbation], rng: np.random.Generator) -> Picture:
    """Return a picture (8-bit grey) after one of the changes, at a strength within its range."""
    change = among[int(rng.integers(len(among)))]
    strength = float(rng.uniform(change.strengths[0], change.strengths[-1]))
    data = PlanarInput(np.asarray(picture, np.float32) / np.float32(255))
    changed = change.apply(Sample("", data), strength, int(rng.integers(2**31))).data.image
    return np.asarray(np.round(np.clip(changed, 0, 1) * 255), dtype=np.uint8)


def attacked_loss(
    label_loss: Callable[[Tensor, Tensor], Tensor], eps: float
) -> Callable[[nn.Module, list[Any]], Tensor]:
    """Return the loss of a batch of (input, class) whose inputs moved by `eps` against the network.

    Checks, which are made without a slope, are judged as they are.
    """
    import torch

    def loss(network: nn.Module, batch: list[Any]) -> Tensor:
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        wanted = torch.tensor([one[1] for one in batch])
        if torch.is_grad_enabled():
            shown = _made_worse(shown, lambda x: label_loss(network(x)[0], wanted), eps)
        return label_loss(network(shown)[0], wanted)

    return loss


def _made_worse(shown: Tensor, loss: Callable[[Tensor], Tensor], eps: float) -> Tensor:
    """Return inputs in 0..1 after one step of at most `eps` towards a larger loss."""
    import torch

    start = eps * (2 * torch.rand_like(shown) - 1)
    tried = (shown + start).requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(tried), tried)
    moved = torch.clamp(start + STEP * eps * gradient.sign(), -eps, eps)
    return torch.clamp(shown + moved, 0, 1).detach()
