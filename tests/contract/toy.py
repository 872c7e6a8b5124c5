"""Tiny tasks on made-up 8 x 8 images, one for each kind of answer: the whole lifecycle in seconds.

A bright square in the middle decides the class (or, with three, one in the corner); brightness
alone is the floor. All are written as ONNX by hand, so that they need no training library but
`onnx`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from toy_parts import read, source_of

from suwen.core.codes import NODULE, SUWEN, Code, Text
from suwen.core.nouns import Attachment, Finding, Interval, Measure, RecordValue
from suwen.lifecycle import imbalance, say
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Choice, Mask, Value
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.task import Perturbation, Reads

SIZE = 8
SQUARE = (slice(2, 6), slice(2, 6))
SOURCE = source_of("made-up squares")
CORNER = (slice(0, 3), slice(0, 3))
NOTHING = Code(system=f"{SUWEN}/codes", code="nothing", name=Text(en="Nothing", zh="无"))

MIDDLE = Code(system=f"{SUWEN}/codes", code="Middle", name=Text(en="In the middle", zh="居中"))
CORNERED = Code(system=f"{SUWEN}/codes", code="Corner", name=Text(en="In the corner", zh="角落"))
SQUARE_CODE = Code(system=f"{SUWEN}/codes", code="square", name=Text(en="A square", zh="方块"))


@dataclass(frozen=True)
class Picture:
    """An image, shape (8, 8), and its size in mm."""

    values: np.ndarray
    diameter_mm: float


def pictures(count: int = 240, signal: float = 1.1, seed: int = 3):
    """Return images, labels, patients (two images each) and diameters."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    values = rng.normal(0, 1, (count, SIZE, SIZE))
    values[:, *SQUARE] += signal * 0.4 * labels[:, None, None]
    diameter = np.exp(rng.normal(2.0 + 0.35 * labels, 0.4))
    groups = np.array([f"patient-{i // 2}" for i in range(count)])
    return values.astype(np.float32), labels, groups, diameter


def table(folder: Path, count: int = 240, signal: float = 1.1, seed: int = 3) -> Path:
    """Write the data set under `folder/toy/squares`."""
    target = folder / "toy" / "squares"
    target.mkdir(parents=True)
    values, labels, groups, diameter = pictures(count, signal, seed)
    np.savez(target / "all.npz", values=values, labels=labels, groups=groups, diameter=diameter)
    return target


def written(weights, bias, path: Path) -> None:
    """Write logit = sum(weights * x) + bias and the map weights * x of K classes as ONNX.

    `weights` (K, 8, 8) and `bias` (K,), or one class without the first axis.
    """
    kernel = np.asarray(weights, dtype=np.float32).reshape(-1, SIZE, SIZE)
    nodes = [
        helper.make_node("Mul", ["x", "kernel"], ["map"]),
        helper.make_node("ReduceSum", ["map", "axes"], ["total"], keepdims=0),
        helper.make_node("Add", ["total", "bias"], ["logit"]),
    ]
    constants = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.atleast_1d(np.float32(bias)), "bias"),
        numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "axes"),
    ]
    classes = len(kernel)
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, [classes]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, [classes, SIZE, SIZE]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def logistic(x, y, x_stop, y_stop, epochs: int, decay: float):
    """Fit by gradient descent; return weights, bias and the learning curve."""
    weights, bias = np.zeros(x.shape[1]), 0.0
    history = {"train_loss": [], "valid_loss": []}

    def loss(a, b):
        z = a @ weights + bias
        return float(np.mean(np.logaddexp(0, z) - b * z))

    for _ in range(epochs):
        wrong = 1 / (1 + np.exp(-(x @ weights + bias))) - y
        weights = weights - 0.3 * (x.T @ wrong / len(y) + decay * weights)
        bias = bias - 0.3 * float(wrong.mean())
        history["train_loss"].append(loss(x, y))
        history["valid_loss"].append(loss(x_stop, y_stop))
    return weights, bias, history


def _with(sample, values):
    return replace(sample, data=replace(sample.data, values=values.astype(np.float32)))


def noisy(sample, strength, seed):
    """Add noise."""
    noise = np.random.default_rng(seed).normal(0, strength, sample.data.values.shape)
    return _with(sample, sample.data.values + noise)


def brighter(sample, strength, seed):
    """Make everything brighter: from some strength on far outside the domain."""
    return _with(sample, sample.data.values + strength)


def inverted(sample, strength, seed):
    """Turn bright into dark, all of it at 1: what speaks for one class then speaks against it."""
    return _with(sample, sample.data.values * (1 - 2 * strength))


def upside_down(sample, strength, seed):
    """Turn the picture on its head."""
    return _with(sample, sample.data.values[::-1])


PERTURBATIONS = (
    Perturbation("noise", (0.5, 2.0), noisy),
    Perturbation("brighter", (0.0, 50.0), brighter),
    Perturbation("inverted", (1.0,), inverted),
    Perturbation("upside down", (1.0,), upside_down, lambda mask, *_: mask[::-1]),
)


class Squares:
    """Is there a bright square in the middle?"""

    name = "toy.squares"
    title = Text(en="Bright square", zh="亮方块")
    reads = (Reads("Observation"),)
    answers = Choice((NOTHING, NODULE))
    after: tuple[str, ...] = ()
    datasets = ("squares",)
    perturbations = PERTURBATIONS
    attack_unit = "grey levels"
    attack_strengths = (0.1, 0.5)
    explanations = ("cam", "occlusion")
    pictures_show = Text(en="all of each square", zh="整个方块")
    domain_names: ClassVar = {
        "brightness": Text(en="Brightness", zh="亮度"),
        "spread": Text(en="Spread of the brightness", zh="亮度离散度"),
    }
    exclusions: ClassVar = {"large": lambda examples: examples.columns["size"] == "large"}

    fitted: ClassVar[list[int]] = []
    """How many samples each call of `fit` got: tells the tests what was trained again."""

    def samples(self, case, earlier):
        """Return one sample a picture: an Observation whose valueString names a blob."""
        found = []
        for record in case.of("Observation"):
            digest = record.content["valueString"].removeprefix("blob/")
            content = json.loads(case.blob(digest))
            found.append(
                Sample(
                    key=record.id,
                    data=Picture(np.array(content["values"], dtype=np.float32), content["mm"]),
                    evidence=(RecordValue(record=record.reference, path="valueString"),),
                    inputs=(record.reference, f"blob/{digest}"),
                )
            )
        return found

    def examples(self, data, dataset):
        """Load the squares."""
        stored = read(data, dataset)
        values, diameter = stored["values"], stored["diameter"]
        return Examples(
            source=SOURCE,
            keys=tuple(f"picture-{i}" for i in range(len(values))),
            groups=stored["groups"],
            labels=stored["labels"],
            load=lambda i: Sample(f"picture-{i}", Picture(values[i], float(diameter[i]))),
            truth=self._truth(stored),
            columns={
                "diameter_mm": diameter,
                "size": np.where(diameter > 9, "large", "small"),
            },
            floors=self._floors(stored),
        )

    def _truth(self, stored):
        return None

    def _floors(self, stored):
        return {"brightness": stored["values"].mean((1, 2)), "diameter": stored["diameter"]}

    def fit(self, train, valid, recipe, folder):
        """Fit a logistic regression on the pixels."""
        self.fitted.append(len(train))
        flat = [
            (np.stack([part.load(i).data.values.ravel() for i in range(len(part))]), part.labels)
            for part in (train, valid)
        ]
        (x, y), (x_stop, y_stop) = flat
        weights, bias, history = logistic(x, y, x_stop, y_stop, recipe.epochs, recipe.weight_decay)
        written(weights, bias, folder / "net.onnx")
        return {"net": "net.onnx", "history": history}

    def _run(self, pack, values, members=None):
        return [
            pack.session("net.onnx", member=k).run(None, {"x": values[None].astype(np.float32)})
            for k in (range(pack.members) if members is None else members)
        ]

    def predict(self, pack, sample, members=None):
        """Return one logit a member."""
        found = self._run(pack, sample.data.values, members)
        return Output(
            scores=np.array([logit[0] for logit, _ in found]),
            domain={
                "brightness": float(sample.data.values.mean()),
                "spread": float(sample.data.values.std()),
            },
        )

    def findings(self, pack, sample, output):
        """Return one finding with its explanation."""
        found = say.finding(self, pack, sample, output)
        relevance, explanation = explain.check(self, pack, sample, "cam")
        picture = np.ascontiguousarray(relevance, dtype=np.float32).tobytes()
        shown = explanation.hidden_because is None
        attachment = Attachment.of("saliency", "application/octet-stream", picture)
        own = {"explanations": (explanation,), "attachments": (attachment,) if shown else ()}
        return [found.model_copy(update=own)]

    def embedding(self, pack, sample, members=None):
        """Return each member's map: the weighted pixels."""
        return np.stack(
            [found[0].ravel() for _, found in self._run(pack, sample.data.values, members)]
        )

    def told(self, examples):
        """Return the size; the first is not known."""
        return {
            "size_mm": np.where(
                np.arange(len(examples)) == 0, np.nan, examples.columns["diameter_mm"]
            )
        }

    def example_in_words(self, label, told):
        """Return the name of the class, and the size where it is known."""
        size = told["size_mm"]
        known = None if np.isnan(size) else Text(en=f"{size:.0f} mm", zh=f"直径 {size:.0f} mm")
        return self.answers.classes[label].name, known

    def picture_of(self, sample):
        """Return the pixels in 256 greys."""
        return np.clip(sample.data.values * 100 + 100, 0, 255).astype(np.uint8)

    def input_of(self, pack, sample):
        """Return the pixels."""
        return sample.data.values

    def with_input(self, pack, sample, values):
        """Return the sample with other pixels."""
        return _with(sample, values)

    def saliency(self, pack, sample, method):
        """Return the class-activation map or the occlusion map."""
        if method == "occlusion":
            return explain.occlusion(self, pack, sample)
        return np.mean([found[0] for _, found in self._run(pack, sample.data.values)], axis=0)

    def score_of(self, pack, sample, values):
        """Return the mean logit."""
        return float(np.mean([logit[0] for logit, _ in self._run(pack, values)]))


class SquareMask(Squares):
    """Where is the bright square?"""

    name = "toy.square_mask"
    title = Text(en="Extent of the square", zh="方块范围")
    answers = Mask(NODULE)
    explanations = ()
    exclusions: ClassVar = {}
    fitted: ClassVar[list[int]] = []

    def _truth(self, stored):
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        mask[SQUARE] = True
        return lambda i: mask

    def _floors(self, stored):
        return {"whole picture": np.full(len(stored["labels"]), 2 * 16 / (64 + 16))}

    def predict(self, pack, sample, members=None):
        """Return where the members' mean weight is largest."""
        ones = np.ones((SIZE, SIZE), dtype=np.float32)
        weight = np.mean([found[0] for _, found in self._run(pack, ones, members)], axis=0)
        scores = np.zeros(0)
        mask = weight >= np.sort(weight.ravel())[-16]
        return Output(scores, {"brightness": float(sample.data.values.mean())}, mask=mask)

    def findings(self, pack, sample, output):
        """Return the area in pixels."""
        area = float(output.mask.sum())
        interval = Interval(value=area, low=area, high=area)
        return [
            Finding(
                task=self.name,
                pack=pack.identity,
                code=NODULE,
                band="grey",
                measures=(Measure(code=NODULE, interval=interval, unit="{pixels}"),),
                evidence=sample.evidence,
            )
        ]


class SquareSum(Squares):
    """How bright is the square in all?"""

    name = "toy.square_sum"
    title = Text(en="Brightness of the square", zh="方块亮度")
    answers = Value(NODULE, "1")
    explanations = ()
    exclusions: ClassVar = {}
    fitted: ClassVar[list[int]] = []

    def examples(self, data, dataset):
        """Load the squares with their brightness as the value."""
        found = super().examples(data, dataset)
        values = read(data, dataset)["values"]
        truth = values[:, *SQUARE].sum((1, 2)).astype(float)
        noise = np.random.default_rng(5).normal(0, 1, len(truth))
        return replace(
            found, labels=truth + noise, floors={"mean": np.full(len(truth), truth.mean())}
        )

    def fit(self, train, valid, recipe, folder):
        """Fit a ridge regression on the pixels."""
        x = np.stack([train.load(i).data.values.ravel() for i in range(len(train))])
        gram = x.T @ x + np.eye(x.shape[1])
        written(np.linalg.solve(gram, x.T @ train.labels), 0.0, folder / "net.onnx")
        return {"net": "net.onnx"}

    def findings(self, pack, sample, output):
        """Return the value with its interval."""
        return [say.finding(self, pack, sample, output)]


class SquareKinds(Squares):
    """Is there a bright square in the middle, in the corner, or none?"""

    name = "toy.square_kinds"
    title = Text(en="Place of the square", zh="方块位置")
    answers = Choice((NOTHING, MIDDLE, CORNERED), SQUARE_CODE)
    imbalances = ("none", "weights", "oversample")
    explanations = ("cam",)
    exclusions: ClassVar = {}
    fitted: ClassVar[list[int]] = []

    def examples(self, data, dataset):
        """Load brighter squares; a third of those with nothing get one in the corner."""
        found = super().examples(data, dataset)
        values, labels = read(data, dataset)["values"].copy(), found.labels.copy()
        moved = (labels == 0) & (np.arange(len(labels)) % 3 == 0)
        labels[moved] = 2
        values[moved, *CORNER] += 1.2
        values[labels == 1, *SQUARE] += 0.4
        middle, corner = values[:, *SQUARE].mean((1, 2)), values[:, *CORNER].mean((1, 2))
        return replace(
            found,
            labels=labels,
            load=lambda i: Sample(f"picture-{i}", Picture(values[i], 8.0)),
            floors={
                "brightest part": np.stack([np.zeros(len(labels)), middle, corner], 1),
                "bright middle": (middle > 0.2).astype(int),
                "brightness": values.mean((1, 2)),
            },
        )

    def fit(self, train, valid, recipe, folder):
        """Fit a softmax regression on the pixels by gradient descent."""
        self.fitted.append(len(train))
        x = np.stack([train.load(i).data.values.ravel() for i in range(len(train))])
        rng = np.random.default_rng(recipe.seed)
        weights, bias = np.zeros((x.shape[1], 3)), np.zeros(3)
        counted = imbalance.sample_weights(recipe.imbalance, train.labels, 3)
        for _ in range(recipe.epochs):
            order = imbalance.epoch_order(recipe.imbalance, train.labels, rng)
            shown, wanted = x[order], np.eye(3)[train.labels[order]]
            logits = shown @ weights + bias
            said = np.exp(logits - logits.max(1, keepdims=True))
            wrong = (said / said.sum(1, keepdims=True) - wanted) * counted[order, None]
            weights -= 0.3 * (shown.T @ wrong / len(x) + recipe.weight_decay * weights)
            bias -= 0.3 * wrong.mean(0)
        written(weights.T, bias, folder / "net.onnx")
        return {"net": "net.onnx"}

    def predict(self, pack, sample, members=None):
        """Return one logit a member and class."""
        output = super().predict(pack, sample, members)
        logits = np.array([logit for logit, _ in self._run(pack, sample.data.values, members)])
        return replace(output, scores=logits)

    def _named(self, pack, sample):
        return self.predict(pack, sample).scores.mean(0).argmax()

    def saliency(self, pack, sample, method):
        """Return the class-activation map of the class that is named."""
        maps = np.mean([found for _, found in self._run(pack, sample.data.values)], axis=0)
        return maps[self._named(pack, sample)]

    def score_of(self, pack, sample, values):
        """Return the mean logit of the class that is named for the sample as it is."""
        logits = np.mean([logit for logit, _ in self._run(pack, values)], axis=0)
        return float(logits[self._named(pack, sample)])


def tasks():
    """Return one task for each kind of answer."""
    return {task.name: task for task in (Squares(), SquareKinds(), SquareMask(), SquareSum())}
