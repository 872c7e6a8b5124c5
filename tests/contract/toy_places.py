"""A tiny detection task on made-up 8 x 8 images of 5 mm pixels: bright spots in noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from toy_parts import LabelledOnly, read, source_of, write_line

from suwen.core.codes import NODULE, Text
from suwen.core.nouns import RecordValue
from suwen.lifecycle import say
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Places
from suwen.lifecycle.task import Perturbation, Reads

SOURCE = source_of("made-up spots")
SIZE, PIXEL_MM = 8, 5.0
MARKS = 16
"""Marks in a picture: its brightest pixels."""
DIAMETERS = (4.0, 8.0, 14.0)
BRIGHTER = (2.5, 3.5, 4.5)
"""How much a spot of each diameter stands out."""


@dataclass(frozen=True)
class Spotted:
    """An image, shape (8, 8)."""

    values: np.ndarray


def spotted(values, groups, seed=11):
    """Put none to two spots into each image; return images and their places, (k, 4) each."""
    rng = np.random.default_rng(seed)
    values, places = values.copy(), []
    for i in range(len(groups)):
        found = []
        for pixel in rng.choice(SIZE * SIZE, int(rng.integers(1 if i == 0 else 0, 3)), False):
            row, column = divmod(int(pixel), SIZE)
            kind = 2 if i == 0 else int(rng.integers(0, 3))
            values[i, row, column] += BRIGHTER[kind]
            counts = float(i == 0 or rng.random() < 0.85)
            found.append((column * PIXEL_MM, row * PIXEL_MM, DIAMETERS[kind], counts))
        places.append(np.array(found).reshape(-1, 4))
    return values, places


def brightest(scores):
    """Return the pixels with the largest score as marks, (MARKS, 4)."""
    chosen = np.argsort(-scores.ravel(), kind="stable")[:MARKS]
    rows, columns = np.divmod(chosen, SIZE)
    centres = [columns * PIXEL_MM, rows * PIXEL_MM]
    return np.column_stack([scores.ravel()[chosen], *centres, np.full(MARKS, PIXEL_MM)])


def noisy(sample, strength, seed):
    """Add noise."""
    noise = np.random.default_rng(seed).normal(0, strength, sample.data.values.shape)
    return replace(sample, data=Spotted((sample.data.values + noise).astype(np.float32)))


class Spots(LabelledOnly):
    """Where are bright spots?"""

    name = "toy.spots"
    title = Text(en="Bright spots", zh="亮点")
    reads = (Reads("Observation"),)
    answers = Places(NODULE, Text(en="picture", zh="张图"))
    perturbations = (Perturbation("noise", (0.0, 3.0), noisy),)
    domain_names: ClassVar = {"brightness": Text(en="Brightness", zh="亮度")}

    def examples(self, data, dataset):
        """Load the pictures with their spots."""
        stored = read(data, dataset)
        groups, diameter = stored["groups"], stored["diameter"]
        values, places = spotted(stored["values"], groups)
        return Examples(
            source=SOURCE,
            keys=tuple(f"picture-{i}" for i in range(len(values))),
            groups=groups,
            labels=np.array([int((each[:, -1] == 1).sum()) for each in places]),
            load=lambda i: Sample(f"picture-{i}", Spotted(values[i])),
            truth=lambda i: places[i],
            columns={"size": np.where(diameter > 9, "large", "small")},
            floor_marks={
                "bright rows": lambda i: brightest(values[i].mean(1, keepdims=True) + 0 * values[i])
            },
        )

    def fit(self, train, valid, recipe, folder):
        """Fit a logistic regression on single pixels by Newton's method."""
        x, y = [], []
        for i in range(len(train)):
            spots = np.zeros((SIZE, SIZE))
            for column, row, *_ in train.truth(i):
                spots[int(row / PIXEL_MM), int(column / PIXEL_MM)] = 1
            x.append(train.load(i).data.values.ravel())
            y.append(spots.ravel())
        design = np.column_stack([np.concatenate(x), np.ones(sum(map(len, x)))])
        truth, found = np.concatenate(y), np.zeros(2)
        for _ in range(8):
            said = 1 / (1 + np.exp(-design @ found))
            bent = design.T @ (design * (said * (1 - said))[:, None]) + 1e-3 * np.eye(2)
            found = found + np.linalg.solve(bent, design.T @ (truth - said))
        write_line(*found, [SIZE, SIZE], folder / "net.onnx")
        return {"net": "net.onnx", "history": {"train_loss": [1.0, 0.5]}}

    def predict(self, pack, sample, members=None):
        """Return the brightest pixels with the mean logit of the members."""
        feed = {"x": sample.data.values.astype(np.float32)}
        chosen = range(pack.members) if members is None else members
        logits = [pack.session("net.onnx", member=k).run(None, feed)[0] for k in chosen]
        return Output(
            scores=np.zeros(0),
            domain={"brightness": float(sample.data.values.mean())},
            marks=brightest(np.mean(logits, axis=0, dtype=float)),
        )

    def findings(self, pack, sample, output):
        """Return a finding for each mark that is shown, with its place as evidence."""
        return [
            found.model_copy(
                update={
                    "evidence": (
                        RecordValue(
                            record="Observation/1/_history/1", path=f"{mark[1]:g},{mark[2]:g}"
                        ),
                    )
                }
            )
            for mark, found in say.marked(self, pack, sample, output)
        ]


def tasks():
    """Return the task by its name."""
    return {"toy.spots": Spots()}
