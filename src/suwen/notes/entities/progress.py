"""What a training of `notes` runs on, and its state, so that one that was killed goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

NATIVE: Final = ("avx512_bf16", "amx_bf16")
"""Instructions of a processor that computes in bfloat16; one without them is slower with it, and
has no LSTM in it."""


def device_here() -> str:
    """Return what is trained on: a GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def mixed(device: str) -> Any:
    """Return a context that computes in bfloat16 where the device does so by itself."""
    import torch

    able = torch.cpu.get_capabilities()
    fast = device == "cuda" or any(able.get(name) for name in NATIVE)
    return torch.autocast(device, torch.bfloat16, enabled=fast)


def put(parameters: Sequence[Any], values: Sequence[Any]) -> None:
    """Give parameters these values."""
    import torch

    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)


@dataclass(frozen=True)
class Moving:
    """What changes while a network is trained."""

    net: Any
    optimiser: Any
    average: Sequence[Any]
    rng: np.random.Generator

    def keep(self, state: Path, history: Sequence[Mapping[str, float]], step: int) -> None:
        """Write the state beside its old version, then replace that: a crash keeps one."""
        import torch

        fresh = state.with_suffix(".new")
        kept = {
            "network": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": list(self.average),
            "order": json.dumps(self.rng.bit_generator.state),
            "chance": torch.get_rng_state(),
            "history": [dict(entry) for entry in history],
            "step": step,
        }
        torch.save(kept, fresh)
        fresh.replace(state)

    def put_back(self, state: Path) -> tuple[list[dict[str, float]], int]:
        """Put everything as it stood after the last finished epoch; return curve and step.

        A GPU draws its own chance: there a training goes on to another network, as good.
        """
        import torch

        kept = torch.load(state, weights_only=True)
        self.net.load_state_dict(kept["network"])
        self.optimiser.load_state_dict(kept["optimiser"])
        put(self.average, kept["average"])
        self.rng.bit_generator.state = json.loads(kept["order"])
        torch.set_rng_state(kept["chance"])
        return kept["history"], kept["step"]
