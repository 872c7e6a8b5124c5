"""Whole hidden channels leave a network: which may, which first, and who takes over."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from suwen.core.errors import BadInput
from suwen.lifecycle.onnx import channels, layers, smaller

WIDE, NARROW, SIDE = 32, 8, 6


class Drawn:
    """Nodes and weights of a network, added one by one."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], {"low": np.float32(0), "high": np.float32(6)}

    def node(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def clip(self, x):
        return self.node("Clip", x, "low", "high")

    def conv(self, x, kernels, bias=None):
        """A convolution; a kernel with one input channel and many outputs is depthwise."""
        name, side = f"w{len(self.nodes)}", kernels.shape[-1]
        bias = self.rng.uniform(0.5, 1.0, len(kernels)) if bias is None else bias
        self.weights |= {name: np.float32(kernels), f"{name}b": np.float32(bias)}
        group = len(kernels) if kernels.shape[1] == 1 else 1
        settings = {"group": group, "pads": [side // 2] * 4, "kernel_shape": [side, side]}
        return self.node("Conv", x, name, f"{name}b", **settings)

    def kernels(self, outputs, inputs, side=1):
        return self.rng.normal(0, 2 / np.sqrt(inputs) / side, (outputs, inputs, side, side))

    def bytes(self, *outputs):
        info = helper.make_tensor_value_info
        stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in self.weights.items()]
        shape = ["n", 3, SIDE, SIDE]
        made = [info(name, TensorProto.FLOAT, None) for name in outputs]
        start = [info("x", TensorProto.FLOAT, shape)]
        graph = helper.make_graph(self.nodes, "drawn", start, made, stored)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def twice(kernels):
    """The same channels once more, so that half of them say nothing new."""
    return np.concatenate([kernels, kernels])


def inverted_residual(repeated=True):
    """Stem, expand, depthwise, project, sum with the stem; then a head."""
    net, half = Drawn(), WIDE // 2
    stem = net.conv("x", net.kernels(NARROW, 3))
    bias, deep = net.rng.uniform(0.5, 1, half), net.kernels(half, 1, 3)
    wide, deep_bias = net.kernels(half, NARROW), net.rng.uniform(0.5, 1, half)
    if repeated:
        wide, bias, deep, deep_bias = map(twice, (wide, bias, deep, deep_bias))
    x = net.clip(net.conv(stem, wide, bias))
    x = net.clip(net.conv(x, deep, deep_bias))
    x = net.conv(x, net.kernels(NARROW, len(wide)))
    head = net.conv(net.node("Add", x, stem), net.kernels(2, NARROW))
    return net.bytes(head), head


def skipped():
    """A coarse and a fine convolution, joined and read together, as in a U-Net."""
    net = Drawn(1)
    fine = net.node("Relu", net.conv("x", twice(net.kernels(8, 3)), np.full(16, 0.2)))
    pooled = net.node("MaxPool", fine, kernel_shape=[2, 2], strides=[2, 2])
    coarse = net.node("Relu", net.conv(pooled, twice(net.kernels(8, 16, 3)), np.full(16, 0.3)))
    net.weights["scales"] = np.float32([1, 1, 2, 2])
    large = net.node("Resize", coarse, "", "scales", mode="nearest")
    head = net.conv(net.node("Concat", large, fine, axis=1), net.kernels(2, 32))
    return net.bytes(head), head


def feeds(count=6, seed=2):
    rng = np.random.default_rng(seed)
    return [{"x": rng.normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32)} for _ in range(count)]


def asked(content, output, feed):
    return onnxruntime.InferenceSession(content).run([output], feed)[0]


def off(made, content, output):
    """How far answers moved, in spreads of the answer, on inputs nobody calibrated with."""
    (feed,) = feeds(1, seed=9)
    wanted = asked(content, output, feed)
    return float(np.abs(asked(made, output, feed) - wanted).mean() / wanted.std())


def widths(content):
    """Output and input channels of each convolution, and its groups."""
    graph = onnx.load_model_from_string(content).graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    return [
        (*shapes[n.input[1]][:2], next(a.i for a in n.attribute if a.name == "group"))
        for n in graph.node
        if n.op_type == "Conv"
    ]


def test_only_the_inside_of_a_block_is_hidden():
    content, _ = inverted_residual()
    graph = layers.Graph(smaller.folded(content))
    (group,) = graph.groups()
    assert group.size == WIDE
    assert [graph.weights[span.layer.input[1]].shape for span in group.passed] == [(WIDE, 1, 3, 3)]
    assert [graph.weights[s.layer.input[1]].shape for s in group.readers] == [(NARROW, WIDE, 1, 1)]


def test_channels_that_repeat_others_leave_and_the_answer_stays():
    content, head = inverted_residual()
    made = channels.prune_channels(content, feeds(), 0.5)
    assert widths(made) == [(8, 3, 1), (16, 8, 1), (16, 1, 16), (8, 16, 1), (2, 8, 1)]
    assert off(made, content, head) < 0.02
    onnx.checker.check_model(onnx.load_model_from_string(made), full_check=True)


def test_channels_that_say_something_new_are_missed():
    content, head = inverted_residual(repeated=False)
    assert off(channels.prune_channels(content, feeds(), 0.5), content, head) > 0.05


def test_joined_channels_leave_at_their_own_places():
    content, head = skipped()
    made = channels.prune_channels(content, feeds(), 0.5)
    assert widths(made) == [(8, 3, 1), (8, 8, 1), (2, 16, 1)]
    assert off(made, content, head) < 0.05


def test_a_constant_channel_goes_into_the_bias():
    net = Drawn(3)
    kernels = net.kernels(16, 3)
    kernels[:8] = 0
    x = net.node("Relu", net.conv("x", kernels))
    head = net.conv(x, net.kernels(2, 16))
    content = net.bytes(head)
    made = channels.prune_channels(content, feeds(), 0.5)
    assert widths(made) == [(8, 3, 1), (2, 8, 1)]
    assert off(made, content, head) < 1e-5


@pytest.mark.parametrize("reached", ["sum", "output", "sizes"])
def test_channels_that_something_else_reads_stay(reached):
    net = Drawn()
    wide = net.conv("x", net.kernels(16, 3))
    x = {"sum": lambda: net.node("Add", wide, wide), "output": lambda: wide}.get(reached)
    net.weights["sizes"] = np.array([1, 16, SIDE, SIDE], dtype=np.int64)
    x = x() if x else net.node("Resize", wide, "", "", "sizes", mode="nearest")
    head = net.conv(x, net.kernels(2, 16))
    content = net.bytes(head, *([wide] if reached == "output" else []))
    assert channels.prune_channels(content, feeds(), 0.5) == content


def test_half_precision_stays_half_precision(monkeypatch):
    monkeypatch.setattr(smaller, "LEAST_HALVED", 16)
    content, head = inverted_residual()
    half = smaller.float16(content, (), 0)
    assert len(half) < len(content)
    made = channels.prune_channels(half, feeds(), 0.5)
    assert len(made) < len(channels.prune_channels(content, feeds(), 0.5))
    assert off(made, content, head) < 0.02


def test_a_network_nobody_asked_is_refused():
    with pytest.raises(BadInput, match="no example asks"):
        channels.prune_channels(inverted_residual()[0], [], 0.5)


def readings(count=10, outputs=4, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (count, count)) @ rng.normal(0, 1, (count, 5000))
    moments = layers.Moments(values.mean(1), np.cov(values, bias=True))
    return channels.Reading(rng.normal(0, 1, (outputs, count)), moments), values


def test_a_removal_costs_what_least_squares_cannot_give_back(monkeypatch):
    monkeypatch.setattr(channels, "DAMPING", 0.0)
    reading, values = readings()
    order, costs = channels.removal([reading])
    wanted = reading.kernels @ values
    centred = wanted - wanted.mean(1, keepdims=True)
    for count in (1, 4):
        fitted, change = reading.without(order[:count])
        kept = fitted @ values + change[:, None]
        left = ((kept - wanted) ** 2).sum() / (centred**2).sum()
        assert left == pytest.approx(costs[:count].sum(), rel=1e-3)
        assert not fitted[:, order[:count]].any()


def test_the_cheapest_blocks_of_all_layers_go_and_never_the_last():
    cheap, dear = np.full(24, 1e-4), np.full(16, 1.0)
    removals = [(np.arange(24)[::-1], cheap), (np.arange(16), dear)]
    found = channels.chosen(removals, 0.5)
    assert {k: list(gone) for k, gone in found.items()} == {0: list(range(23, 7, -1))}
    everything = channels.chosen(removals, 0.99)
    assert {k: len(gone) for k, gone in everything.items()} == {0: 16, 1: 8}


def test_nothing_leans_on_a_channel_that_hardly_varies():
    reading, _ = readings()
    scale = np.where(np.arange(10) < 5, 1.0, 1e-6)
    moments = layers.Moments(
        reading.moments.mean * scale, reading.moments.covariance * np.outer(scale, scale)
    )
    fitted, _ = channels.Reading(reading.kernels, moments).without(np.arange(5))
    assert np.abs(fitted).max() < 10 * np.abs(reading.kernels).max()
