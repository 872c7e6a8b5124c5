"""The small residual network that may read the curve beside the trees (`options.network`).

Its torch side is imported to train only.

Reference: He et al., CVPR 2016 (residual blocks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import MissingExtra

if TYPE_CHECKING:
    from torch import Tensor

CLASSES: Final = 4
FIRST: Final = 12
STAGES: Final = (
    (16, 7, 2, 1),
    (24, 7, 2, 1),
    (32, 7, 2, 1),
    (40, 5, 2, 1),
    (40, 5, 1, 2),
    (40, 5, 1, 4),
)
"""Channels, taps, stride and dilation of each block."""
CROP: Final = 2400
"""Samples of a training example: 24 seconds."""
INPUT, SCORES = "curve", "scores"
"""Names in the ONNX file: (1, 1, m) in, (1, 4) out."""
Curve = NDArray[np.float32]


def network() -> Any:
    """Return the network with fresh weights.

    Raises
    ------
    MissingExtra
        torch is not installed.
    """
    try:
        import torch  # noqa: F401 (asked for by name, so that its absence is told)
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self, inside: int, out: int, taps: int, stride: int, dilation: int) -> None:
            super().__init__()
            pad = dilation * (taps // 2)
            self.first = nn.Conv1d(inside, out, taps, stride, pad, dilation, bias=False)
            self.second = nn.Conv1d(out, out, taps, 1, pad, dilation, bias=False)
            self.norms = nn.ModuleList([nn.BatchNorm1d(out), nn.BatchNorm1d(out)])
            self.beside = nn.Conv1d(inside, out, 1, bias=False) if inside != out else nn.Identity()
            self.stride, self.drop = stride, nn.Dropout(0.15)

        def forward(self, x: Tensor) -> Tensor:
            h = self.drop(functional.relu(self.norms[0](self.first(x))))
            h = self.norms[1](self.second(h))
            if self.stride > 1:
                x = functional.max_pool1d(x, self.stride, ceil_mode=True)
            return functional.relu(h + self.beside(x))

    class Net(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv1d(1, FIRST, 9, 2, 4, bias=False)
            self.norm = nn.BatchNorm1d(FIRST)
            widths = [FIRST, *(stage[0] for stage in STAGES)]
            self.blocks = nn.Sequential(
                *(Block(width, *stage) for width, stage in zip(widths[:-1], STAGES, strict=True))
            )
            self.drop = nn.Dropout(0.3)
            self.mean = nn.Linear(widths[-1], CLASSES)
            self.peak = nn.Linear(widths[-1], CLASSES, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            h = self.blocks(functional.relu(self.norm(self.stem(x))))
            return self.mean(self.drop(h.mean(-1))) + self.peak(self.drop(h.amax(-1)))

    return Net()


def varied(curve: Curve, rng: np.random.Generator) -> Curve:
    """Return a training crop as another recording might have been: faster, wavier, noisier."""
    found: NDArray[Any] = curve
    if rng.random() < 0.5:
        count = int(len(found) / rng.uniform(0.9, 1.12))
        at = np.linspace(0, len(found) - 1, count)
        found = np.interp(at, np.arange(len(found)), found).astype(np.float32)
    if len(found) < CROP:
        found = np.pad(found, (0, CROP - len(found)), mode="wrap")
    first = int(rng.integers(0, len(found) - CROP + 1))
    found = found[first : first + CROP] * np.float32(rng.uniform(0.7, 1.4))
    if rng.random() < 0.3:
        found = found + rng.normal(0, rng.uniform(0, 0.1), CROP)
    if rng.random() < 0.3:
        phase = 2 * np.pi * (np.arange(CROP) / 100 * rng.uniform(0.1, 0.6) + rng.random())
        found = found + rng.uniform(0, 0.3) * np.sin(phase)
    if rng.random() < 0.1:
        found = -found
    return np.asarray(found, dtype=np.float32)


def asked(session: Any, curve: Curve) -> NDArray[np.float64]:
    """Return the scores (4,) of one curve, by ONNX Runtime."""
    (scores,) = session.run([SCORES], {INPUT: curve[None, None]})
    return np.asarray(scores[0], dtype=float)
