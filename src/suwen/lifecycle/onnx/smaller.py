"""Make an ONNX file smaller: half precision, 8-bit weights, zeros. Needs the extra [train].

Arithmetic in 8-bit integers stands in `quantised`, whole channels in `channels`. All leave names
and shapes of inputs and outputs alone, so that whatever asked the old file can ask the new one.

Reference: Lee et al., ICLR 2021 (LAMP: how many weights each layer can spare).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.lifecycle.examples import Array

LEAST_HALVED = 256
"""Weights with fewer numbers stay in single precision."""
LEAST_PRUNED = 32
"""Smaller kernels are not pruned."""
HALF = ".half"
BYTES, WIDE, SCALE = ".bytes", ".wide", ".scale"
"""What the name of a weight in 8 bits ends with, of the same widened, and of its scales."""
LARGEST = 127
"""Of an 8-bit integer, so that zero lies in the middle."""

Feeds = Sequence[Mapping[str, Array]]
"""Inputs that a network was given, from which the ranges of its values are learned."""


def import_onnx() -> Any:
    """Return the package onnx.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "onnx", "train") from None
    return onnx


def need(feeds: Feeds, what_for: str) -> None:
    """Refuse a network that was never asked.

    Raises
    ------
    BadInput
        There are no feeds.
    """
    if not feeds:
        raise BadInput(
            "a network that no example asks", f"feeds to {what_for}", "give more examples"
        )


def halve(path: Path) -> None:
    """Keep the larger float32 weights of an ONNX file as float16, each with a Cast behind it.

    Every sum is still made in single precision, so that only the storage changes.
    """
    onnx = import_onnx()
    path.write_bytes(float16(path.read_bytes(), (), 0.0))
    onnx.checker.check_model(onnx.load(str(path)))


def float16(content: bytes, feeds: Feeds, amount: float) -> bytes:
    """Return the file with its larger float32 weights stored as float16; see `halve`."""
    onnx = import_onnx()
    model = onnx.load_model_from_string(content)
    _store(model, {t.name: _as_half for t in model.graph.initializer})
    return bytes(model.SerializeToString())


def weights8(content: bytes, feeds: Feeds, amount: float) -> bytes:
    """Return the file with its larger weights as 8-bit integers, one scale an output channel.

    Only the storage changes: they are widened when the file is opened, and every sum is made in
    single precision. Kernels that read one channel, few and easily harmed, are kept in float16.
    """
    model = folded(content)
    turned = _inputs_first(model.graph)
    ways: dict[str, Store] = {}
    for tensor in model.graph.initializer:
        apart = len(tensor.dims) > 2 and tensor.dims[1] == 1
        if len(tensor.dims) > 1:
            ways[tensor.name] = _as_half if apart else partial(_as_bytes, turned)
    _store(model, ways)
    return bytes(model.SerializeToString())


Store = Callable[[str, Array], tuple[dict[str, Array], list[Any]]]
"""Takes the name and the values of a weight; returns what is stored and the nodes that widen it."""


def _store(model: Any, ways: Mapping[str, Store]) -> None:
    """Keep the larger float32 weights of a model otherwise, each in its way."""
    onnx = import_onnx()
    stored, widening = [], []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        small = values.dtype != np.float32 or values.size < LEAST_HALVED
        if small or tensor.name not in ways or np.abs(values).max() > np.finfo(np.float16).max:
            stored.append(tensor)
            continue
        kept, nodes = ways[tensor.name](tensor.name, values)
        stored += [onnx.numpy_helper.from_array(part, name) for name, part in kept.items()]
        widening += nodes
    _replace(model.graph.initializer, stored)
    _replace(model.graph.node, [*widening, *model.graph.node])


def _cast(source: str, target: str) -> Any:
    onnx = import_onnx()
    return onnx.helper.make_node("Cast", [source], [target], to=onnx.TensorProto.FLOAT)


def _as_half(name: str, values: Array) -> tuple[dict[str, Array], list[Any]]:
    return {name + HALF: values.astype(np.float16)}, [_cast(name + HALF, name)]


def _as_bytes(turned: set[str], name: str, values: Array) -> tuple[dict[str, Array], list[Any]]:
    """Return bytes with a scale for each output: the last axis of a matrix that is `turned`."""
    axes = (0,) if name in turned else tuple(range(1, values.ndim))
    largest = np.abs(values).max(axis=axes, keepdims=True)
    scale = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(LARGEST)
    kept = {name + BYTES: np.rint(values / scale).astype(np.int8), name + SCALE: scale}
    times = import_onnx().helper.make_node("Mul", [name + WIDE, name + SCALE], [name])
    return kept, [_cast(name + BYTES, name + WIDE), times]


def _replace(held: Any, made: Sequence[Any]) -> None:
    """Put others in place of what a list of a model holds."""
    kept = list(made)
    del held[:]
    held.extend(kept)


def _inputs_first(graph: Any) -> set[str]:
    """Return the matrices (inputs, outputs); the other weights have their outputs first."""
    found = set()
    for node in graph.node:
        swapped = any(each.name == "transB" and each.i for each in node.attribute)
        if node.op_type in ("MatMul", "Gemm") and not swapped:
            found.add(node.input[1])
    return found


def widened(content: bytes) -> Any:
    """Return the model with the weights that `halve` stored in float16 as float32 again."""
    onnx = import_onnx()
    model = onnx.load_model_from_string(content)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            values = onnx.numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
            stored[node.input[0]].CopyFrom(onnx.numpy_helper.from_array(values, node.output[0]))
        else:
            kept.append(node)
    _replace(model.graph.node, kept)
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the runtime's remarks about temporary graphs off standard error."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)


def folded(content: bytes) -> Any:
    """Return the model in float32 with its constants computed and its padding inside its layers."""
    import onnxruntime

    onnx = import_onnx()
    with tempfile.TemporaryDirectory() as folder, quiet():
        made = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(made)
        whole = widened(content).SerializeToString()
        onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(made))
    used = {node.domain for node in model.graph.node}
    imports = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    return model


def prune(content: bytes, feeds: Feeds, amount: float) -> bytes:
    """Return the file with a share `amount` of its weights set to zero, the least needed first.

    Unstructured: the file has the same size and the same speed. It is smaller where it is packed
    (an archive, a download), which is what the figures say.
    """
    onnx = import_onnx()
    model = onnx.load_model_from_string(content)
    tensors = [
        (tensor, onnx.numpy_helper.to_array(tensor).copy()) for tensor in model.graph.initializer
    ]
    chosen = [
        (tensor, values)
        for tensor, values in tensors
        if values.dtype in (np.float32, np.float16)
        and values.ndim >= 2
        and values.size >= LEAST_PRUNED
    ]
    if not chosen:
        return content
    scores = [_needed(values) for _, values in chosen]
    limit = np.quantile(np.concatenate([each.ravel() for each in scores]), amount)
    for (tensor, values), score in zip(chosen, scores, strict=True):
        values[score < limit] = 0
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return bytes(model.SerializeToString())


def _needed(values: Array) -> Array:
    """Return the LAMP score of each weight: its square over that of all larger ones and its own."""
    squares = values.astype(np.float64).ravel() ** 2
    order = np.argsort(squares)
    left = np.cumsum(squares[order][::-1])[::-1]
    scores = np.empty_like(squares)
    scores[order] = squares[order] / np.maximum(left, np.finfo(float).tiny)
    return np.asarray(scores.reshape(values.shape))
