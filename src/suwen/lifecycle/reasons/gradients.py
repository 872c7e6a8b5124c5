"""Gradients of a pack's networks with respect to their input, from the ONNX files themselves.

Packs hold no torch. onnx2fx (Apache-2.0) turns the file into a torch graph; since it is young, each
file's first answer is compared with ONNX Runtime's before its gradient is believed. Needs the
extra [train].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.lifecycle.examples import Array
from suwen.lifecycle.pack import Pack

TOLERANCE = 1e-3
"""Largest difference of an output between the two runtimes, relative to its spread from 1."""


def of_output(
    pack: Pack,
    files: Sequence[tuple[str, int]],
    output: str,
    feed: Mapping[str, Array],
    wanted: str,
    weights: Array | None = None,
) -> list[Array]:
    """Return the gradient of the sum of one output of several networks for the same input.

    Parameters
    ----------
    pack, files
        The networks as (name, member).
    output, feed
        Name of the output, and every input by name.
    wanted
        Name of the input the gradient is taken with respect to.
    weights
        What each element of the output counts in the sum, shape of the output; default 1.

    Returns
    -------
    list of array
        One a network, each of the shape of the input.

    Raises
    ------
    MissingExtra
        torch or onnx2fx is not installed.
    BadInput
        The converted network answers otherwise than the pack does.
    """
    return [
        _gradient(_converted(pack, name, member), output, feed, wanted, weights)
        for name, member in files
    ]


@lru_cache(maxsize=32)
def _converted(pack: Pack, name: str, member: int) -> _Network:
    return _Network(pack, name, member)


class _Network:
    """One ONNX file as a torch graph, compared with ONNX Runtime at its first use."""

    def __init__(self, pack: Pack, name: str, member: int) -> None:
        try:
            import onnx
            import onnx2fx
        except ModuleNotFoundError as error:
            raise MissingExtra(error.name or "onnx2fx", "train") from None
        model = onnx.load_model_from_string(pack.read(name, member))
        self.inputs = [each.name for each in model.graph.input]
        self.outputs = [each.name for each in model.graph.output]
        self.graph: Any = onnx2fx.convert(model).eval()
        self._what = f"{name} of member {member}"
        self._runtime: Any = pack.session(name, member)

    def run(self, tensors: Mapping[str, Any], output: str) -> Any:
        """Return one output as a tensor with its gradient graph."""
        found = self.graph(*[tensors[name] for name in self.inputs])
        several = isinstance(found, tuple | list)
        value = found[self.outputs.index(output)] if several else found
        if self._runtime is not None:
            feed = {name: tensors[name].detach().numpy() for name in self.inputs}
            self._compare(value.detach().numpy(), self._runtime.run([output], feed)[0])
            self._runtime = None
        return value

    def _compare(self, found: Array, wanted: Array) -> None:
        gap = float(np.abs(found - wanted).max()) if wanted.size else 0.0
        if not gap <= TOLERANCE * max(1.0, float(np.std(wanted))):
            raise BadInput(
                f"{self._what} answers otherwise as a torch graph (by {gap:.2g})",
                "the answer of ONNX Runtime",
                "attack the pack without gradients: leave `gradient_of` out of the task",
            )


def _gradient(
    network: _Network,
    output: str,
    feed: Mapping[str, Array],
    wanted: str,
    weights: Array | None,
) -> Array:
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in feed.items()}
    tensors[wanted] = tensors[wanted].clone().requires_grad_(True)
    value = network.run(tensors, output)
    counted = value if weights is None else value * torch.from_numpy(np.asarray(weights))
    (gradient,) = torch.autograd.grad(counted.sum(), tensors[wanted])
    return np.asarray(gradient.numpy())
