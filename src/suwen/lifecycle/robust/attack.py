"""The worst small change of an input: FGSM and PGD, with random noise of the same size beside them.

The change of each element is at most eps (L-infinity), in the unit of the task's input. FGSM takes
one step along the sign of the slope (Goodfellow et al., ICLR 2015); PGD takes `STEPS` smaller ones
from a random start and keeps the worst (Madry et al., ICLR 2018). A task that gives its slope
(`gradient_of`, `harm_gradient`) is attacked with it; for others, and for packs of bytes, it is
estimated from answers alone by simultaneous perturbation (Spall, IEEE Trans Autom Control 37:332,
1992). What the slope does not know (trees beside a network) is then met by transfer only, so an
attack is a lower bound of the harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import special

from suwen.lifecycle.examples import Array, Output, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Task
from suwen.metrics.froc import matched
from suwen.metrics.overlap import dice

STEPS = 8
"""Steps of PGD; each goes 2.5 eps / STEPS far."""
DIRECTIONS = 16
"""Pairs of answers from which a slope is estimated where the task gives none."""
EXACT = "gradient of the networks"
ESTIMATED = f"estimated from {2 * DIRECTIONS} answers a step (SPSA)"
UNMARKED = -10.0
"""Logit of a mark that is not there."""
METHODS = ("noise", "fgsm", "pgd")
"""`noise` is the floor: every element moves by eps, up or down by chance."""


@runtime_checkable
class Attacked(Protocol):
    """A third small contract, for tasks whose input may be changed element by element.

    A task may also have `gradient_of(pack, sample, values, members, weights)`: the slope with
    respect to `values`, in their shape, of the mean of those members' `scores`, each counted by
    `weights` (shape of one member's scores: () or (classes,)). One that answers with a mask or with
    places may have `harm_gradient(pack, sample, values, members, truth)` instead: the slope of a
    smooth form of `harm_of`, given the sample's true mask or places. Where what is explained
    (`input_of`) is another array than what is attacked, `attack_input(pack, sample)` gives that.
    """

    attack_unit: str
    """Unit of the input, for example HU."""
    attack_strengths: tuple[float, ...]
    """Largest changes that are tried, in that unit, in rising order."""

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return the array that is changed."""
        ...

    def with_input(self, pack: Pack, sample: Sample, values: Array) -> Sample:
        """Return the sample with that array replaced (same shape)."""
        ...


@dataclass(frozen=True)
class Target:
    """Whom an attack is made on: the members that will answer, and the truth it leads away from."""

    task: Any
    pack: Pack
    sample: Sample
    members: Sequence[int]
    truth: Any

    def harm(self, values: Array) -> float:
        """Return how wrong the answer is on a changed input; larger is worse."""
        changed = self.task.with_input(self.pack, self.sample, values)
        return harm_of(self.task, self.task.predict(self.pack, changed, self.members), self.truth)

    def slope(self, values: Array, rng: np.random.Generator, reach: float) -> Array:
        """Return the slope of `harm` with respect to the input, or an estimate of its direction."""
        if kind_of(self.task, self.pack) == ESTIMATED:
            return _estimated(self.harm, values, rng, reach)
        asked = self.pack, self.sample, values, self.members
        if hasattr(self.task, "harm_gradient"):
            return np.asarray(self.task.harm_gradient(*asked, self.truth))
        return np.asarray(self.task.gradient_of(*asked, self._weights(values)))

    def _weights(self, values: Array) -> Array:
        """Return how `harm` changes with each of the mean scores, at a changed input."""
        answers = self.task.answers
        if isinstance(answers, Choice) and len(answers.classes) == 2:
            return np.asarray(-1.0 if self.truth else 1.0)
        changed = self.task.with_input(self.pack, self.sample, values)
        scores = self.task.predict(self.pack, changed, self.members).scores.mean(0)
        if not isinstance(answers, Choice):
            return np.asarray(1.0 if float(scores) >= float(self.truth) else -1.0)
        wrong = np.arange(len(scores)) != int(self.truth)
        found = np.full(len(scores), -1.0)
        found[wrong] = special.softmax(scores[wrong])
        return found


def harm_of(task: Task, output: Output, truth: Any) -> float:
    """Return how far an answer is from the truth: a lost margin, an error, 1 - Dice."""
    if output.mask is not None:
        return 1 - dice(truth, output.mask)
    if output.marks is not None:
        return _false_over_true(output.marks, truth)
    scores = np.asarray(output.scores).mean(0)
    if not isinstance(task.answers, Choice):
        return float(abs(scores - float(truth)))
    if scores.ndim == 0:
        return float(-scores if truth else scores)
    others = np.delete(scores, int(truth))
    return float(special.logsumexp(others) - scores[int(truth)])


def _false_over_true(marks: Array, places: Array) -> float:
    """Return how far false marks together stand above the mean true place's best mark, logits."""
    found = matched([marks], [places])
    false = special.logsumexp(np.append(found.score[~found.true], UNMARKED))
    best = np.maximum(found.best, UNMARKED)
    return float(false - (best.mean() if len(best) else 0.0))


def input_of(task: Any, pack: Pack, sample: Sample) -> Array:
    """Return the array of a sample that is attacked."""
    given = getattr(task, "attack_input", task.input_of)
    return np.asarray(given(pack, sample))


def kind_of(task: Task, pack: Pack) -> str:
    """Say where the slope of the attacks on a task comes from.

    Bytes have none: what is rounded does not change with a small step.
    """
    listed = pack.content("initialisers.json").values()
    stored = {weight["dtype"] for weights in listed for weight in weights}
    given = any(hasattr(task, name) for name in ("gradient_of", "harm_gradient"))
    return EXACT if given and not stored & {"int8", "uint8"} else ESTIMATED


def attacked(target: Target, method: str, eps: float, seed: int) -> Sample:
    """Return the sample after one attack.

    Parameters
    ----------
    target
        Whom it is made on.
    method
        One of `METHODS`.
    eps
        Largest change of an element, in the unit of the input.
    seed
        Of the noise, of the random start of PGD, and of estimated slopes.
    """
    values = np.asarray(input_of(target.task, target.pack, target.sample), dtype=np.float32)
    rng = np.random.default_rng(seed)
    if method == "noise":
        changed = values + eps * rng.choice([-1.0, 1.0], values.shape)
    elif method == "fgsm":
        changed = values + eps * np.sign(target.slope(values, rng, eps))
    else:
        changed = _pgd(target, values, eps, rng)
    return target.task.with_input(  # type: ignore[no-any-return]
        target.pack, target.sample, changed.astype(np.float32)
    )


def _pgd(target: Target, values: Array, eps: float, rng: np.random.Generator) -> Array:
    """Return the worst input met on the way, the unchanged one and that of FGSM among them."""
    fgsm = values + eps * np.sign(target.slope(values, rng, eps))
    seen = [values, fgsm]
    changed = values + rng.uniform(-eps, eps, values.shape)
    step = 2.5 * eps / STEPS
    for _ in range(STEPS):
        changed = changed + step * np.sign(target.slope(changed, rng, step))
        changed = np.clip(changed, values - eps, values + eps).astype(np.float32)
    seen.append(changed)
    return max(seen, key=target.harm)


def _estimated(
    harm: Callable[[Array], float], values: Array, rng: np.random.Generator, reach: float
) -> Array:
    total = np.zeros(values.shape)
    for _ in range(DIRECTIONS):
        along = rng.choice([-1.0, 1.0], values.shape)
        up, down = values + reach * along, values - reach * along
        total += (harm(up.astype(np.float32)) - harm(down.astype(np.float32))) * along
    return total
