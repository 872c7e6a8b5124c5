"""A slice of the leak test; the whole is `benchmarks/quality/leaks_formats.py`."""

from __future__ import annotations

import pytest

from suwen.privacy import leaks


@pytest.mark.parametrize("kind", leaks.FORMATS)
def test_no_identifier_planted_in_any_field_survives(kind: str) -> None:
    tally = leaks.measure(80, seed=1, formats=[kind])
    assert tally.planted[kind] == 80
    assert tally.where == []


def test_an_identifier_that_stays_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks.hl7, "deidentify", lambda text, cast: text)
    tally = leaks.measure(10, formats=["hl7"])
    assert tally.survived["hl7"] == 10
