"""Take whole hidden channels out of an ONNX file: smaller in memory and faster, without training.

A channel is hidden when all that reads it is further convolutions, directly or through nodes that
leave channels apart (activations, pooling, resizing, depthwise convolutions, concatenation): the
inside of an inverted residual, a convolution after another. Channels that reach a sum, an output or
anything else stay.

What a channel is worth is what its readers lose without it after the channels that stay have taken
over what they can of it: least squares on the values met in `feeds`, one channel after another, as
the optimal brain surgeon does for single weights. Mean values go into the biases of the readers.

References: Li et al., ICLR 2017 (whole filters); He et al., ICCV 2017 (the next layer fitted again
by least squares); Hassibi & Stork, NeurIPS 1992 (what a removal costs, and who takes over); Nagel
et al., ICCV 2019 (means corrected in the bias).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.smaller import HALF, Feeds, float16, folded, import_onnx
from suwen.lifecycle.task import Array

BLOCK = 8
"""Layers keep a multiple of so many channels: ONNX Runtime computes in blocks, and a depthwise
convolution of another number of channels took four times as long here."""
DAMPING = 0.01
"""Added to the variance of each channel, as a share of it: few feeds say little about the rest."""
QUIET = 0.1
"""A channel varies at least so much of the mean for that: else others lean on hardly anything."""
LEAST = 1e-12
"""Added to variances that may be zero."""
APART = frozenset(
    {
        *("Clip", "Relu", "LeakyRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh"),
        *("Identity", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize"),
    }
)
"""Operations that treat each channel of their first input alone."""


@dataclass(frozen=True)
class Span:
    """Channels of one layer that a group takes up: input channels, from `start` on."""

    layer: Any
    start: int


@dataclass
class Group:
    """The output channels of one layer, with everything they pass through on the way to readers."""

    source: Any
    size: int
    passed: list[Span] = field(default_factory=list)
    readers: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class Moments:
    """Mean (c,) and covariance (c, c) of the channels of one tensor."""

    mean: Array
    covariance: Array


class Graph:
    """A model with its weights as arrays, and who reads what."""

    def __init__(self, model: Any) -> None:
        onnx = import_onnx()
        self.model = onnx.shape_inference.infer_shapes(model)
        graph = self.model.graph
        self.weights = {t.name: onnx.numpy_helper.to_array(t).copy() for t in graph.initializer}
        self.outputs = {each.name for each in graph.output}
        self._readers: defaultdict[str, list[Any]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self._channels = {
            each.name: each.type.tensor_type.shape.dim[1].dim_value
            for each in [*graph.value_info, *graph.input]
            if len(each.type.tensor_type.shape.dim) > 1
        }

    def groups(self) -> list[Group]:
        """Return the groups of hidden channels."""
        found: list[Group] = []
        if any(each.HasField("g") for node in self.model.graph.node for each in node.attribute):
            return found  # branches and loops read what no edge shows
        for node in self.model.graph.node:
            if not self._is_layer(node):
                continue
            group = Group(node, len(self.weights[node.input[1]]))
            if self._follow(node.output[0], 0, group):
                found.append(group)
        return found

    def _follow(self, tensor: str, start: int, group: Group) -> bool:
        """Add what reads a tensor to the group; say whether all of it can do with fewer channels.

        `start` is the first channel of the tensor that belongs to the group.
        """
        nodes = self._readers[tensor]
        if tensor in self.outputs or not nodes:
            return False
        return all(self._joins(node, tensor, start, group) for node in nodes)

    def _joins(self, node: Any, tensor: str, start: int, group: Group) -> bool:
        if list(node.input).count(tensor) != 1 or len(node.output) != 1:
            return False
        if node.op_type == "Concat" and _attribute(node, "axis", 0) == 1:
            others = [self._channels.get(name, 0) for name in node.input]
            before = others[: list(node.input).index(tensor)]
            return all(before) and self._follow(node.output[0], start + sum(before), group)
        if node.input[0] != tensor:
            return False
        if self._is_layer(node):
            group.readers.append(Span(node, start))
            return True
        if self._is_depthwise(node):
            group.passed.append(Span(node, start))
        elif not self._keeps_apart(node):
            return False
        return self._follow(node.output[0], start, group)

    def _is_layer(self, node: Any) -> bool:
        return self._owns_weights(node) and _attribute(node, "group", 1) == 1

    def _is_depthwise(self, node: Any) -> bool:
        if not self._owns_weights(node):
            return False
        outputs, inputs = self.weights[node.input[1]].shape[:2]
        return bool(inputs == 1 and _attribute(node, "group", 1) == outputs)

    def _keeps_apart(self, node: Any) -> bool:
        """Say whether a node treats channels alone (sizes of a resizing would state how many)."""
        counts = [self._channels.get(name, 0) for name in (node.input[0], node.output[0])]
        stated = node.op_type == "Resize" and len(node.input) > 3
        return node.op_type in APART and not stated and counts[0] == counts[1] > 0

    def _owns_weights(self, node: Any) -> bool:
        """Say whether a node is a convolution with kernels and bias that no other node reads."""
        if node.op_type != "Conv" or len(node.input) != 3:
            return False
        own = list(node.input[1:])
        return all(name in self.weights and len(self._readers[name]) == 1 for name in own)

    def moments(self, tensors: Sequence[str], feeds: Feeds) -> dict[str, Moments]:
        """Return the moments of the channels of some tensors over all feeds and places."""
        onnx = import_onnx()
        import onnxruntime

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        count: dict[str, int] = defaultdict(int)
        total: dict[str, Any] = defaultdict(float)
        products: dict[str, Any] = defaultdict(float)
        for feed in feeds:
            for name, values in zip(tensors, session.run(list(tensors), dict(feed)), strict=True):
                rows = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
                count[name] += rows.shape[1]
                total[name] = total[name] + rows.sum(1, dtype=np.float64)
                products[name] = products[name] + rows @ rows.T
        mean = {name: total[name] / count[name] for name in tensors}
        return {
            name: Moments(
                mean[name], products[name] / count[name] - np.outer(mean[name], mean[name])
            )
            for name in tensors
        }

    def without(self, dropped: Mapping[int, Array], groups: Sequence[Group]) -> Any:
        """Return the model without the dropped channels of each group, by its place in `groups`."""
        onnx = import_onnx()
        rows: defaultdict[str, list[Array]] = defaultdict(list)
        columns: defaultdict[str, list[Array]] = defaultdict(list)
        for k, gone in dropped.items():
            for node, start in [(groups[k].source, 0), *_pairs(groups[k].passed)]:
                for name in node.input[1:]:
                    rows[name].append(gone + start)
            for node, start in _pairs(groups[k].readers):
                columns[node.input[1]].append(gone + start)
        for axis, taken in enumerate((rows, columns)):
            for name, parts in taken.items():
                self.weights[name] = np.delete(self.weights[name], np.concatenate(parts), axis)
        for tensor in self.model.graph.initializer:
            tensor.CopyFrom(onnx.numpy_helper.from_array(self.weights[tensor.name], tensor.name))
        for k in dropped:
            for node, _ in _pairs(groups[k].passed):
                (groups_of,) = [each for each in node.attribute if each.name == "group"]
                groups_of.i = len(self.weights[node.input[1]])
        del self.model.graph.value_info[:]
        return self.model


def _pairs(spans: Sequence[Span]) -> Iterator[tuple[Any, int]]:
    return ((span.layer, span.start) for span in spans)


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(each.i) for each in node.attribute if each.name == name), default)


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
    if not feeds:
        raise BadInput(
            "a network that no example asks", "feeds to weigh channels with", "give more examples"
        )
    graph = Graph(folded(content))
    groups = graph.groups()
    if not groups:
        return content
    tensors = sorted({node.input[0] for each in groups for node, _ in _pairs(each.readers)})
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
