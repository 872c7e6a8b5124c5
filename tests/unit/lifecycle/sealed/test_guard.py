"""The input-domain guard."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.lifecycle.sealed import guard

NAMES = {"spacing": Text(en="Pixel spacing (mm)", zh="像素间距（毫米）")}


def scans(n=400, seed=0):
    """Spacing and noise of n scans, strongly related."""
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.5, 1.0, n)
    noise = 100 * spacing + rng.normal(0, 2, n)
    return [{"spacing": s, "noise": e} for s, e in zip(spacing, noise, strict=True)]


def test_a_scan_like_the_validated_ones_passes():
    fitted = guard.fit(scans(), NAMES)
    refused = [row for row in scans(300, seed=1) if fitted.reasons(row)]
    assert len(refused) <= 3


def test_a_scan_with_pixels_of_5_mm_is_refused_in_both_languages_with_the_range():
    found = guard.fit(scans(), NAMES).reasons({"spacing": 5.0, "noise": 75.0})
    assert len(found) == 1
    assert found[0].en.startswith("Pixel spacing (mm) is 5, outside the validated range")
    assert found[0].zh.startswith("像素间距（毫米）为 5")


def test_each_value_is_usual_but_together_they_were_never_seen():
    fitted = guard.fit(scans(), NAMES)
    odd = {"spacing": 0.55, "noise": 98.0}
    assert all(span.low < odd[name] < span.high for name, span in fitted.ranges.items())
    assert "combination" in fitted.reasons(odd)[0].en


def test_a_value_that_could_not_be_computed_is_outside():
    assert guard.fit(scans(), NAMES).reasons({"spacing": float("nan"), "noise": 75.0})


def test_a_missing_feature_is_an_error_and_not_a_pass():
    with pytest.raises(BadInput, match="noise"):
        guard.fit(scans(), NAMES).reasons({"spacing": 0.7})


def test_a_stored_guard_decides_the_same():
    fitted = guard.fit(scans(), NAMES)
    again = guard.Guard.from_json(json.loads(json.dumps(fitted.to_json())))
    for row in [*scans(50, seed=2), {"spacing": 0.55, "noise": 98.0}]:
        assert again.reasons(row) == fitted.reasons(row)


def test_a_task_without_domain_features_accepts_everything():
    assert guard.fit([{}, {}], {}).reasons({}) == []


def test_a_length_is_never_accepted_below_zero():
    fitted = guard.fit([{"mm": v} for v in np.linspace(0.05, 5, 50)], {})
    assert fitted.ranges["mm"].low == 0
    assert fitted.reasons({"mm": -0.1})


def test_a_feature_that_never_varied_still_has_a_range():
    fitted = guard.fit([{"kvp": 120.0}] * 30, {})
    assert fitted.reasons({"kvp": 120.0}) == []
    assert fitted.reasons({"kvp": 80.0})
