"""Make an ONNX file smaller and faster with 8-bit integers. Needs the extra [train].

References: Jacob et al., CVPR 2018 (integer arithmetic with a scale and a zero point); Nagel et
al., ICCV 2019 (rounded weights move the mean of what a layer computes; its bias takes that back).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from suwen.lifecycle.examples import Array
from suwen.lifecycle.onnx.layers import Graph
from suwen.lifecycle.onnx.smaller import Feeds, folded, import_onnx, need, quiet

QUANTISED = ["Conv", "MatMul", "Gemm", "Clip", "Relu", "MaxPool", "Resize", "Concat"]
"""Operations done on bytes: layers, and what only clips, chooses or moves their values, so that
nothing is widened and narrowed between two layers. Sums stay in single precision."""
STEPS = 64
"""Steps of a weight between zero and the largest of its channel: 7 bits with the sign."""


def quantise(content: bytes, feeds: Feeds, amount: float) -> bytes:
    """Return the file with weights and activations of its layers as 8-bit integers.

    One scale a channel for weights (7 bits, since processors without VNNI saturate sums of 8), one
    a tensor for activations, from the ranges met in `feeds`.

    Raises
    ------
    BadInput
        There are no feeds: the network was never asked.
    """
    need(feeds, "learn ranges from")
    onnx = import_onnx()
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # not typed there
        waiting = iter(feeds)

        def get_next(self) -> Any:
            return next(self.waiting, None)

    with tempfile.TemporaryDirectory() as folder, quiet():
        whole, shaped, made = (Path(folder) / f"{name}.onnx" for name in ("a", "b", "c"))
        onnx.save(levelled(Graph(folded(content)), feeds), str(whole))
        quantization.quant_pre_process(
            str(whole), str(shaped), skip_optimization=True, skip_symbolic_shape=True
        )
        quantization.quantize_static(
            str(shaped),
            str(made),
            Reader(),
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            reduce_range=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        return made.read_bytes()


def levelled(graph: Graph, feeds: Feeds) -> Any:
    """Return the model with biases that take back what rounding its weights moves means by."""
    nodes = graph.layers()
    moments = graph.moments(sorted({node.input[0] for node in nodes}), feeds)
    for node in nodes:
        weights = graph.weights[node.input[1]]
        error = (weights - rounded(weights)).reshape(*weights.shape[:2], -1).sum(2)
        mean = moments[node.input[0]].mean
        apart = graph.is_depthwise(node)
        moved = error[:, 0] * mean if apart else error @ mean
        graph.weights[node.input[2]] += moved.astype(np.float32)
    return graph.written()


def rounded(weights: Array) -> Array:
    """Return kernels (outputs, ...) as they are after rounding, one scale an output channel."""
    largest = np.abs(weights).reshape(len(weights), -1).max(1)
    scale = np.maximum(largest, np.finfo(np.float32).tiny) / STEPS
    scale = scale.reshape(-1, *[1] * (weights.ndim - 1))
    return np.asarray(np.round(weights / scale) * scale)
