"""Training of networks on CTs made worse: as scanners and patients make them, and on purpose.

What is compared on the robustness card, see `hardening` for pictures. References: Hendrycks &
Dietterich, ICLR 2019 (common corruptions); Madry et al., ICLR 2018, and Wong et al., ICLR 2020
(adversarial training, in one step from a random start).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from suwen.imaging.learning import perturbations
from suwen.imaging.learning.hardening import STEP
from suwen.imaging.volumes.nodule import NoduleInput
from suwen.imaging.volumes.patches import Floats
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Perturbation

if TYPE_CHECKING:
    from torch import Tensor

CORRUPTIONS: Final = (
    *(perturbations.NOISE, perturbations.SOFT, perturbations.SHARP, perturbations.THICK),
    *(perturbations.OFFSET, perturbations.CONTRAST, perturbations.SCALE, perturbations.MOTION),
)
"""What `options.corrupt` adds to the training draws. Double contours and JPEG are kept out of it:
on the robustness card they show what was learned beyond the changes that were trained on."""
OF_A_SLICE: Final = tuple(one for one in CORRUPTIONS if one in perturbations.ON_SLICE)
"""Those that change a slice without its neighbours."""


def corrupted(
    volume: Volume, rng: np.random.Generator, among: Sequence[Perturbation] = CORRUPTIONS
) -> Volume:
    """Return the voxels after one of the changes, at any strength up to its largest."""
    change = among[int(rng.integers(len(among)))]
    strength = float(rng.uniform(min(0.0, change.strengths[0]), change.strengths[-1]))
    sample = Sample("", NoduleInput(volume, (0.0, 0.0, 0.0)))
    found: Volume = change.apply(sample, strength, int(rng.integers(2**31))).data.volume
    return found


def corrupted_slice(hu: Floats, pixel_mm: float, rng: np.random.Generator) -> Floats:
    """Return one slice (y, x) with square pixels, in HU, after one of the changes `OF_A_SLICE`."""
    volume = Volume(hu[None], np.diag([1.0, pixel_mm, pixel_mm, 1.0]))
    return np.asarray(corrupted(volume, rng, OF_A_SLICE).values[0], dtype=np.float32)


@dataclass(frozen=True)
class Windows:
    """How the channels of an input show HU.

    `slopes` per HU, 0 for what is no voxel; `low` and `high` are the ends of each window in the
    channel's own unit, beyond which nothing moves; `axis` is that of the channels; `together` says
    that they show the same voxels.
    """

    slopes: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    axis: int = 1
    together: bool = True


def made_worse(
    shown: Tensor, loss: Callable[[Tensor], Tensor], eps: float, windows: Windows
) -> Tensor:
    """Return the inputs after one step of at most `eps` HU towards a larger loss.

    Channels that show the same HU move together. One step from a random start is enough for
    training (Wong et al., ICLR 2020, "Fast is better than free").
    """
    import torch

    shape = [1] * shown.ndim
    shape[windows.axis] = -1
    slopes, low, high = (
        torch.tensor(each).reshape(shape) for each in (windows.slopes, windows.low, windows.high)
    )
    slopes = slopes * ((shown > low) & (shown < high))
    reach = shown.narrow(windows.axis, 0, 1) if windows.together else shown
    start = eps * (2 * torch.rand_like(reach) - 1)
    tried = (shown + slopes * start).requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(tried), tried)
    along = gradient * slopes
    if windows.together:
        along = along.sum(windows.axis, keepdim=True)
    moved = torch.clamp(start + STEP * eps * along.sign(), -eps, eps)
    return (shown + slopes * moved).detach()
