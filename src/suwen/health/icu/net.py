"""The recurrent network that reads the course of a stay beside the trees.

Its torch side is imported to train only. Reference: Cho et al., EMNLP 2014 (gated recurrent units).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import MissingExtra
from suwen.health.icu.course import PERSON, STEPS, channel_groups, values
from suwen.lifecycle.onnx.smaller import weights8

if TYPE_CHECKING:
    from torch import Tensor

WIDTH: Final = 64
COURSE, PEOPLE, SCORES = "course", "person", "scores"
"""Names in the ONNX file: (n, STEPS, channels) and (n, 8) in, (n,) out."""
Floats = NDArray[np.float32]


def torch() -> Any:
    """Return the package torch.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import torch as found
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    return found


def network(courses: Floats) -> Any:
    """Return the network with fresh weights, its scales from the courses (n, STEPS, channels)."""
    nn = torch().nn

    class Net(nn.Module):  # type: ignore[misc, name-defined] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            seen = courses[..., : values()].reshape(-1, values())
            seen = np.where(np.isnan(seen).all(0), 0.0, seen)
            low, middle, high = np.nanquantile(seen, (0.25, 0.5, 0.75), axis=0)
            rate = 1.35 / np.maximum(high - low, 1e-2 * np.abs(middle) + 1e-3)
            self.register_buffer("middle", torch().tensor(middle, dtype=torch().float32))
            self.register_buffer("rate", torch().tensor(rate, dtype=torch().float32))
            self.drop = nn.Dropout(0.3)
            self.enter = nn.Linear(len(channel_groups()), WIDTH)
            self.recur = nn.GRU(WIDTH, WIDTH, batch_first=True)
            self.leave = nn.Sequential(
                nn.Dropout(0.4),
                nn.Linear(3 * WIDTH + len(PERSON), WIDTH),
                nn.SiLU(),
                nn.Dropout(0.4),
                nn.Linear(WIDTH, 2),
            )

        def forward(self, course: Tensor, person: Tensor) -> Tensor:
            """Return the logits of death in the hospital and within a year, (n, 2)."""
            known = course[..., : values()]
            far = (known - self.middle) * self.rate
            moved = torch().sign(far) * torch().log(1 + torch().abs(far))
            seen = torch().where(torch().isnan(known), torch().zeros_like(known), moved)
            x = self.drop(torch().cat([seen, course[..., values() :]], -1))
            x, _ = self.recur(nn.functional.silu(self.enter(x)))
            whole = torch().cat([x.mean(1), x.amax(1), x[:, -1], person], 1)
            return self.leave(whole)

    return Net()


def export(net: Any, path: Path) -> None:
    """Write the network with 8-bit weights; of its answers only the first."""
    nn = torch().nn

    class First(nn.Module):  # type: ignore[misc, name-defined] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, course: Tensor, person: Tensor) -> Tensor:
            """Return the logit of death in the hospital, (n,)."""
            return self.net(course, person)[:, 0]

    shown = (torch().zeros(2, STEPS, len(channel_groups())), torch().zeros(2, len(PERSON)))
    with warnings.catch_warnings():
        # the older exporter on purpose, as for the networks of images; it warns of changing
        # batches, which matter where a first state is given
        warnings.simplefilter("ignore")
        torch().onnx.export(
            First().eval(),
            shown,
            str(path),
            input_names=[COURSE, PEOPLE],
            output_names=[SCORES],
            dynamic_axes={COURSE: {0: "n"}, PEOPLE: {0: "n"}, SCORES: {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    path.write_bytes(weights8(path.read_bytes(), (), 0.0))
