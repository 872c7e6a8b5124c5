"""A tiny reading task on made-up texts: words of x, y and z, some of them misspelt."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from toy_parts import LabelledOnly, concept, read, source_of, write_line

from suwen.core.codes import Text
from suwen.core.nouns import TextSpan
from suwen.lifecycle import say
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Spans
from suwen.lifecycle.task import Perturbation, Reads

SOURCE = source_of("made-up words")
WORD = re.compile(r"\S+")


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


class Words(LabelledOnly):
    """Which words are made of x?"""

    name = "toy.words"
    title = Text(en="Words of x", zh="由 x 组成的词")
    reads = (Reads("DocumentReference"),)
    answers = Spans(concept("words", "Words of x", "由 x 组成的词"), TYPES)
    perturbations = (Perturbation("lost letters (share)", (0.0, 0.4), dropped),)
    domain_names: ClassVar = {"length": Text(en="Length", zh="长度")}

    def examples(self, data, dataset):
        """Make the texts, one of each line of the toy data set."""
        groups = read(data, dataset)["groups"]
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
        write_line(8.0, -8.0 * float(cuts[int(np.argmax(right))]), [1], folder / "net.onnx")
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


def tasks():
    """Return the task by its name."""
    return {"toy.words": Words()}
