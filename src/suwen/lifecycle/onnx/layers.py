"""The layers of an ONNX file, and which of their channels only further layers read.

A channel is hidden when all that reads it is further convolutions, directly or through nodes that
leave channels apart (activations, pooling, resizing, depthwise convolutions, concatenation): the
inside of an inverted residual, a convolution after another. Channels that reach a sum, an output or
anything else stay. Needs the extra [train].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.onnx.smaller import Feeds, import_onnx

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

    def layers(self) -> list[Any]:
        """Return the convolutions with weights of their own, depthwise ones too."""
        nodes = self.model.graph.node
        return [node for node in nodes if self._is_layer(node) or self.is_depthwise(node)]

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
        if self.is_depthwise(node):
            group.passed.append(Span(node, start))
        elif not self._keeps_apart(node):
            return False
        return self._follow(node.output[0], start, group)

    def _is_layer(self, node: Any) -> bool:
        return self._owns_weights(node) and _attribute(node, "group", 1) == 1

    def is_depthwise(self, node: Any) -> bool:
        """Say whether a node is a convolution of each channel alone."""
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
        inputs = {each.name for each in model.graph.input}
        inner = [name for name in tensors if name not in inputs]
        new = [name for name in inner if name not in self.outputs]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in new)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        count: dict[str, int] = defaultdict(int)
        total: dict[str, Any] = defaultdict(float)
        products: dict[str, Any] = defaultdict(float)
        for feed in feeds:
            values = session.run(inner, dict(feed)) if inner else []
            met = dict(feed) | dict(zip(inner, values, strict=True))
            for name in tensors:
                rows = np.moveaxis(met[name], 1, 0).reshape(met[name].shape[1], -1)
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
        rows: defaultdict[str, list[Array]] = defaultdict(list)
        columns: defaultdict[str, list[Array]] = defaultdict(list)
        for k, gone in dropped.items():
            for span in [Span(groups[k].source, 0), *groups[k].passed]:
                for name in span.layer.input[1:]:
                    rows[name].append(gone + span.start)
            for span in groups[k].readers:
                columns[span.layer.input[1]].append(gone + span.start)
        for axis, taken in enumerate((rows, columns)):
            for name, parts in taken.items():
                self.weights[name] = np.delete(self.weights[name], np.concatenate(parts), axis)
        for k in dropped:
            for span in groups[k].passed:
                (count,) = [each for each in span.layer.attribute if each.name == "group"]
                count.i = len(self.weights[span.layer.input[1]])
        del self.model.graph.value_info[:]
        return self.written()

    def written(self) -> Any:
        """Return the model with the weights as they are now."""
        onnx = import_onnx()
        for tensor in self.model.graph.initializer:
            tensor.CopyFrom(onnx.numpy_helper.from_array(self.weights[tensor.name], tensor.name))
        return self.model


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(each.i) for each in node.attribute if each.name == name), default)
