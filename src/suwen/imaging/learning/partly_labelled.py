"""Training of a 2D network on pictures of which only some have a label (FixMatch).

Of a picture without a label the network judges an almost unvaried view; where it is confident, it
must say the same of a strongly varied one. Reference: Sohn et al., NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.imaging.learning import variation
from suwen.imaging.learning.variation import Picture, Variation
from suwen.imaging.pictures.picture import Floats
from suwen.lifecycle.share import CONFIDENT

if TYPE_CHECKING:
    from torch import Tensor, nn

PER_LABELLED: Final = 2
"""Pictures without a label in a step for each with one (the paper has 7, on accelerators)."""
WEIGHT: Final = 1.0
"""Weight of the agreement beside the loss of the labels."""

LabelLoss = Callable[["Tensor", "Tensor"], "Tensor"]


@dataclass(frozen=True)
class Agreement:
    """How batches of both kinds of pictures are drawn.

    Parameters
    ----------
    unlabelled
        The pictures without a label.
    pixels, how
        As in `planar.fit.Plan`.
    """

    unlabelled: Sequence[Picture]
    pixels: int
    how: Variation

    def make(
        self, item: tuple[Picture, int], rng: np.random.Generator
    ) -> tuple[Floats, int, Floats, Floats]:
        """Return a varied picture with its label, and weak and strong views of others, (2, ...)."""
        picture, label = item
        strong = variation.stronger(self.how)
        others = [self.unlabelled[i] for i in rng.integers(len(self.unlabelled), size=PER_LABELLED)]
        plain = [variation.as_in_use(other, self.pixels) for other in others]
        varied = [variation.draw(other, self.pixels, strong, rng) for other in others]
        shown = variation.draw(picture, self.pixels, self.how, rng)
        return shown, label, np.stack(plain), np.stack(varied)


def loss_of(
    label_loss: LabelLoss, plain_loss: Callable[[nn.Module, list[Any]], Tensor]
) -> Callable[[nn.Module, list[Any]], Tensor]:
    """Return the loss of a batch of what `Agreement.make` returns; of plain checks, their own."""
    import torch
    from torch.nn import functional

    def loss(network: nn.Module, batch: list[Any]) -> Tensor:
        if len(batch[0]) == 2:
            return plain_loss(network, batch)
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        wanted = torch.tensor([one[1] for one in batch])
        plain, varied = (
            torch.from_numpy(np.concatenate([one[side] for one in batch])) for side in (2, 3)
        )
        network.eval()
        with torch.no_grad():
            said = network(plain)[0].softmax(1)
        network.train()
        sure, called = said.max(1)
        logits = network(torch.cat([shown, varied]))[0]
        differs = functional.cross_entropy(logits[len(batch) :], called, reduction="none")
        agreed = (differs * (sure >= CONFIDENT)).mean()
        total: Tensor = label_loss(logits[: len(batch)], wanted) + WEIGHT * agreed
        return total

    return loss
