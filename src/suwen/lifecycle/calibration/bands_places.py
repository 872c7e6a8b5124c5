"""Decision bands of marks from a stated number of false alarms per sample.

A mark below the operating threshold is not shown: there is no rule-out, since where nothing is
marked nothing is said. From the rule-in threshold on, at a stricter number of false alarms, a mark
is called high; between them lies the grey zone. Thresholds are logits: a calibrator may give many
marks one probability, and a stated number of false alarms could not be met among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.lifecycle.examples import Array
from suwen.metrics.froc import Matched


@dataclass(frozen=True)
class PlaceThresholds:
    """Logits from which a mark is shown (`operating`) and called high (`rule_in`).

    `false_alarms` and `rule_in_false_alarms` are the stated numbers per sample; the `measured_*`
    are cross-fitted: false alarms per sample and the share of true places that are found. `per`
    names the sample. `operating_by_fold` and `rule_in_by_fold` are those found without each fold,
    at which that fold is measured.
    """

    operating: float
    rule_in: float
    false_alarms: float
    rule_in_false_alarms: float
    measured_false_alarms: float
    measured_sensitivity: float
    measured_rule_in_false_alarms: float
    measured_rule_in_sensitivity: float
    per: tuple[str, str]
    operating_by_fold: tuple[float, ...] = ()
    rule_in_by_fold: tuple[float, ...] = ()

    def shown(self, marks: Array) -> Array:
        """Return the marks that are shown, strongest first; `marks` (m, 2 + d), logit first."""
        strong = marks[marks[:, 0] >= self.operating]
        return np.asarray(strong[np.argsort(-strong[:, 0], kind="stable")])

    def band(self, logit: float) -> Band:
        """Return the band of a mark."""
        if logit >= self.rule_in:
            return Band.RULE_IN
        return Band.RULE_OUT if logit < self.operating else Band.GREY

    def reason(self, band: Band) -> Text:
        """Say in a sentence what the band rests on."""
        high = band is Band.RULE_IN
        alarms = self.measured_rule_in_false_alarms if high else self.measured_false_alarms
        found = self.measured_rule_in_sensitivity if high else self.measured_sensitivity
        en, zh = self.per
        if band is Band.RULE_OUT:
            return Text(
                en=f"Too weak to be shown: showing such marks too would give more than "
                f"{self.false_alarms:g} false alarms per {en}.",
                zh=f"过弱，不予显示：若一并显示，每{zh}的假阳性将超过 {self.false_alarms:g} 个。",
            )
        word = ("Marks called high", "判为“高”的标记") if high else ("Marks shown", "所显示的标记")
        return Text(
            en=f"{word[0]} found {found:.0%} of the true places in validation, with {alarms:.2f} "
            f"false alarms per {en}.",
            zh=f"验证中，{word[1]}检出 {found:.0%} 的真实部位，每{zh}假阳性 {alarms:.2f} 个。",
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PlaceThresholds:
        """Build from `to_json`."""
        names = ("operating_by_fold", "rule_in_by_fold")
        lists = {name: tuple(content[name]) for name in names}
        found = cls(**{**content, **lists, "per": tuple(content["per"])})
        if not found.operating <= found.rule_in:
            raise BadInput("thresholds out of order", "operating <= rule-in")
        return found


def choose(matched: Matched, fold: Array, rates: Sequence[float], per: Text) -> PlaceThresholds:
    """Choose both thresholds on out-of-fold marks and measure them fold by fold.

    Parameters
    ----------
    matched
        The marks of n samples, matched to their true places.
    fold
        Fold of each sample, (n,).
    rates
        False alarms per sample of the operating and of the rule-in threshold.
    per
        What one sample is.
    """
    loose, strict = rates
    if strict > loose:
        raise BadInput(
            f"{strict:g} false alarms per {per.en} for rule-in and {loose:g} to be shown",
            "fewer for rule-in",
            "lower `rule_in_false_alarms_per_sample` or raise `false_alarms_per_sample`",
        )
    cuts, measured = [], []
    for rate in rates:
        folds = range(int(fold.max()) + 1)
        by_fold = [matched.where(fold != k).threshold(rate) for k in folds]
        at = np.array(by_fold)[fold]
        cuts.append((matched.threshold(rate), tuple(by_fold)))
        measured.append((float(matched.alarms_at(at)), float(matched.found_at(at))))
    return PlaceThresholds(
        operating=cuts[0][0],
        rule_in=cuts[1][0],
        false_alarms=loose,
        rule_in_false_alarms=strict,
        measured_false_alarms=measured[0][0],
        measured_sensitivity=measured[0][1],
        measured_rule_in_false_alarms=measured[1][0],
        measured_rule_in_sensitivity=measured[1][1],
        per=(per.en, per.zh),
        operating_by_fold=cuts[0][1],
        rule_in_by_fold=cuts[1][1],
    )
