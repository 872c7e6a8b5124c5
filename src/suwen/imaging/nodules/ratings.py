"""What the LIDC radiologists said of a nodule, as numbers and in words.

References: McNitt-Gray et al., Acad Radiol 14:1464, 2007 (the rated characteristics); Armato et
al., Med Phys 38(2):915-931, 2011 (the data set).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import Text
from suwen.imaging.nodules.data import ATTRIBUTES
from suwen.lifecycle.examples import Array, Examples

RATING: Final = "malignancy_rating"
DIAMETER: Final = "diameter_mm"
OPINIONS: Final = (
    Text(en="benign in the radiologists' opinion", zh="放射科医师判断为良性"),
    Text(en="malignant in the radiologists' opinion", zh="放射科医师判断为恶性"),
)
"""What a label of 0 or 1 means: no pathology."""


@lru_cache(maxsize=1)
def knowledge() -> dict[str, Any]:
    """Return the knowledge file, read once."""
    path = Path(__file__).parents[1] / "knowledge" / "nodule_ratings.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def told(examples: Examples) -> dict[str, Array]:
    """Return mean malignancy rating, attributes and diameter of nodules, each (n,)."""
    columns = examples.columns
    readers = [[int(value) for value in str(text).split()] for text in columns["reader_ratings"]]
    attributes = np.array([[float(v) for v in str(t).split()] for t in columns["attributes"]])
    return {
        RATING: np.array([np.mean(values) if values else math.nan for values in readers]),
        **{name.lower(): attributes[:, k] for k, name in enumerate(ATTRIBUTES)},
        DIAMETER: np.asarray(columns["diameter_mm"], dtype=float),
    }


def in_words(numbers: Mapping[str, float]) -> Text | None:
    """Return ratings and diameter of one nodule in words; None where nothing is known."""
    en, zh = [], []
    if not math.isnan(rating := numbers.get(RATING, math.nan)):
        en.append(f"malignancy rated {rating:.1f} of 5")
        zh.append(f"恶性评分 {rating:.1f}/5")
    if not math.isnan(diameter := numbers.get(DIAMETER, math.nan)):
        en.append(f"{diameter:.0f} mm")
        zh.append(f"{diameter:.0f} mm")
    for each in knowledge()["characteristic"]:
        value = numbers.get(each["key"], math.nan)
        if not math.isnan(value) and (said := each["words"].get(str(round(value)))):
            en.append(said["en"])
            zh.append(said["zh"])
    return Text(en=", ".join(en), zh="，".join(zh)) if en else None
