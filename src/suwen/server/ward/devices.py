"""Devices as a page shows them: whose, when last heard, what was set aside, how to set one up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from suwen.core.errors import Denied
from suwen.diagnosis.language import message
from suwen.health.alerts.trial import Desk
from suwen.records.alerts.wards import Place
from suwen.records.streams.device_watch import Count, DeviceWatch
from suwen.records.streams.devices import Device
from suwen.records.streams.set_aside import Kept
from suwen.server.asking import PURPOSES, Asking
from suwen.server.case.patients import SHORT_ID, about
from suwen.server.language import age, moment, say
from suwen.server.ward.desks import devices_of

QUIET: Final = timedelta(minutes=15)
"""A device not heard for so long is told as silent."""
SAID: Final = 2_000
"""Characters shown of one message."""


STATES: Final[Mapping[str, tuple[str, str]]] = {
    "future": (
        message("time in the future"),
        message("The device's clock runs ahead. Set it, or switch on its automatic time."),
    ),
    "past": (
        message("time long past"),
        message("The device's clock was reset. Set it; what is truly old can be sent as a file."),
    ),
    "not-a-number": (
        message("not a number"),
        message("The sensor gave no value. Look at the sensor and its contact."),
    ),
    "malformed": (
        message("not understood"),
        message("The message is not in the documented form. Look at the device's settings."),
    ),
    "conflicting": (
        message("contradicting"),
        message("Another value is stored for that time. Do two devices send under one id?"),
    ),
    "late": (
        message("came too late"),
        message("Readings of that time were thinned already. Send it as a file if it is needed."),
    ),
    "wrong-token": (
        message("wrong token"),
        message("Who sends does not know the token. Give the device a new one, or ask who it is."),
    ),
    "revoked": (
        message("revoked"),
        message("A revoked device goes on sending. Find it and switch it off."),
    ),
    "unknown-device": (
        message("unknown device"),
        message("Nobody enrolled a device of that id. Enrol it, or find out who sends."),
    ),
    "key-destroyed": (
        message("patient's key destroyed"),
        message("The patient's content was destroyed on purpose. Switch the device off."),
    ),
}
"""What each state of a reading set aside means, and what to do."""


@dataclass(frozen=True)
class Line:
    """One device of the list. `style` colours its chip; `heard` is its age in words."""

    device: Device
    patient: str
    bed: str
    state: str
    style: str
    heard: str
    aside: int


@dataclass(frozen=True)
class AsideLine:
    """What was set aside of one device as one state."""

    count: Count
    patient: str
    bed: str
    state: str
    advice: str


@dataclass(frozen=True)
class Choice:
    """A patient a device can be enrolled for."""

    patient: str
    name: str


@dataclass(frozen=True)
class People:
    """Names of patients and where they lie, as far as the reader may know."""

    names: Mapping[str, str]
    places: Mapping[str, Place | None]

    def bed(self, patient: str) -> str:
        """Return ward and bed of a patient, empty where they lie in none."""
        place = self.places.get(patient)
        return " · ".join(filter(None, (place.ward, place.bed))) if place and place.ward else ""

    def choices(self) -> list[Choice]:
        """Return the patients for a list to choose from, by bed and name."""
        found = [
            Choice(one, " · ".join(filter(None, (self.names[one], self.bed(one)))))
            for one in self.names
        ]
        return sorted(found, key=lambda one: (not self.bed(one.patient), one.name))


def people_of(asking: Asking) -> People:
    """Return the patients of the reader; for an administrator none has a name."""
    if not asking.may["act"]:
        return People({}, {})
    desk = Desk.of(asking.bench.store, asking.person, PURPOSES[asking.person.role])
    places = desk.alerts.patients()
    found = desk.alerts.newest("Patient", list(places))
    names = {
        one: about(asking.language, one, found[one].content if one in found else None).name
        for one in places
    }
    return People(names, places)


def watch_of(asking: Asking) -> DeviceWatch:
    """Return the person's view of devices; an administrator's is for administration.

    Raises
    ------
    Denied
        The role has nothing to do with devices.
    """
    if not (asking.may["act"] or asking.may["review"]):
        raise Denied("devices are for those who care for patients", "a clinician or nurse", "")
    purpose = "administration" if asking.may["review"] else PURPOSES[asking.person.role]
    return DeviceWatch(asking.bench.store, asking.person, purpose)


def lines(asking: Asking, people: People, patient: str = "") -> list[Line]:
    """Return the devices the reader may see, or one patient's; those that send first."""
    watch, manages = watch_of(asking), asking.may["review"]
    found = watch.devices() if manages else devices_of(asking).list(patient or None)
    now = datetime.now(UTC)
    shown = [_line(asking, one, people, now) for one in found]
    return sorted(shown, key=lambda one: (one.device.revoked is not None, one.device.id))


def _line(asking: Asking, one: Device, people: People, now: datetime) -> Line:
    language = asking.language
    if one.revoked is not None:
        state, style = say(language, "revoked"), "plain"
    elif one.seen is None:
        state, style = say(language, "never heard"), "abstain"
    elif now - one.seen > QUIET:
        state, style = say(language, "silent"), "soon"
    else:
        state, style = say(language, "sending"), "routine"
    return Line(
        device=one,
        patient=people.names.get(one.patient, f"…{one.patient[-SHORT_ID:]}"),
        bed=people.bed(one.patient),
        state=state,
        style=style,
        heard=age(language, one.seen) if one.seen else "–",
        aside=sum(one.refused.values()),
    )


def aside(asking: Asking, people: People) -> list[AsideLine]:
    """Return what was set aside, by device and state, the newest first."""
    return [
        AsideLine(
            count=one,
            patient=people.names.get(one.patient, f"…{one.patient[-SHORT_ID:]}")
            if one.patient
            else "–",
            bed=people.bed(one.patient),
            state=state_name(asking, one.state),
            advice=say(asking.language, STATES[one.state][1]) if one.state in STATES else "",
        )
        for one in watch_of(asking).counts()
    ]


def by_bed(found: Sequence[AsideLine]) -> list[tuple[str, str, int]]:
    """Return ward and bed, patient and how much was set aside, the most first."""
    sums: dict[tuple[str, str], int] = {}
    for one in found:
        if one.bed:
            sums[one.bed, one.patient] = sums.get((one.bed, one.patient), 0) + one.count.count
    return [(bed, name, n) for (bed, name), n in sorted(sums.items(), key=lambda i: -i[1])]


def state_name(asking: Asking, state: str) -> str:
    """Return what a state is called."""
    return say(asking.language, STATES[state][0]) if state in STATES else state


def said(letter: Kept) -> tuple[str, str]:
    """Return when a letter came and what it said, as a page shows it; times in ISO 8601 as well."""
    text = (
        letter.said if isinstance(letter.said, str) else json.dumps(_dated(letter.said), indent=1)
    )
    return moment(letter.at), text if len(text) <= SAID else f"{text[:SAID]}…"


def _dated(content: Any) -> Any:
    """Return what a reading said with its time in words beside the microseconds it is kept in."""
    if not isinstance(content, dict):
        return content
    told = dict(content)
    for name in ("tick", "ticks"):
        given = told.get(name)
        listed = given if isinstance(given, list) else [given]
        if times := [_iso(one) for one in listed[:5] if isinstance(one, int)]:
            told["at"] = times if isinstance(given, list) else times[0]
    return told


def _iso(tick: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tick)).isoformat()
    except OverflowError:
        return "?"


def setup(base: str, topic: str, device: str, token: str) -> tuple[str, str]:
    """Return what a device needs to know for HTTPS and for MQTT, to be copied."""
    https = (
        f"POST {base}/api/devices/{device}/readings\n"
        f"Authorization: Bearer {token}\n"
        "Content-Type: application/json\n\n"
        '{"code": "8867-4", "unit": "/min", "at": "2026-03-01T10:00:00+08:00", "value": 72}'
    )
    mqtt = (
        f"topic: {topic}/{device}/readings\nQoS: 1\n\n"
        f'{{"token": "{token}", "code": "8867-4", "unit": "/min", '
        '"at": "2026-03-01T10:00:00+08:00", "value": 72}'
    )
    return https, mqtt
