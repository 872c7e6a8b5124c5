"""Who is behind which key of which file, and whose a note is."""

from __future__ import annotations

from pathlib import Path

from suwen.privacy.claims import Claims
from suwen.privacy.files import File
from suwen.privacy.people import Claim, claim
from suwen.privacy.roster import Roster
from suwen.privacy.subjects.known import Known

SECRET = b"the secret of the project of the tests"
JANE = claim(1, "a", Known(frozenset(["Jane Doe"])), ["4839201"], "19610412")
SAME = claim(2, "b", Known(frozenset(["Doe^Jane"])), ["4839201"], "19610412")
BAO = claim(2, "c", Known(frozenset(["Li Bao"])), ["5550001"])


def file(number: int) -> File:
    return File(number, Path(f"{number}.csv"), "table")


def roster_of(*said: Claim) -> Roster:
    return Roster(SECRET, Claims.of(said))


def test_one_person_has_one_key_over_all_files() -> None:
    roster = roster_of(JANE, SAME, BAO)
    assert len(roster.persons) == 2
    jane = roster.cast(file(1)).of("a").subject.pseudonym
    assert roster.cast(file(2)).of("b").subject.pseudonym == jane
    assert roster.told[jane]["names"] == ["Doe^Jane", "Jane Doe"]


def test_a_file_of_two_patients_belongs_to_neither() -> None:
    roster = roster_of(JANE, SAME, BAO)
    assert roster.owner(file(1)) is roster.persons[0]
    assert roster.owner(file(2)) is None
    assert roster.owner(file(3)) is None


def test_a_note_is_of_the_one_who_is_named_in_it() -> None:
    roster = roster_of(JANE, BAO)
    assert roster.named_in("Jane Doe was seen today.") is roster.persons[0]
    assert roster.named_in("Jane Doe and Li Bao were seen.") is None
    assert roster.named_in("Seen today.") is None
    assert roster_of(JANE).named_in("Seen today.") is not None


def test_who_is_not_known_still_loses_the_names_of_everybody() -> None:
    calm = claim(3, "d", Known(frozenset(["安静"])), ["5550002"])
    text = roster_of(JANE, calm).note_of_nobody(file(7), "昨日安静陪同, seen by Jane")
    assert "陪同" in text
    assert "安静" not in text
    assert "Jane" not in text


def test_a_key_no_file_explained_is_the_same_person_each_time() -> None:
    cast = roster_of().cast(file(1))
    assert cast.of("x").subject.pseudonym == cast.of("x").subject.pseudonym
    assert cast.of("x").subject.pseudonym != cast.of("y").subject.pseudonym
