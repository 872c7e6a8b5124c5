"""Decision bands from a stated error budget.

`rule-in`: at most a stated share of the negatives may be called so. `rule-out`: at most a stated
share of the positives may be. Between them lies the grey zone. The budget is the clinic's choice
and is written in the recipe; the rates actually measured (on folds whose thresholds came from the
other folds) stand beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.lifecycle.examples import Array

HALF = 0.5
"""The operating point of a recipe that asks for no other."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which (`rule_in`) and up to which (`rule_out`) a band is given.

    The `measured_*` rates are cross-fitted: false alarms among negatives at `rule_in`, misses among
    positives at `rule_out`. `overlapping`: the two budgets alone would have crossed, so both sit at
    one point and there is no grey zone. `operating_point` is the probability at which accuracy, F1
    and the like are measured, found by `operating_rule`; `operating_by_fold` are those found
    without each fold, at which that fold is measured.
    """

    rule_in: float
    rule_out: float
    rule_in_false_alarms: float
    rule_out_misses: float
    measured_false_alarms: float
    measured_misses: float
    overlapping: bool = False
    operating_point: float = HALF
    operating_rule: str = "half"
    operating_by_fold: tuple[float, ...] = ()

    def band(self, probability: float) -> Band:
        """Return the band of a calibrated probability."""
        if probability >= self.rule_in:
            return Band.RULE_IN
        return Band.RULE_OUT if probability < self.rule_out else Band.GREY

    def reason(self, band: Band) -> Text:
        """Say in a sentence what the band rests on."""
        alarms, misses = self.measured_false_alarms, self.measured_misses
        if band is Band.RULE_IN:
            return Text(
                en=f"High means {self.rule_in:.2f} or more: in validation {alarms:.1%} of the "
                "cases without it reached that too.",
                zh=f"“高”指概率不低于 {self.rule_in:.2f}："
                f"验证中有 {alarms:.1%} 的阴性病例也达到此值。",
            )
        if band is Band.RULE_OUT:
            return Text(
                en=f"Low means below {self.rule_out:.2f}: in validation {misses:.1%} of the "
                "cases with it fell below that too.",
                zh=f"“低”指概率低于 {self.rule_out:.2f}："
                f"验证中有 {misses:.1%} 的阳性病例也低于此值。",
            )
        return Text(
            en=f"Between {self.rule_out:.2f} and {self.rule_in:.2f}: too uncertain to call high or "
            "low within the stated error budget.",
            zh=f"概率介于 {self.rule_out:.2f} 与 {self.rule_in:.2f} 之间："
            "在既定误差预算内既不能判为高，也不能判为低。",
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Thresholds:
        """Build from `to_json`."""
        points = tuple(content.get("operating_by_fold", ()))
        found = cls(**{**content, "operating_by_fold": points})
        if not 0 <= found.rule_out <= found.rule_in <= 1:
            raise BadInput("thresholds out of order", "0 <= rule-out <= rule-in <= 1")
        return found


def cut(truth: Array, probability: Array, alarms: float, misses: float) -> tuple[float, float]:
    """Return (rule-in, rule-out): the loosest thresholds that keep both budgets on this sample."""
    negatives = np.sort(probability[truth == 0])[::-1]
    positives = np.sort(probability[truth == 1])
    if not (len(negatives) and len(positives)):
        raise BadInput("thresholds from one class only", "both classes", "add examples")
    above = negatives[min(int(alarms * len(negatives)), len(negatives) - 1)]
    below = positives[min(int(misses * len(positives)), len(positives) - 1)]
    return float(np.nextafter(above, 2)), float(below)


def operating_point(rule: str, truth: Array, probability: Array) -> float:
    """Return the probability from which a sample is called positive.

    `half`: 0.5. `youden`: where sensitivity + specificity is largest (Youden, Cancer 3:32, 1950).
    `f1`: where F1 is largest. `break-even`: where as many are called as there are, so that
    sensitivity and precision are alike. Of equally good points the largest.
    """
    if rule == "half":
        return HALF
    cuts = np.unique(probability)
    positives, negatives = np.sort(probability[truth == 1]), np.sort(probability[truth == 0])
    hit = len(positives) - np.searchsorted(positives, cuts)
    alarm = len(negatives) - np.searchsorted(negatives, cuts)
    if rule == "youden":
        gain = hit / len(positives) - alarm / len(negatives)
    elif rule == "break-even":
        gain = -np.abs(hit + alarm - len(positives))
    else:
        gain = 2 * hit / (hit + alarm + len(positives))
    return float(cuts[len(cuts) - 1 - int(np.argmax(gain[::-1]))])


def choose(
    truth: Array,
    probability: Array,
    fold: Array,
    alarms: float,
    misses: float,
    rule: str = "half",
) -> Thresholds:
    """Choose thresholds on cross-fitted probabilities and measure them fold by fold.

    Parameters
    ----------
    truth, probability, fold
        Shape (n,): class (0 or 1), calibrated out-of-fold probability, fold.
    alarms, misses
        The error budget: share of negatives called rule-in, share of positives called rule-out.
    rule
        How the operating point is found.
    """
    truth, probability = np.asarray(truth), np.asarray(probability, dtype=float)
    called_in = np.zeros(len(truth), dtype=bool)
    called_out = np.zeros(len(truth), dtype=bool)
    points = []
    for k in range(int(np.max(fold)) + 1):
        inside = fold == k
        upper, lower = cut(truth[~inside], probability[~inside], alarms, misses)
        upper = max(upper, lower)
        called_in[inside] = probability[inside] >= upper
        called_out[inside] = probability[inside] < lower
        points.append(operating_point(rule, truth[~inside], probability[~inside]))
    upper, lower = cut(truth, probability, alarms, misses)
    return Thresholds(
        rule_in=min(max(upper, lower), 1.0),
        rule_out=lower,
        rule_in_false_alarms=alarms,
        rule_out_misses=misses,
        measured_false_alarms=float(called_in[truth == 0].mean()),
        measured_misses=float(called_out[truth == 1].mean()),
        overlapping=upper < lower,
        operating_point=operating_point(rule, truth, probability),
        operating_rule=rule,
        operating_by_fold=tuple(points),
    )
