"""A ward's escalation ladder as a page changes it: steps, each with a time and the persons told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import FormData

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import canonical, digest_of
from suwen.records import Person
from suwen.records.alerts.wards import EVERYBODY, LONGEST_S, Rung, Ward
from suwen.server.asking import ACTORS, Asking
from suwen.server.language import say
from suwen.server.spoken import COLONS
from suwen.server.ward.desks import wards_for

MOST_STEPS: Final = 10
MINUTE_S: Final = 60.0
NEXT_AFTER: Final = 5.0
"""Minutes that a new step comes after the last one."""


@dataclass(frozen=True)
class Step:
    """A step as it is typed: minutes without an acknowledgement, and persons by id."""

    after: str
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A ladder that somebody changes.

    Parameters
    ----------
    was
        Digest of the ladder that stood when the page was opened.
    """

    was: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Contact:
    """A person as the page tells of them.

    Parameters
    ----------
    services
        By which services they are paged; empty: no address is known.
    open
        Whether their account is; a closed one is paged all the same.
    """

    id: str
    name: str
    services: tuple[str, ...] = ()
    open: bool = True


def ward_of(asking: Asking, ward: str) -> Ward:
    """Return a ward.

    Raises
    ------
    NotFound
        There is none of that id.
    """
    for one in wards_for(asking).list():
        if one.id == ward:
            return one
    raise NotFound("no such ward", "a ward that was defined", "define it first")


def draft_of(ward: Ward) -> Draft:
    """Return a ward's ladder as it stands."""
    steps = tuple(Step(_told(rung.after_s / MINUTE_S), rung.to) for rung in ward.ladder)
    return Draft(_digest(ward), steps)


def _digest(ward: Ward) -> str:
    return digest_of(canonical([[rung.after_s, list(rung.to)] for rung in ward.ladder]))


def changed(form: FormData) -> Draft:
    """Return what a form says, after what its button does: `add`, `up-1`, `down-0`, `drop-2`."""
    texts = {key: value for key, value in form.items() if isinstance(value, str)}
    steps: list[Step] = []
    while (key := f"after-{len(steps)}") in texts and len(steps) < MOST_STEPS:
        named = (one for one in form.getlist(f"to-{len(steps)}") if isinstance(one, str) and one)
        steps.append(Step(texts[key].strip()[:10], tuple(dict.fromkeys(named))))
    act, _, place = texts.get("do", "").partition("-")
    k = int(place) if place.isdecimal() else -1
    if act == "add" and len(steps) < MOST_STEPS:
        steps.append(Step(_later(steps)))
    elif act == "drop" and 0 <= k < len(steps):
        del steps[k]
    elif act in ("up", "down"):
        _swap(steps, k, k - 1 if act == "up" else k + 1)
    return Draft(texts.get("was", ""), tuple(steps))


def _later(steps: Sequence[Step]) -> str:
    try:
        return _told(_seconds(steps[-1].after) / MINUTE_S + NEXT_AFTER) if steps else "0"
    except BadInput:
        return ""


def _swap(steps: list[Step], one: int, other: int) -> None:
    """Let two steps change places; the times stay in their order."""
    if 0 <= one < len(steps) and 0 <= other < len(steps):
        first, second = steps[one], steps[other]
        steps[one], steps[other] = replace(first, to=second.to), replace(second, to=first.to)


def save(asking: Asking, ward: str, draft: Draft) -> None:
    """Let a ward's ladder be what a draft says.

    Raises
    ------
    BadInput
        A step without persons, a time that is none, or times that are not in order.
    Conflict
        Somebody else changed the ladder since the page was opened.
    """
    one = ward_of(asking, ward)
    if _digest(one) != draft.was:
        raise Conflict(
            "somebody else changed this ladder meanwhile",
            "the ladder as it stands now",
            "open the page again and change that one",
        )
    ladder = tuple(Rung(_seconds(step.after), step.to) for step in draft.steps)
    if not all(rung.to for rung in ladder):
        raise BadInput("a step that tells nobody", "a person on each step", "choose, or remove it")
    times = [rung.after_s for rung in ladder]
    if times != sorted(times):
        raise BadInput(
            "waiting times that are not in order",
            "each step at the time of the one before it, or later",
            "correct the times",
        )
    wards_for(asking).define(replace(one, ladder=ladder))


def _told(minutes: float) -> str:
    return f"{minutes:.6g}"


def _seconds(text: str) -> float:
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        found = -1.0
    if not 0 <= found * MINUTE_S <= LONGEST_S:
        raise BadInput("a waiting time that cannot be used", "minutes from 0 to 1440", "correct it")
    return round(found * MINUTE_S, 1)


def contacts(asking: Asking, draft: Draft) -> dict[str, Contact]:
    """Return everybody who may stand on the ladder, or does, by id; everybody at once comes first.

    Those who care for patients may be chosen; whoever else stands there is shown as well.
    """
    named = {person for step in draft.steps for person in step.to}
    found = {EVERYBODY: Contact(EVERYBODY, say(asking.language, "Everybody, and the care team"))}
    for one in asking.bench.store.persons():
        if one.id in named or (one.active and one.role in ACTORS):
            found[one.id] = _contact(asking, one)
    return found


def _contact(asking: Asking, person: Person) -> Contact:
    services = tuple(asking.bench.contacts.services(person.id))
    return Contact(person.id, person.name, services, person.active)


def told(asking: Asking, ward: Ward) -> list[Contact]:
    """Return the persons on a ladder as it stands, in their order, each once."""
    known = contacts(asking, draft_of(ward))
    named = dict.fromkeys(one for rung in ward.ladder for one in rung.to if one != EVERYBODY)
    return [known.get(one) or Contact(one, one, open=False) for one in named]


def in_words(asking: Asking, ward: Ward) -> str:
    """Return a ladder in one line: `0 min: Amy Chan → 5 min: Dr Lin`; empty without one."""
    steps = []
    for rung in ward.ladder:
        minutes = say(asking.language, "%(n)s min", n=_told(rung.after_s / MINUTE_S))
        persons = (
            say(asking.language, "everybody") if one == EVERYBODY else asking.bench.name_of(one)
            for one in rung.to
        )
        steps.append(f"{minutes}{COLONS[asking.language]}{', '.join(persons)}")
    return " → ".join(steps)
