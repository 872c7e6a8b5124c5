"""What search is told of a resource."""

from __future__ import annotations

import pytest

from suwen.records.index import codes, identifiers, moments, span


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01T00:00:00.000000Z", "2024-12-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"),
        ("2023-12", "2023-12-01T00:00:00.000000Z", "2023-12-31T23:59:59.999999Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"),
        ("2024-03-01T10:00:00+08:00", *["2024-03-01T02:00:00.000000Z"] * 2),
        ("2024-03-01T10:00:00.25Z", *["2024-03-01T10:00:00.250000Z"] * 2),
    ],
)
def test_a_date_covers_what_it_leaves_open(text, first, last):
    assert moments(text) == (first, last)


@pytest.mark.parametrize("text", ["", "20", "2023-02-29", "2023-13", "yesterday", "9999-12-31"])
def test_what_is_no_date_has_no_moments(text):
    assert moments(text) == (None, None)


def test_a_period_without_an_end_goes_on():
    low, high = span({"period": {"start": "2024-01-01"}})
    assert (low, high[:4]) == ("2024-01-01T00:00:00.000000Z", "9999")
    assert span({"period": {"end": "2024-01-01"}})[0][:4] == "0001"
    assert span({"effectivePeriod": {"start": "2024-01-01", "end": "2024-01-02"}}) == (
        "2024-01-01T00:00:00.000000Z",
        "2024-01-02T23:59:59.999999Z",
    )


def test_when_it_happened_comes_before_when_it_was_written_down():
    low, _ = span({"issued": "2024-05-01", "effectiveDateTime": "2023-05-01"})
    assert low == "2023-05-01T00:00:00.000000Z"
    assert span({"status": "final"}) == (None, None)


def test_every_coding_of_a_resource_and_its_components_is_indexed():
    pressure = {
        "code": {"coding": [{"system": "loinc", "code": "85354-9"}, {"code": "BP"}]},
        "category": [{"coding": [{"code": "vital-signs"}]}, {"text": "no code"}],
        "component": [{"code": {"coding": [{"system": "loinc", "code": "8480-6"}]}}],
        "modality": [{"system": "dcm", "code": "CT"}],
    }
    assert codes(pressure) == {
        ("loinc", "85354-9"),
        ("", "BP"),
        ("", "vital-signs"),
        ("loinc", "8480-6"),
        ("dcm", "CT"),
    }


def test_identifiers_without_a_value_are_left_out():
    resource = {"identifier": [{"system": "urn:mrn", "value": "1"}, {"system": "urn:mrn"}, {}]}
    assert identifiers(resource) == {("urn:mrn", "1")}
    assert identifiers({"identifier": {"value": "2"}}) == {("", "2")}
    assert identifiers({}) == set()
