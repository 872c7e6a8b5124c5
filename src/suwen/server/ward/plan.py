"""Wards with their beds as a page shows them: who lies where, who shares a location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from suwen.core.errors import BadInput
from suwen.records.alerts.wards import Place, Ward
from suwen.server.asking import Asking
from suwen.server.language import moment
from suwen.server.ward import devices
from suwen.server.ward.desks import wards_for
from suwen.server.ward.devices import Choice, People

MOST_BEDS: Final = 200
MOST_LISTED: Final = 40
"""Patients in no ward that are listed; a name finds the others."""
SEPARATORS: Final = ",，;；、\n"


@dataclass(frozen=True)
class Bed:
    """A bed, or a place without one (`name` empty).

    Parameters
    ----------
    patient
        Who lies there; empty: nobody, or (`other`) somebody the reader does not care for.
    aside
        Readings of the patient's devices that were set aside.
    shared
        The location the patient shares, in words, and since when; empty: none.
    """

    name: str
    patient: str = ""
    person: str = ""
    since: str = ""
    other: bool = False
    aside: int = 0
    shared: str = ""


@dataclass(frozen=True)
class Plan:
    """A ward, its beds, and how many are free."""

    ward: Ward
    beds: list[Bed]

    @property
    def free(self) -> list[str]:
        """Return the names of the free beds."""
        return [bed.name for bed in self.beds if not bed.patient and not bed.other and bed.name]

    @property
    def told_beds(self) -> str:
        """Return the listed beds as they are typed."""
        return ", ".join(self.ward.beds)


def plans(asking: Asking, people: People) -> list[Plan]:
    """Return every ward with its beds, listed ones first, as the reader may see them."""
    wards, aside = wards_for(asking), dict[str, int]()
    for one in devices.watch_of(asking).counts():
        aside[one.patient] = aside.get(one.patient, 0) + one.count
    occupied = wards.occupied()
    found = []
    for ward in wards.list():
        names = list(dict.fromkeys([*ward.beds, *(b for w, b in sorted(occupied) if w == ward.id)]))
        beds = [_bed(ward.id, name, occupied, people, aside) for name in names]
        beds += [
            _lying(Bed(""), patient, place, people, aside)
            for patient, place in people.places.items()
            if place and place.ward == ward.id and not place.bed
        ]
        found.append(Plan(ward, beds))
    return found


def _bed(
    ward: str,
    name: str,
    occupied: dict[tuple[str, str], str],
    people: People,
    aside: dict[str, int],
) -> Bed:
    patient = occupied.get((ward, name))
    if patient is None:
        return Bed(name)
    place = people.places.get(patient)
    if not patient or place is None:
        return Bed(name, other=True)
    return _lying(Bed(name), patient, place, people, aside)


def _lying(bed: Bed, patient: str, place: Place, people: People, aside: dict[str, int]) -> Bed:
    return replace(
        bed,
        patient=patient,
        person=people.names[patient],
        since=moment(place.since),
        aside=aside.get(patient, 0),
        shared=location(place),
    )


def location(place: Place | None) -> str:
    """Return what a patient shares of where they are, in words; empty for nothing."""
    shared = place.location if place else None
    if not shared:
        return ""
    words = str(shared.get("text", ""))
    if "latitude" in shared:
        words = f"{words} ({shared['latitude']:.5f}, {shared['longitude']:.5f})".strip()
    return words


def shared_by(asking: Asking, patient: str) -> str:
    """Return the location a patient shares, for the patient's own page; empty for nothing."""
    if asking.person.role != "patient":
        return ""
    return location(wards_for(asking).place_of(patient))


def without_ward(people: People, holding: str = "") -> list[Choice]:
    """Return the patients who lie in no ward and whose name holds some text."""
    wanted = holding.strip().casefold()
    return [
        one
        for one in people.choices()
        if not people.bed(one.patient) and wanted in one.name.casefold()
    ]


def define(asking: Asking, ward: str, name: str, beds: str, budget: str) -> None:
    """Make a ward, or change its name, beds and budget; its ladder and silences stay.

    Raises
    ------
    BadInput
        Too many beds, two of one name, or a budget that is no number.
    """
    wards = wards_for(asking)
    old = next((one for one in wards.list() if one.id == ward), None) or Ward(ward)
    listed = tuple(_listed(beds))
    if len(listed) > MOST_BEDS:
        raise BadInput("too many beds", f"at most {MOST_BEDS}", "make several wards")
    try:
        wanted = float(budget.replace(",", ".")) if budget.strip() else None
    except ValueError:
        raise BadInput("a budget that is no number", "alerts a patient and day", "") from None
    wards.define(replace(old, name=name.strip(), beds=listed, budget=wanted))


def _listed(beds: str) -> Iterable[str]:
    for mark in SEPARATORS:
        beds = beds.replace(mark, "\n")
    return (one.strip() for one in beds.split("\n") if one.strip())
