"""The BI-RADS category whose likelihood of cancer a calibrated probability falls into.

This is a range of probability and nothing else: categories 0, 1 and 6, management, and everything
a radiologist sees besides (history, priors, elastography) are left to people.

Reference: American College of Radiology, BI-RADS Atlas, 5th edition, 2013.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from suwen.core.codes import Text
from suwen.core.errors import BadInput


@lru_cache(maxsize=1)
def knowledge() -> dict[str, Any]:
    """Return the knowledge file, read once."""
    path = Path(__file__).parents[1] / "knowledge" / "bi_rads.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def category(probability: float) -> tuple[str, Text]:
    """Return the category of a calibrated probability of malignancy, and its range in words.

    Raises
    ------
    BadInput
        It is no probability.
    """
    if not 0 <= probability <= 1:
        raise BadInput(f"a probability of {probability}", "a number from 0 to 1")
    for entry in knowledge()["category"]:
        if probability <= entry.get("up_to", -1.0) or probability < entry.get("below", -1.0):
            break
    return entry["key"], Text(**entry["range"])


def sentence(probability: float) -> Text:
    """Say which category a calibrated probability of malignancy falls into, and what that is not.

    Raises
    ------
    BadInput
        It is no probability.
    """
    key, span = category(probability)
    return Text(
        en=f"The probability of malignancy, {probability:.1%}, lies in the range of BI-RADS "
        f"category {key} ({span.en}); this is a range of numbers, no radiologist's assessment.",
        zh=f"恶性概率 {probability:.1%} 落在 BI-RADS {key} 类的范围内（{span.zh}）；"
        "这只是数值范围，并非放射科医生的评估。",
    )
