"""Decision bands for three and more classes, from the same error budget as for two.

The most probable class is named. If it is one of those looked for (all but the first), it is
*rule-in* from a probability that at most the stated share of all other samples reaches, class by
class (one against the rest), and grey below. If it is the first class, the case is *rule-out* when
the probability of anything else lies below a point that at most the stated share of the samples
with something else fall under, and grey above.

Where the question is asked as a whole, an operating point decides first whether the first class is
named or the most probable of the others. It is even odds at a stated prevalence, moved to the
prevalence of the development data: with the prior odds o of the data and p of use, p' / (1 - p') =
o / p (Bayes; Saerens et al., Neural Computation 14:21, 2002). Nothing is tuned on any outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.lifecycle.calibration.bands import HALF, cut
from suwen.lifecycle.examples import Array

WHOLE_RULE = (
    "The most probable of the other classes is named when the probability of anything but the "
    "first reaches the operating point, else the first class. One of the others is rule-in from "
    "its own threshold (one against the rest), else grey; the first class is rule-out when the "
    "probability of anything else is below the rule-out threshold, else grey."
)
RULE = (
    "The most probable class is named. One of those looked for is rule-in from its own threshold "
    "(one against the rest), else grey; the first class is rule-out when the probability of "
    "anything else is below the rule-out threshold, else grey."
)


@dataclass(frozen=True)
class ClassThresholds:
    """Thresholds of K classes with the error budget and the rates measured (cross-fitted).

    `rule_in[k]` belongs to class k; that of the first class is never used and is 1. `rule_out`
    is a probability of anything but the first class. `measured_false_alarms[k]` is the share of
    all samples of other classes that were called rule-in for k; `measured_misses` the share of
    samples of any class but the first that were called rule-out. `operating_point`, a probability
    of anything but the first class, stands where the question is asked as a whole, with the
    `prevalence` it assumes; `operating_by_fold` are those found without each fold.
    """

    rule_in: tuple[float, ...]
    rule_out: float
    rule_in_false_alarms: float
    rule_out_misses: float
    measured_false_alarms: tuple[float, ...]
    measured_misses: float
    operating_point: float | None = None
    prevalence: float | None = None
    operating_by_fold: tuple[float, ...] = ()

    def band(self, probability: Array) -> tuple[int, Band]:
        """Return the class that is named and its band; `probability` (K,)."""
        named = int(_named(np.asarray(probability)[None], self.operating_point)[0])
        if named:
            sure = probability[named] >= self.rule_in[named]
            return named, Band.RULE_IN if sure else Band.GREY
        return 0, Band.RULE_OUT if 1 - probability[0] < self.rule_out else Band.GREY

    def reason(self, named: int, band: Band, classes: Sequence[Code]) -> Text:
        """Say which class is most probable, and what the band rests on."""
        name = classes[named].name
        if band is Band.RULE_OUT:
            rate = self.measured_misses
            return Text(
                en=f"Most probable: {name.en}. Anything else is below {self.rule_out:.2f}: in "
                f"validation {rate:.1%} of the others fell below that too.",
                zh=f"最可能：{name.zh}。其他类别的概率低于 {self.rule_out:.2f}："
                f"验证中有 {rate:.1%} 的其他病例也低于此值。",
            )
        if band is Band.RULE_IN:
            rate = self.measured_false_alarms[named]
            return Text(
                en=f"Most probable: {name.en}. High means {self.rule_in[named]:.2f} or more: in "
                f"validation {rate:.1%} of all other cases were called so too.",
                zh=f"最可能：{name.zh}。“高”指概率不低于 {self.rule_in[named]:.2f}："
                f"验证中有 {rate:.1%} 的其他病例也被如此判定。",
            )
        return Text(
            en=f"Most probable: {name.en}, but too uncertain to call high or to exclude anything "
            "else within the stated error budget.",
            zh=f"最可能：{name.zh}，但在既定误差预算内既不能判为高，也不能排除其他类别。",
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists, with the rule in words."""
        return {"rule": RULE if self.operating_point is None else WHOLE_RULE, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ClassThresholds:
        """Build from `to_json`."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
            if name != "rule"
        }
        found = cls(**fields)
        if not all(0 <= value <= 1 for value in (*found.rule_in, found.rule_out)):
            raise BadInput("thresholds outside [0, 1]", "probabilities")
        return found


def _cuts(truth: Array, probability: Array, alarms: float, misses: float) -> tuple[Array, float]:
    """Return the rule-in threshold of each class, (K,), and that for rule-out."""
    upper = np.ones(probability.shape[1])
    for k in set(range(1, probability.shape[1])) & set(truth.tolist()):  # others are never called
        upper[k] = min(cut(truth == k, probability[:, k], alarms, misses)[0], 1.0)
    return upper, cut(truth != 0, 1 - probability[:, 0], alarms, misses)[1]


def _named(probability: Array, point: float | None) -> Array:
    """Return the class named for each row of (n, K), shape (n,)."""
    if point is None:
        return np.asarray(probability.argmax(1))
    return np.where(1 - probability[:, 0] >= point, 1 + probability[:, 1:].argmax(1), 0)


def moved_even_odds(truth: Array, prevalence: float | None) -> float:
    """Return the probability, as in the data, of what is even odds at another prevalence.

    Parameters
    ----------
    truth
        Classes of the calibration data, (n,).
    prevalence
        Share of anything but the first class where the pack is used; None: as in the data.
    """
    if prevalence is None:
        return HALF
    share = float((truth != 0).mean())
    odds = share / (1 - share) * (1 - prevalence) / prevalence
    return odds / (1 + odds)


def _called(probability: Array, upper: Array, lower: float, point: float | None) -> Array:
    """Return the class called rule-in, -1 for rule-out, 0 for grey, shape (n,)."""
    named = _named(probability, point)
    sure = probability[np.arange(len(named)), named] >= upper[named]
    found = np.where(sure, named, 0)
    return np.where((named == 0) & (1 - probability[:, 0] < lower), -1, found)


def choose(
    truth: Array,
    probability: Array,
    fold: Array,
    budget: tuple[float, float],
    whole: bool = False,
    prevalence: float | None = None,
) -> ClassThresholds:
    """Choose thresholds on cross-fitted probabilities and measure them fold by fold.

    Parameters
    ----------
    truth, probability, fold
        Class (n,), calibrated out-of-fold probabilities (n, K), fold (n,).
    budget
        Share of false alarms and of misses, see `ClassThresholds`.
    whole, prevalence
        Whether the question is asked as a whole, and the prevalence its operating point assumes.
    """
    alarms, misses = budget
    truth, probability = np.asarray(truth, dtype=int), np.asarray(probability, dtype=float)
    called = np.zeros(len(truth), dtype=int)
    points: list[float] = []
    for k in np.unique(fold):
        inside = fold == k
        upper, lower = _cuts(truth[~inside], probability[~inside], alarms, misses)
        points.append(moved_even_odds(truth[~inside], prevalence))
        point = points[-1] if whole else None
        called[inside] = _called(probability[inside], upper, lower, point)
    upper, lower = _cuts(truth, probability, alarms, misses)
    wrong = [float((called[truth != k] == k).mean()) for k in range(1, probability.shape[1])]
    return ClassThresholds(
        rule_in=tuple(upper.tolist()),
        rule_out=float(lower),
        rule_in_false_alarms=alarms,
        rule_out_misses=misses,
        measured_false_alarms=(0.0, *wrong),
        measured_misses=float((called[truth != 0] == -1).mean()),
        operating_point=moved_even_odds(truth, prevalence) if whole else None,
        prevalence=prevalence if whole else None,
        operating_by_fold=tuple(points) if whole else (),
    )
