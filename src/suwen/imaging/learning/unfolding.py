"""A torch network with the weights of its own exported file, ready to be trained on.

A pack holds files, not the state of a training, so a hospital that would go on from a shipped pack
has only those. The exporter folds each batch normalisation into the convolution before it; here the
sum is taken apart again so that no answer changes: the convolution keeps the folded weights, and
the normalisation takes mean and spread of what that convolution answers on the pictures that
training starts with.

References: Ioffe & Szegedy, ICML 2015 (batch normalisation); Jacob et al., CVPR 2018 (folding).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from suwen.core.errors import BadInput
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
    parts = _parts(network, batches[0][:1])
    weights = _weights(content)
    if [tuple(held[0].shape) for held in weights] != [tuple(c.weight.shape) for c, _ in parts]:
        raise BadInput(
            f"a file of {len(weights)} convolutions for a network of {len(parts)}, or other sizes",
            "a pack of the same network",
            "leave options.start out, or start from a pack of this task",
        )
    with torch.no_grad():
        for (convolution, normalisation), (weight, bias) in zip(parts, weights, strict=True):
            convolution.weight.copy_(weight)
            if normalisation is None:
                if convolution.bias is not None:
                    convolution.bias.copy_(bias)
            else:
                _pass_on(normalisation, bias)
        _measure(network, [norm for _, norm in parts if norm is not None], batches)


def _parts(network: nn.Module, example: Tensor) -> list[Part]:
    """Return the convolutions in the order they run, each with the normalisation after it."""
    ran: list[nn.Module] = []
    wanted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    _hooked(network, wanted, lambda module, shown: ran.append(module), [example])
    after = [*ran[1:], None]
    return [
        (one, following if isinstance(following, nn.BatchNorm2d) else None)
        for one, following in zip(ran, after, strict=True)
        if isinstance(one, nn.Conv2d)
    ]


def _weights(content: bytes) -> list[tuple[Tensor, Tensor]]:
    """Return weights and biases of the file's convolutions, in the order they run."""
    from onnx import numpy_helper

    graph = widened(content).graph
    held = {
        one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer
    }
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            weight = held[node.input[1]]
            bias = held[node.input[2]] if len(node.input) > 2 else torch.zeros(len(weight))
            found.append((weight, bias))
    return found


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
