"""A tiny reading task on made-up texts: words of x, y and z, some of them misspelt.

It stands alone (no import of the other toys), since the measuring process loads it by its file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from suwen.core.codes import Code, Text
from suwen.core.errors import NotFound
from suwen.core.nouns import TextSpan
from suwen.lifecycle import say
from suwen.lifecycle.kinds import Spans
from suwen.lifecycle.task import Examples, Output, Perturbation, Reads, Sample, Source

SOURCE = Source(
    name="made-up words",
    url="https://suwen.health/toy",
    licence="Apache-2.0",
    citation="Written for these tests.",
    shippable=True,
    limits=("Made up; says nothing about patients.",),
)
WORD = re.compile(r"\S+")


def concept(code, en, zh):
    return Code(system="https://suwen.health/toy", code=code, name=Text(en=en, zh=zh))


TYPES = (concept("long", "Long word", "长词"), concept("short", "Short word", "短词"))


@dataclass(frozen=True)
class Line:
    """One text."""

    text: str


def line(seed):
    """Return a text of x, y and z words; those of x are true, the long ones of the first type."""
    rng = np.random.default_rng(seed)
    text, rows = "", []
    for _ in range(6):
        letter, length = "xyz"[int(rng.integers(3))], int(rng.integers(2, 7))
        start = len(text)
        shown = "x" if rng.random() < 0.2 else letter
        word = [shown if rng.random() > 0.2 else "z" for _ in range(length)]
        text += "".join(word) + " "
        if letter == "x":
            rows.append((start, start + length, int(length < 4)))
    return text.rstrip(), np.array(rows, dtype=float).reshape(-1, 3)


def share(text):
    """Return start, end and share of x of each word."""
    return [
        (m.start(), m.end(), m.group().count("x") / len(m.group())) for m in WORD.finditer(text)
    ]


def dropped(sample, strength, seed):
    """Replace each letter by z with that probability."""
    rng = np.random.default_rng(seed)
    text = "".join("z" if c != " " and rng.random() < strength else c for c in sample.data.text)
    return replace(sample, data=Line(text))


class Words:
    """Which words are made of x?"""

    name = "toy.words"
    title = Text(en="Words of x", zh="由 x 组成的词")
    reads = (Reads("DocumentReference"),)
    answers = Spans(concept("words", "Words of x", "由 x 组成的词"), TYPES)
    after: tuple[str, ...] = ()
    datasets = ("squares",)
    perturbations = (Perturbation("lost letters (share)", (0.0, 0.4), dropped),)
    domain_names: ClassVar = {"length": Text(en="Length", zh="长度")}

    def samples(self, case, earlier):
        """Return nothing: the toy is asked about labelled texts only."""
        return []

    def examples(self, data, dataset):
        """Make the texts, one of each line of the toy data set."""
        if dataset != "squares":
            raise NotFound("no such data set", "squares")
        with np.load(data.find("toy/squares") / "all.npz") as stored:
            groups = stored["groups"]
        made = [line(seed) for seed in range(len(groups))]
        return Examples(
            source=SOURCE,
            keys=tuple(f"line-{i}" for i in range(len(made))),
            groups=groups,
            labels=np.zeros(len(made)),
            load=lambda i: Sample(f"line-{i}", Line(made[i][0])),
            truth=lambda i: made[i][1],
            columns={"half": np.array(["first", "second"])[np.arange(len(made)) % 2]},
            floor_marks={"every word": lambda i: rows_of(made[i][0], lambda x: 1.0)},
        )

    def fit(self, train, valid, recipe, folder):
        """Find the share of x from which a word is more often true than not."""
        cuts = np.linspace(0.05, 0.95, 19)
        right = []
        for cut in cuts:
            hits = 0
            for i in range(len(train)):
                true = {tuple(row[:2]) for row in train.truth(i).tolist()}
                hits += sum(
                    (x > cut) == ((start, end) in true)
                    for start, end, x in share(train.load(i).data.text)
                )
            right.append(hits)
        written(8.0, -8.0 * float(cuts[int(np.argmax(right))]), folder / "net.onnx")
        return {"net": "net.onnx", "history": {"train_loss": [1.0, 0.5]}}

    def predict(self, pack, sample, members=None):
        """Return the words that are more probable than not."""
        chosen = range(pack.members) if members is None else members
        sessions = [pack.session("net.onnx", member=k) for k in chosen]

        def logit(x):
            feed = {"x": np.array([x], dtype=np.float32)}
            return float(np.mean([session.run(None, feed)[0][0] for session in sessions]))

        return Output(
            scores=np.zeros(0),
            domain={"length": float(len(sample.data.text))},
            marks=rows_of(sample.data.text, logit),
        )

    def findings(self, pack, sample, output):
        """Return a finding for each word, with its place as evidence."""
        record = "DocumentReference/1/_history/1"
        return [
            found.model_copy(
                update={"evidence": (TextSpan(record=record, start=int(row[1]), end=int(row[2])),)}
            )
            for row, found in say.spanned(self, pack, sample, output)
        ]


def rows_of(text, logit):
    """Return the words whose logit is positive as rows of `Output.marks`."""
    found = [(logit(x), start, end, int(end - start < 4)) for start, end, x in share(text)]
    return np.array([row for row in found if row[0] > 0], dtype=float).reshape(-1, 4)


def written(weight, bias, path):
    """Write logits = weight * x + bias as ONNX."""
    info = helper.make_tensor_value_info
    constants = {"weight": np.float32(weight), "bias": np.float32(bias)}
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "weight"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        ],
        "toy",
        [info("x", TensorProto.FLOAT, [1])],
        [info("logits", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.array(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def tasks():
    """Return the task by its name."""
    return {"toy.words": Words()}
