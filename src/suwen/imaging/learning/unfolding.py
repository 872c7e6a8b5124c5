"""A torch network with the weights of its own exported file, ready to be trained on.

A pack holds files, not the state of a training, so a hospital that would go on from a shipped pack
has only those. The exporter folds each batch normalisation into the convolution before it; here the
sum is taken apart again so that no answer changes: the convolution keeps the folded weights, and
the normalisation takes mean and spread of what that convolution answers on the pictures that
training starts with. Weights of a file in 8-bit integers are taken as what they stand for.

References: Ioffe & Szegedy, ICML 2015 (batch normalisation); Jacob et al., CVPR 2018 (folding).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from suwen.core.errors import BadInput
from suwen.imaging.learning.networks import export
from suwen.lifecycle.examples import Array
from suwen.lifecycle.onnx.smaller import widened

LEAST_SPREAD: Final = 1e-4
"""Standard deviations below this are of a channel that says nothing."""

Part = tuple[nn.Conv2d, nn.BatchNorm2d | None]


def take_over(network: nn.Module, content: bytes, batches: Sequence[Tensor]) -> None:
    """Give `network` the weights of the ONNX file that the same network was exported to.

    Parameters
    ----------
    network
        Built as it was for the file: convolutions, each with a batch normalisation after it or
        none, and what has no weights.
    content
        The file's bytes.
    batches
        Inputs (n, c, h, w) as training will show them; the normalisations start from their means.

    Raises
    ------
    BadInput
        The file is of another network.
    """
    parts, held = _parts(network, batches[0][:1]), _weights(content)
    expected = {name: one.weight.shape for name, (one, _) in parts.items()}
    if {name: weight.shape for name, (weight, _) in held.items()} != expected:
        raise BadInput(
            f"a file of {len(held)} convolutions for a network of {len(parts)}, or of other sizes",
            "a pack of the same network",
            "leave options.start out, or start from a pack of this task",
        )
    with torch.no_grad():
        for name, (convolution, normalisation) in parts.items():
            weight, bias = held[name]
            convolution.weight.copy_(weight)
            if normalisation is None:
                if convolution.bias is not None:
                    convolution.bias.copy_(bias)
            else:
                _pass_on(normalisation, bias)
        norms = [norm for _, norm in parts.values() if norm is not None]
        _measure(network, norms, batches)


def _parts(network: nn.Module, example: Tensor) -> dict[str, Part]:
    """Return the convolutions by what a file calls them, each with the normalisation after it."""
    ran: list[nn.Module] = []
    wanted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    _hooked(network, wanted, lambda module, shown: ran.append(module), [example])
    parts = [
        (one, following if isinstance(following, nn.BatchNorm2d) else None)
        for one, following in zip(ran, [*ran[1:], None], strict=True)
        if isinstance(one, nn.Conv2d)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export(network, example, path, ("answer",))
        names = list(_weights(path.read_bytes()))  # as it is exported, so it runs
    return dict(zip(names, parts, strict=True))


def _weights(content: bytes) -> dict[str, tuple[Tensor, Tensor]]:
    """Return weights and biases of a file's convolutions by name, in the order of the file."""
    from onnx import numpy_helper

    graph = widened(content).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in held:
            held[node.output[0]] = _widened(*(held[name] for name in node.input))
        elif node.op_type == "Identity" and node.input[0] in held:  # equal ones are kept once
            held[node.output[0]] = held[node.input[0]]
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            weight, *bias = (torch.from_numpy(held[name].copy()) for name in node.input[1:])
            found[node.name] = weight, bias[0] if bias else torch.zeros(len(weight))
    return found


def _widened(values: Array, scale: Array, zero: Array | None = None) -> Array:
    """Return what 8-bit weights stand for; scale and zero point are of all or of each output."""
    shape = (-1, *[1] * (values.ndim - 1)) if scale.ndim else ()
    moved = values.astype(np.float32) - (0 if zero is None else zero.reshape(shape))
    return np.asarray(moved * scale.reshape(shape), dtype=np.float32)


def _pass_on(normalisation: nn.BatchNorm2d, bias: Tensor) -> None:
    """Let the normalisation add the folded bias and change nothing else."""
    normalisation.running_mean.zero_()
    normalisation.running_var.fill_(1 - normalisation.eps)
    normalisation.weight.fill_(1.0)
    normalisation.bias.copy_(bias)


def _measure(
    network: nn.Module, norms: Sequence[nn.BatchNorm2d], batches: Sequence[Tensor]
) -> None:
    """Set each normalisation to the mean and spread that it meets; its answers stay the same."""
    sums: dict[nn.Module, list[Tensor]] = {}

    def add(module: nn.Module, shown: Tensor) -> None:
        places = shown.double().transpose(0, 1).flatten(1)
        each = [torch.tensor(float(places.shape[1])), places.sum(1), places.square().sum(1)]
        kept = sums.get(module)
        sums[module] = each if kept is None else [a + b for a, b in zip(kept, each, strict=True)]

    _hooked(network, norms, add, batches)
    for one in norms:
        count, total, squares = sums[one]
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=LEAST_SPREAD**2)
        one.bias.add_(mean.float())
        one.weight.copy_((variance + one.eps).sqrt().float())
        one.running_mean.copy_(mean.float())
        one.running_var.copy_(variance.float())


def _hooked(
    network: nn.Module,
    modules: Sequence[nn.Module],
    hear: Callable[[nn.Module, Tensor], Any],
    batches: Sequence[Tensor],
) -> None:
    """Run the network in evaluation mode; tell `hear` what each of the modules is shown."""

    def heard(module: nn.Module, shown: tuple[Tensor, ...]) -> None:
        hear(module, shown[0])

    held = [module.register_forward_pre_hook(heard) for module in modules]
    network.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                network(batch)
    finally:
        for hook in held:
            hook.remove()
