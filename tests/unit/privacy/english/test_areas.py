"""Places of no list are told by how they are written; wards, drugs and signs with capitals stay."""

from __future__ import annotations

import pytest

from suwen.privacy.texts.text import identifiers

PLACES = {"place", "facility", "address"}


def found(text: str) -> list[str]:
    """Return the places of a text; a named patient makes it a text about somebody."""
    said = f"Mr. John Doe is here. {text} He is well today."
    return [one.of(said) for one in identifiers(said) if one.type in PLACES]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("He slept at a lodge on Lake Zumwalt.", "Lake Zumwalt"),
        ("Chicken farm in Quennel Township.", "Quennel Township"),
        ("He attends Tiny Otters Daycare.", "Tiny Otters Daycare"),
        ("Found on Vasper Street without shoes.", "Vasper Street"),
        ("He drove four hours from Marl, Texas for this.", "Marl, Texas"),
        ("He lives in Qualden, NH since May.", "Qualden, NH"),
        ("The family runs a bakery in Saint-Obrecht.", "Saint-Obrecht"),
        ("His sister in Kirvalle had gout.", "Kirvalle"),
        ("He was deployed to Zarqel and Mundak.", "Zarqel"),
        ("He was deployed to Zarqel and Mundak.", "Mundak"),
        ("He was born in Goose Ferry and moved.", "Goose Ferry"),
        ("Daughter moved to Stoke-on-the-Marsh last year, lives in Stoke-on-the-Marsh.",
         "Stoke-on-the-Marsh"),
        ("He was flown to Anchorage.", "Anchorage"),
        ("Records from: Vellin Clinic; Sawtry Imaging.", "Sawtry Imaging"),
    ],
)  # fmt: skip
def test_a_place_of_no_list_is_found(text: str, place: str) -> None:
    assert any(place in one for one in found(text)), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Woken in Trauma Bay and at Nursing Station.",
        "Enrolled in Phase II; exercise in Zone 2.",
        "Increase in Prograf; a decrease in Lasix.",
        "Placed in Trendelenburg, then in Fowler position.",
        "The rise in Bilirubin, and in Creatinine, is small.",
        "He lives in Assisted Living.",
        "Moved from Chair to Bed.",
        "Treated with Zosyn and Meropenem.",
    ],
)
def test_capitals_of_wards_drugs_and_signs_are_no_places(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("He was hit outside the Red Lion pub at night.", "Red Lion pub"),
        ("He fell at Waverley station in the morning.", "Waverley station"),
        ("Booked through Northgate Language Services.", "Northgate Language Services"),
        ("Chemotherapy at the Instituto Nacional de Tumores.", "Instituto Nacional de Tumores"),
        ("He works for Delmont Mining Company since 1999.", "Delmont Mining Company"),
        ("She attends Little Acorns Nursery in Harrowby, well.", "Harrowby"),
        ("He was in Stonegate Correctional Facility.", "Stonegate Correctional Facility"),
        ("Seen at Gulf Coast Cardiology Associates.", "Gulf Coast Cardiology Associates"),
        ("Employer: Tidewater Pipe & Supply, driver.", "Tidewater Pipe & Supply"),
        ("To SNF (Bethany on the Lake), report called.", "Bethany on the Lake"),
        (
            "Flu shot at Walgreens #08841, 6600 N Western, today.",
            "Walgreens #08841, 6600 N Western",
        ),
        (
            "Home is 1/44 Grevillea St, Tenterfield NSW 2372.",
            "1/44 Grevillea St, Tenterfield NSW 2372",
        ),
    ],
)
def test_sites_firms_and_institutions_of_no_list(text: str, place: str) -> None:
    said = f"Mr. John Doe is here. {text} He is well today."
    assert place in [one.of(said) for one in identifiers(said)]


@pytest.mark.parametrize(
    "text",
    [
        "Referred to Social Services and Emergency Services.",
        "Circle of Willis is complete.",
        "Taken from the Fire station.",
        "The sphincter of Oddi was normal.",
        "Employer: retired. School: home schooled. Pharmacy: None.",
    ],
)
def test_services_and_anatomy_are_no_places(text: str) -> None:
    said = f"{text} Mr. John Doe is well."
    assert [one.of(said) for one in identifiers(said)] == ["Mr. John Doe"]
