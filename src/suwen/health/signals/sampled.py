"""Evenly spaced values in one Observation (FHIR R4 SampledData), as an array and back.

Reference: FHIR R4 datatypes, SampledData: decimals parted by spaces, `E` an error, `L` and `U`
below and above what the device can measure; value = decimal * factor + origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import UCUM
from suwen.health.facts.measured import MISSING, moment

MILLISECONDS: Final = 1000.0
_LOST: Final = frozenset("ELU")


@dataclass(frozen=True)
class Sampled:
    """Values at even distances.

    Parameters
    ----------
    start
        Time of the first value; None where the Observation does not say.
    period
        Seconds from one value to the next.
    unit
        UCUM unit.
    values
        (n,) for one dimension, (n, dimensions) for more; NaN where the device gave none.
    """

    start: datetime | None
    period: float
    unit: str
    values: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return len(self.values) * self.period


def sampled(content: Mapping[str, Any], part: Mapping[str, Any] | None = None) -> Sampled | None:
    """Return the sampled data of an Observation or of one of its components; None without any.

    None also where they cannot be read: no period, a word that is neither number nor mark.
    """
    data = (part if part is not None else content).get("valueSampledData")
    if not isinstance(data, Mapping):
        return None
    origin = data.get("origin") or {}
    try:
        period = float(data["period"]) / MILLISECONDS
        words = str(data["data"]).split()
        raw = np.array([MISSING if word in _LOST else float(word) for word in words])
        values = raw * float(data.get("factor", 1)) + float(origin.get("value", 0))
        width = int(data.get("dimensions", 1))
        shaped = values if width == 1 else values.reshape(-1, width)
    except (KeyError, ValueError, TypeError):
        return None
    if not 0 < period < float("inf") or not len(words):
        return None
    whole = content.get("effectivePeriod") or {}
    start = moment(content.get("effectiveDateTime") or whole.get("start"))
    return Sampled(start, period, str(origin.get("code") or origin.get("unit") or ""), shaped)


def sampled_data(values: NDArray[np.float64], period: float, unit: str) -> dict[str, Any]:
    """Return one dimension of values, each `period` seconds after the other, as SampledData."""
    words = ["E" if np.isnan(value) else f"{value:.6g}" for value in values.tolist()]
    return {
        "origin": {"value": 0, "unit": unit, "system": UCUM, "code": unit},
        "period": period * MILLISECONDS,
        "dimensions": 1,
        "data": " ".join(words),
    }
