"""The input-domain guard: is this input like those the pack was validated on?

Each domain feature has a range (percentiles of the development examples, widened), and together
they have a largest Mahalanobis distance. Outside, the pack abstains and says which feature lies
outside; it never answers silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array

PERCENTILES = (0.5, 99.5)
SLACK = 0.25
"""Each range is widened on both sides by this share of its width."""
DISTANCE_SLACK = 1.5
"""The largest distance seen between the 99.5th percentile and the data is multiplied by this."""


@dataclass(frozen=True)
class Range:
    """Accepted values of one feature, with its name for people."""

    low: float
    high: float
    name: Text


@dataclass(frozen=True)
class Guard:
    """Ranges by feature and, for two or more features, an ellipsoid around their mean."""

    ranges: Mapping[str, Range]
    mean: tuple[float, ...] = ()
    precision: tuple[tuple[float, ...], ...] = ()
    limit: float = 0.0

    def reasons(self, domain: Mapping[str, float]) -> list[Text]:
        """Say what lies outside; an empty list when the input is inside the domain.

        Raises
        ------
        BadInput
            A feature the guard knows is missing: the room and the pack do not fit together.
        """
        if missing := sorted(set(self.ranges) - set(domain)):
            raise BadInput(
                f"the input-domain features {missing} are missing",
                "the features this pack was made with",
                "use the pack with the version of the room that trained it",
            )
        found = [
            _outside(span, float(domain[name]))
            for name, span in self.ranges.items()
            if not span.low <= float(domain[name]) <= span.high
        ]
        if not found and self.limit and self.distance(domain) > self.limit:
            found.append(
                Text(
                    en="The combination of input properties is unlike any validated input "
                    f"(distance {self.distance(domain):.1f}, accepted up to {self.limit:.1f}).",
                    zh="输入特征的组合与验证过的输入不符"
                    f"（距离 {self.distance(domain):.1f}，可接受上限 {self.limit:.1f}）。",
                )
            )
        return found

    def distance(self, domain: Mapping[str, float]) -> float:
        """Return the Mahalanobis distance from the development examples."""
        gap = np.array([domain[name] for name in self.ranges]) - np.array(self.mean)
        return float(np.sqrt(gap @ np.array(self.precision) @ gap))

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and texts."""
        return {
            "ranges": {
                name: {"low": span.low, "high": span.high, "name": span.name.model_dump()}
                for name, span in self.ranges.items()
            },
            "mean": list(self.mean),
            "precision": [list(row) for row in self.precision],
            "limit": self.limit,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Guard:
        """Build from `to_json`."""
        ranges = {
            name: Range(span["low"], span["high"], Text(**span["name"]))
            for name, span in content["ranges"].items()
        }
        return cls(
            ranges,
            tuple(content["mean"]),
            tuple(tuple(row) for row in content["precision"]),
            content["limit"],
        )


def _outside(span: Range, value: float) -> Text:
    return Text(
        en=f"{span.name.en} is {value:.4g}, outside the validated range "
        f"{span.low:.4g} to {span.high:.4g}.",
        zh=f"{span.name.zh}为 {value:.4g}，超出验证范围 {span.low:.4g} 至 {span.high:.4g}。",
    )


def fit(domains: Sequence[Mapping[str, float]], names: Mapping[str, Text]) -> Guard:
    """Fit the guard to the domain features of the development examples.

    `names` gives features their names for people; a feature without one keeps its own.
    """
    if not domains or not domains[0]:
        return Guard({})
    features = list(domains[0])
    table = np.array([[float(row[name]) for name in features] for row in domains])
    low, high = np.percentile(table, PERCENTILES, axis=0)
    slack = SLACK * np.maximum(high - low, 1e-9 + 1e-6 * np.abs(high))
    lowest = np.where(table.min(axis=0) >= 0, 0.0, -np.inf)  # lengths and shares stay so
    ranges = {
        name: Range(
            float(max(low[i] - slack[i], lowest[i])),
            float(high[i] + slack[i]),
            names.get(name, Text(en=name.replace("_", " "), zh=name)),
        )
        for i, name in enumerate(features)
    }
    if len(features) < 2 or len(table) < 10 * len(features):
        return Guard(ranges)
    mean, precision = table.mean(0), _precision(table)
    gaps = table - mean
    distances = np.sqrt(np.einsum("ij,jk,ik->i", gaps, precision, gaps))
    limit = float(DISTANCE_SLACK * np.percentile(distances, PERCENTILES[1]))
    return Guard(ranges, tuple(mean.tolist()), tuple(map(tuple, precision.tolist())), limit)


def _precision(table: Array) -> Array:
    """Return the inverse covariance, shrunk by 1 % towards its diagonal so that it exists."""
    covariance = np.cov(table, rowvar=False)
    diagonal = np.diag(np.maximum(np.diag(covariance), 1e-12))
    return np.linalg.inv(0.99 * covariance + 0.01 * diagonal)
