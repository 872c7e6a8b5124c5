"""What the toys share: their source, their data set, and a network of one multiplication."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from suwen.core.codes import Code, Text
from suwen.core.errors import NotFound
from suwen.lifecycle.examples import Source


def source_of(name: str) -> Source:
    """Return the source of a made-up data set."""
    return Source(
        name=name,
        url="https://suwen.health/toy",
        licence="Apache-2.0",
        citation="Written for these tests.",
        shippable=True,
        limits=("Made up; says nothing about patients.",),
    )


def concept(code: str, en: str, zh: str) -> Code:
    return Code(system="https://suwen.health/toy", code=code, name=Text(en=en, zh=zh))


def read(data: Any, dataset: str) -> dict[str, np.ndarray]:
    """Return the arrays of the toy data set."""
    if dataset != "squares":
        raise NotFound("no such data set", "squares")
    with np.load(data.find("toy/squares") / "all.npz") as stored:
        return {name: stored[name] for name in stored.files}


def write_line(weight: float, bias: float, shape: Sequence[int], path: Path) -> None:
    """Write logits = weight * x + bias as ONNX."""
    info = helper.make_tensor_value_info
    constants = {"weight": np.float32(weight), "bias": np.float32(bias)}
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "weight"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        ],
        "toy",
        [info("x", TensorProto.FLOAT, shape)],
        [info("logits", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


class LabelledOnly:
    """A toy that is asked about labelled examples only."""

    after: tuple[str, ...] = ()
    datasets = ("squares",)

    def samples(self, case: Any, earlier: Any) -> list[Any]:
        """Return nothing."""
        return []
