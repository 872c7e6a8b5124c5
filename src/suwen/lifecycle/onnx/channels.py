"""Take whole hidden channels out of an ONNX file: smaller in memory and faster, without training.

What a channel is worth is what its readers lose without it after the channels that stay have taken
over what they can of it: least squares on the values met in `feeds`, one channel after another, as
the optimal brain surgeon does for single weights. Mean values go into the biases of the readers.

References: Li et al., ICLR 2017 (whole filters); He et al., ICCV 2017 (the next layer fitted again
by least squares); Hassibi & Stork, NeurIPS 1992 (what a removal costs, and who takes over); Nagel
et al., ICCV 2019 (means corrected in the bias).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.onnx.layers import Graph, Group, Moments, Span
from suwen.lifecycle.onnx.smaller import HALF, Feeds, float16, folded, import_onnx, need

BLOCK = 8
"""Layers keep a multiple of so many channels: ONNX Runtime computes in blocks, and a depthwise
convolution of another number of channels took four times as long here."""
DAMPING = 0.01
"""Added to the variance of each channel, as a share of it: few feeds say little about the rest."""
QUIET = 0.1
"""A channel varies at least so much of the mean for that: else others lean on hardly anything."""
LEAST = 1e-12
"""Added to variances that may be zero."""


@dataclass(frozen=True)
class Reading:
    """What one reader does with the channels of a group.

    `kernels` (outputs and taps, c), `moments` of the channels.
    """

    kernels: Array
    moments: Moments

    @property
    def damped(self) -> Array:
        """The covariance with `DAMPING`; (c, c)."""
        own = np.diag(self.moments.covariance)
        varying = np.maximum(own, QUIET * own.mean())
        return self.moments.covariance + np.diag(DAMPING * varying + LEAST)

    def without(self, gone: Array) -> tuple[Array, Array]:
        """Return the kernels fitted again without some channels (zero there), and mean change.

        The second is what the mean of each row falls by, for the bias.
        """
        kept = np.setdiff1d(np.arange(self.kernels.shape[1]), gone)
        damped = self.damped
        shared = np.linalg.solve(damped[np.ix_(kept, kept)], damped[np.ix_(kept, gone)])
        fitted = np.zeros_like(self.kernels)
        fitted[:, kept] = self.kernels[:, kept] + self.kernels[:, gone] @ shared.T
        return fitted, (self.kernels - fitted) @ self.moments.mean


def removal(readings: Sequence[Reading]) -> tuple[Array, Array]:
    """Return the channels in the order in which they are missed least, and what each costs.

    A cost is a share: squared error of what the readers compute, over its variance, summed over the
    readers; each counts after those before it are gone and the others have taken over.
    """
    kernels = [each.kernels.copy() for each in readings]
    inverse = [np.linalg.inv(each.damped) for each in readings]
    spread = [
        max(float(((w @ each.moments.covariance) * w).sum()), LEAST)
        for w, each in zip(kernels, readings, strict=True)
    ]
    left = np.ones(kernels[0].shape[1], dtype=bool)
    order, costs = [], []
    for _ in left:
        cost = np.full(len(left), np.inf)
        cost[left] = sum(
            (w[:, left] ** 2).sum(0) / np.diag(h)[left] / whole
            for w, h, whole in zip(kernels, inverse, spread, strict=True)
        )
        channel = int(np.argmin(cost))
        for k, h in enumerate(inverse):
            taken = h[channel] / h[channel, channel]
            kernels[k] -= np.outer(kernels[k][:, channel], taken)
            inverse[k] = h - np.outer(h[:, channel], taken)
        left[channel] = False
        order.append(channel)
        costs.append(cost[channel])
    return np.array(order), np.array(costs)


def chosen(removals: Sequence[tuple[Array, Array]], amount: float) -> dict[int, Array]:
    """Return the channels to drop of each group, by its place: the cheapest blocks of all groups.

    At most the share `amount` of all channels, and never the last block of a group.
    """
    blocks = []
    for k, (order, costs) in enumerate(removals):
        dearest = 0.0
        for end in range(len(order) % BLOCK or BLOCK, len(order) - BLOCK + 1, BLOCK):
            start = max(0, end - BLOCK)
            dearest = max(dearest, float(costs[start:end].mean()))
            blocks.append((dearest, k, end, end - start))
    wanted = amount * sum(len(order) for order, _ in removals)
    found: dict[int, Array] = {}
    for _, k, end, size in sorted(blocks):
        wanted -= size
        if wanted < 0:
            break
        found[k] = removals[k][0][:end]
    return found


def prune_channels(content: bytes, feeds: Feeds, amount: float) -> bytes:
    """Return the file without a share `amount` of its hidden channels; as it was if it has none.

    Raises
    ------
    BadInput
        There are no feeds: the network was never asked.
    """
    need(feeds, "weigh channels with")
    graph = Graph(folded(content))
    groups = graph.groups()
    if not groups:
        return content
    tensors = sorted({span.layer.input[0] for each in groups for span in each.readers})
    moments = graph.moments(tensors, feeds)
    readings = [[_reading(graph, each, span, moments) for span in each.readers] for each in groups]
    dropped = chosen([removal(each) for each in readings], amount)
    if not dropped:
        return content
    for k, gone in dropped.items():
        for span, reading in zip(groups[k].readers, readings[k], strict=True):
            _refit(graph, span, reading, gone)
    made = bytes(graph.without(dropped, groups).SerializeToString())
    halved = any(name.endswith(HALF) for name in _stored(content))
    return float16(made, (), 0.0) if halved else made


def _stored(content: bytes) -> list[str]:
    model = import_onnx().load_model_from_string(content)
    return [tensor.name for tensor in model.graph.initializer]


def _reading(graph: Graph, group: Group, span: Span, moments: Mapping[str, Moments]) -> Reading:
    own = slice(span.start, span.start + group.size)
    kernels = graph.weights[span.layer.input[1]][:, own].astype(np.float64)
    whole = moments[span.layer.input[0]]
    part = Moments(whole.mean[own], whole.covariance[own, own])
    return Reading(np.moveaxis(kernels, 1, -1).reshape(-1, group.size), part)


def _refit(graph: Graph, span: Span, reading: Reading, gone: Array) -> None:
    """Write the kernels and the bias that a reader has without some channels."""
    fitted, fallen = reading.without(gone)
    weights = graph.weights[span.layer.input[1]]
    outputs, size, taps = len(weights), fitted.shape[1], weights.shape[2:]
    shaped = np.moveaxis(fitted.reshape(outputs, *taps, size), -1, 1)
    weights[:, span.start : span.start + size] = shaped
    graph.weights[span.layer.input[2]] += fallen.reshape(outputs, -1).sum(1).astype(np.float32)
