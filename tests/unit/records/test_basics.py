"""A judgement as a FHIR Basic: what went in comes out, in its order."""

from __future__ import annotations

from datetime import UTC, datetime

from suwen.core.nouns import Record
from suwen.records.basics import basic, parts_of

PARTS = [
    {"url": "kind", "valueCode": "v"},
    {"url": "detail", "valueString": "a"},
    {"url": "detail", "valueString": "b"},
]


def record(content: dict) -> Record:
    return Record(reference=f"{content['resourceType']}/r1/_history/1", content=content)


def test_parts_come_back_in_their_order_also_where_a_name_comes_twice():
    made = basic("x-review", "r1", "p", datetime(2026, 3, 1, 23, tzinfo=UTC), PARTS)
    assert made["created"] == "2026-03-01"
    assert parts_of(record(made), "x-review") == [("kind", "v"), ("detail", "a"), ("detail", "b")]


def test_another_judgement_is_none_of_this_kind():
    made = basic("x-review", "r1", "p", datetime(2026, 3, 1, tzinfo=UTC), PARTS)
    assert parts_of(record(made), "y-review") is None
    assert parts_of(record({"resourceType": "Observation"}), "x-review") is None
