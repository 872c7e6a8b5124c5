"""Beds: one patient a bed, only beds that are there, and no name for whom it is no business."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.alerts.wards import Ward, Wards

DOCTOR = Person("dr-li", "Li Na", "clinician")
OTHER = Person("dr-chen", "Chen Wei", "clinician")


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def wards(store: Store) -> Wards:
    made = Wards(store, DOCTOR, "treatment")
    made.define(Ward("icu", "Intensive care", beds=("1", "2")))
    return made


def patient(store: Store, person: Person = DOCTOR) -> str:
    return store.session(person, "treatment").new_patient([])


def test_a_bed_holds_one_patient_and_is_free_again_after_a_transfer(store: Store, wards: Wards):
    first, second = patient(store), patient(store)
    wards.place(first, "icu", "1")
    wards.place(first, "icu", "1")
    with pytest.raises(Conflict):
        wards.place(second, "icu", "1")
    wards.place(first, "icu", "2")
    wards.place(second, "icu", "1")
    assert wards.occupied() == {("icu", "1"): second, ("icu", "2"): first}
    wards.place(second, "", "1")
    assert wards.occupied() == {("icu", "2"): first}


def test_a_bed_that_is_not_there_is_refused_where_beds_are_listed(store: Store, wards: Wards):
    one = patient(store)
    with pytest.raises(NotFound, match="no such bed"):
        wards.place(one, "icu", "3")
    wards.define(Ward("open", "Where nobody listed beds"))
    wards.place(one, "open", "by the window")
    assert wards.occupied() == {("open", "by the window"): one}


def test_a_strangers_bed_is_taken_without_a_name(store: Store, wards: Wards):
    theirs = patient(store, OTHER)
    Wards(store, OTHER, "treatment").place(theirs, "icu", "1")
    assert wards.occupied() == {("icu", "1"): ""}
    with pytest.raises(Conflict):
        wards.place(patient(store), "icu", "1")


@pytest.mark.parametrize("beds", [("1", "1"), ("1", " 1"), ("",), ("x" * 65,)])
def test_beds_that_cannot_be_told_apart_are_refused(beds: tuple[str, ...]):
    with pytest.raises(BadInput):
        Ward("icu", beds=beds)


def test_a_patient_reads_and_takes_back_the_own_location(store: Store, wards: Wards):
    one = patient(store)
    own = Person("at.home", "At home", "patient", patient=one)
    store.add_person(own, "")
    mine = Wards(store, own, "patient")
    assert mine.place_of(one) is None
    mine.share_location(one, {"text": "Third floor, key with the neighbour"})
    place = mine.place_of(one)
    assert place is not None
    assert place.location is not None
    assert place.location["text"] == "Third floor, key with the neighbour"
    mine.share_location(one, None)
    assert mine.place_of(one).location is None  # type: ignore[union-attr]
