"""Training of the entity networks: running text in windows of one size, several schemes at once.

Windows of one size, cut from the joined texts of a scheme at a place that moves each epoch, need no
padding, and the processor's kernels are made once. An average of the weights over the last steps is
kept beside them (Polyak & Juditsky, SIAM J Control Optim 1992) and is what ships. The state after
each epoch is kept, so that a training that was killed goes on to the same network.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.core.settings import settings
from suwen.lifecycle.recipe import Recipe
from suwen.notes.entities.data import KINDS, kinds_named
from suwen.notes.entities.pieces import CLOSING, HIDDEN, OPENING, UNKNOWN, WINDOW, Pieces
from suwen.notes.entities.progress import Moving, device_here, mixed, put

if TYPE_CHECKING:
    from torch import Tensor

    from suwen.notes.entities.network import Tagger

HIDE: Final = 0.1
"""Share of pieces hidden, and of pieces whose features are, in each window."""
HEAD_RATE: Final = 2e-3
"""Peak learning rate of what is not pretrained."""
FROM_NOISE: Final = 2e-3
"""Peak learning rate of a Chinese network that starts from noise."""
LAYER_DECAY: Final = 0.9
"""Each layer of the encoder learns by so much slower than the one above."""
METHODS: Final = ("full", "lora")
"""How the English encoder is fine-tuned."""
WARM_UP: Final = 0.06
WIDTH: Final = 320
"""Width of the LSTM of the Chinese network that ships; others are multiples of `STEP`."""
STEP: Final = 10
AVERAGED: Final = 0.98
"""Weight of the average so far at each step."""
CLIP: Final = 1.0


@dataclass(frozen=True)
class Labelled:
    """One labelled text in pieces: tags (n,) of the scheme's head."""

    head: int
    pieces: Pieces
    tags: NDArray[np.int64]


@dataclass(frozen=True)
class Course:
    """How a network is trained.

    Parameters
    ----------
    epochs, rate, batch, seed
        Passes, peak learning rate, windows a step, seed.
    special
        Whether windows are framed by `OPENING` and `CLOSING` and hidden pieces are `HIDDEN`.
    frozen
        Whether the embeddings of pieces stay as they came.
    """

    epochs: int
    rate: float
    batch: int
    seed: int
    special: bool = True
    frozen: bool = True
    history: list[dict[str, float]] = field(default_factory=list)


def tags_of(pieces: Pieces, spans: NDArray[np.float64], kinds: Sequence[str]) -> NDArray[np.int64]:
    """Return the BIO tags of pieces from true stretches (start, end, number of our type).

    Of stretches that lie in one another the longest is taken.
    """
    tags = np.zeros(len(pieces), dtype=np.int64)
    longest_first = np.argsort(spans[:, 0] - spans[:, 1], kind="stable")
    for start, end, kind in spans[longest_first].astype(int):
        if KINDS[kind] not in kinds:
            continue
        inside = np.flatnonzero((pieces.start < end) & (pieces.end > start))
        if len(inside) and not tags[inside].any():
            own = 2 * list(kinds).index(KINDS[kind])
            tags[inside[0]], tags[inside[1:]] = 1 + own, 2 + own
    return tags


def windows_of(texts: Sequence[Labelled], rng: np.random.Generator) -> Iterator[Labelled]:
    """Yield windows of `WINDOW` pieces from the joined texts of each head, in random order."""
    made = []
    for head in sorted({text.head for text in texts}):
        own = [text for text in texts if text.head == head]
        order = rng.permutation(len(own))
        ids = np.concatenate([own[i].pieces.ids for i in order])
        features = np.concatenate([own[i].pieces.features for i in order])
        tags = np.concatenate([own[i].tags for i in order])
        none = np.zeros(0, dtype=np.int64)
        if len(ids) < 2 * WINDOW:
            again = math.ceil(2 * WINDOW / max(len(ids), 1))
            ids, tags = np.tile(ids, again), np.tile(tags, again)
            features = np.tile(features, (again, 1))
        for low in range(int(rng.integers(WINDOW)), len(ids) - WINDOW + 1, WINDOW):
            part = slice(low, low + WINDOW)
            made.append(Labelled(head, Pieces(ids[part], none, none, features[part]), tags[part]))
    for i in rng.permutation(len(made)):
        yield made[i]


def least_windows(texts: Sequence[Labelled]) -> int:
    """Return how many windows every epoch has at least, wherever it cuts."""
    pieces: Counter[int] = Counter()
    for text in texts:
        pieces[text.head] += len(text.pieces)
    return sum(max(1, (count + 1) // WINDOW - 1) for count in pieces.values())


def _batch(
    windows: Sequence[Labelled], course: Course, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, features, tags and heads of a batch, with pieces and features hidden."""
    import torch

    ids = np.stack([window.pieces.ids for window in windows])
    features = np.stack([window.pieces.features for window in windows])
    tags = np.stack([window.tags for window in windows])
    ids = np.where(rng.random(ids.shape) < HIDE, HIDDEN if course.special else UNKNOWN, ids)
    features = features * (rng.random((*ids.shape, 1)) >= HIDE)
    if course.special:
        ids = np.pad(ids, ((0, 0), (1, 1)))
        ids[:, 0], ids[:, -1] = OPENING, CLOSING
        features = np.pad(features, ((0, 0), (1, 1), (0, 0)))
        tags = np.pad(tags, ((0, 0), (1, 1)))
    heads = np.array([window.head for window in windows])
    parts = (ids, features.astype(np.float32), tags, heads)
    first, second, third, fourth = (torch.from_numpy(part) for part in parts)
    return first, second, third, fourth


def _loss(net: Tagger, scores: Sequence[Tensor], tags: Tensor, heads: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of a piece, each window under its own scheme."""
    import torch

    total = torch.zeros((), device=tags.device)
    mask = torch.ones(tags.shape, device=tags.device)
    for k, chain in enumerate(net.chains):
        own = (heads == k).nonzero()[:, 0]
        if len(own):
            total = total + chain.loss(scores[k][own], tags[own], mask[own]).sum()
    return total / tags.numel()


def _groups(net: Tagger, course: Course) -> list[dict[str, Any]]:
    """Return parameter groups: layers of a pretrained encoder slower the deeper they lie."""
    groups: dict[float, list[Any]] = {}
    bert = getattr(net.encoder, "bert", None)
    depth = bert.config.num_hidden_layers if bert is not None else 0
    for name, parameter in net.named_parameters():
        if course.frozen and "word_embeddings" in name:
            parameter.requires_grad_(False)
        if not parameter.requires_grad:
            continue
        rate = HEAD_RATE
        if bert is None:
            rate = course.rate
        elif ".bert." in name:
            found = name.partition(".layer.")[2]
            layer = int(found.split(".")[0]) + 1 if found else 0
            rate = course.rate * LAYER_DECAY ** (depth - layer)
        groups.setdefault(rate, []).append(parameter)
    return [{"params": part, "lr": rate, "peak": rate} for rate, part in groups.items()]


def train(
    net: Tagger,
    texts: Sequence[Labelled],
    course: Course,
    measured: Callable[[Tagger], Mapping[str, float]] = lambda net: {},
    state: Path | None = None,
) -> Tagger:
    """Train a network and return it with its averaged weights.

    Parameters
    ----------
    net, texts, course
        The network, what it learns from, and how.
    measured
        Called after the last epoch and every second one with the averaged network; what it returns
        goes into the learning curve.
    state
        File that keeps the state after each epoch; where there is one, training goes on from it.
    """
    import torch

    torch.set_num_threads(settings().threads)
    torch.manual_seed(course.seed)
    rng = np.random.default_rng(course.seed)
    net.to(device_here())
    optimiser = torch.optim.AdamW(_groups(net, course), weight_decay=0.1)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    average = [parameter.detach().clone() for parameter in trained]
    windows = sum(1 for _ in windows_of(texts, np.random.default_rng(course.seed)))
    size = min(course.batch, least_windows(texts))
    steps, step = windows // size * course.epochs, 0
    moving = Moving(net, optimiser, average, rng)
    if state is not None and state.is_file():
        course.history[:], step = moving.put_back(state)
    for epoch in range(len(course.history), course.epochs):
        loss, step = _pass(moving, trained, _batches(texts, course, size, rng), step, steps)
        last, entry = epoch == course.epochs - 1, {"loss": loss}
        if last or epoch % 2:
            own = [parameter.detach().clone() for parameter in trained]
            put(trained, average)
            entry |= _told(net, measured)
            put(trained, average if last else own)
        course.history.append(entry)
        if state is not None and not last:
            moving.keep(state, course.history, step)
    net.eval()
    net.cpu()
    return net


def _told(net: Tagger, measured: Callable[[Tagger], Mapping[str, float]]) -> Mapping[str, float]:
    net.eval()
    return measured(net)


def _pass(
    moving: Moving,
    trained: Sequence[Any],
    batches: Iterator[Sequence[Tensor]],
    step: int,
    steps: int,
) -> tuple[float, int]:
    """Learn from each batch once, after `step` of `steps` steps; return mean loss and steps."""
    import torch

    losses = []
    for batch in batches:
        step += 1
        scale = min(1.0, step / (WARM_UP * steps)) * max(0.0, 1 - step / (steps + 1))
        losses.append(_step(moving, trained, scale, batch))
        kept = min(AVERAGED, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(moving.average, trained, 1 - kept)
    return float(torch.stack(losses).mean()), step


def _step(moving: Moving, trained: Sequence[Any], scale: float, batch: Sequence[Tensor]) -> Tensor:
    """Take one step at a share `scale` of the peak rates; return the loss."""
    import torch

    for group in moving.optimiser.param_groups:
        group["lr"] = group["peak"] * scale
    device = device_here()
    ids, features, tags, heads = (part.to(device) for part in batch)
    moving.net.train()
    with mixed(device):
        scores = moving.net(ids, features, torch.ones(ids.shape, device=device))
    loss = _loss(moving.net, scores, tags, heads)
    moving.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, CLIP)
    moving.optimiser.step()
    return loss.detach()


def _batches(
    texts: Sequence[Labelled], course: Course, size: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    waiting: list[Labelled] = []
    for window in windows_of(texts, rng):
        waiting.append(window)
        if len(waiting) == size:
            yield _batch(waiting, course, rng)
            waiting = []


def export(net: Tagger, features: int, path: Path) -> None:
    """Write the network as ONNX: `ids`, `features`, `mask` in, one output a scheme."""
    import warnings

    import torch

    example = (
        torch.full((2, 16), 5, dtype=torch.int64),
        torch.zeros(2, 16, features),
        torch.ones(2, 16),
    )
    names = [f"scores_{k}" for k in range(len(net.heads))]
    moving = {name: {0: "b", 1: "t"} for name in ("ids", "features", "mask", *names)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            example,
            str(path),
            input_names=["ids", "features", "mask"],
            output_names=names,
            dynamic_axes=moving,
            opset_version=17,
            dynamo=False,
        )


def to_bytes(path: Path) -> None:
    """Turn the matrices of an ONNX network into 8-bit whole numbers, in place."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)
    small = path.with_suffix(".small")
    quantize_dynamic(
        path,
        small,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gather", "Gemm", "LSTM", "Conv"],
    )
    small.replace(path)


def course_of(recipe: Recipe, language: str) -> Course:
    """Return how the network of a language is trained.

    Raises
    ------
    BadInput
        The recipe names an option or a method that there is not.
    """
    known = {"method", "start", "epochs_zh", "rate_zh", "width_zh", "inside"}
    if unknown := sorted(set(recipe.options) - known):
        raise BadInput(f"the options {unknown}", f"some of {sorted(known)}", "correct the recipe")
    if (method := recipe.options.get("method", "full")) not in METHODS:
        raise BadInput(f"method = {method!r}", f"one of {METHODS}", "correct `options.method`")
    if language == "zh":
        return Course(
            int(recipe.options.get("epochs_zh", recipe.epochs)),
            float(recipe.options.get("rate_zh", FROM_NOISE)),
            recipe.batch_size,
            recipe.seed,
            special=False,
            frozen=False,
        )
    return Course(recipe.epochs, recipe.learning_rate, recipe.batch_size, recipe.seed)


def heads_of(schemes: Sequence[str]) -> list[int]:
    """Return the number of tags of each scheme's head."""
    return [1 + 2 * len(kinds_named(scheme)) for scheme in schemes]


def width_of(recipe: Recipe) -> int:
    """Return the width of the Chinese network's LSTM.

    Raises
    ------
    BadInput
        It is no multiple of 10 from 10 on: the network's other widths are tenths of it.
    """
    found = recipe.options.get("width_zh", WIDTH)
    if not isinstance(found, int) or found < STEP or found % STEP:
        raise BadInput(
            f"width_zh = {found!r}", f"a multiple of {STEP}", "correct `options.width_zh`"
        )
    return found
