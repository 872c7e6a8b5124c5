"""One key a subject: everything else about them follows from it and from nothing else."""

from datetime import date
from itertools import islice

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from suwen.core.errors import BadInput
from suwen.privacy.subjects.subject import Subject

SECRET = bytes(range(32))


def test_the_same_patient_is_the_same_subject_in_every_format() -> None:
    note, series = Subject.of(SECRET, "Patient/7"), Subject.of(SECRET, "Patient/7")
    assert note.pseudonym == series.pseudonym
    assert note.shift == series.shift
    assert note.token("mrn", "4711") == series.token("mrn", "4711")
    assert note.uid("1.2.840.1") == series.uid("1.2.840.1")


def test_two_patients_and_two_projects_have_nothing_in_common() -> None:
    people = [Subject.of(SECRET, f"Patient/{n}") for n in range(500)]
    people += [Subject.of(SECRET[::-1], f"Patient/{n}") for n in range(500)]
    assert len({one.pseudonym for one in people}) == 1000
    assert len({one.token("mrn", "4711") for one in people}) == 1000
    assert len({one.uid("1.2.3") for one in people}) == 1000


def test_dates_move_back_by_one_to_365_days_and_keep_their_distance() -> None:
    shifts = {Subject.of(SECRET, str(n)).shift.days for n in range(5000)}
    assert shifts == set(range(-365, 0))
    one = Subject.of(SECRET, "7")
    admitted, discharged = date(2024, 2, 27), date(2024, 3, 4)
    assert (discharged + one.shift) - (admitted + one.shift) == discharged - admitted


def test_a_uid_is_valid_dicom_and_padding_does_not_change_it() -> None:
    one = Subject(SECRET)
    uid = one.uid("1.2.840.113619.2.55")
    assert uid.startswith("2.25.")
    assert uid[5] != "0"
    assert len(uid) <= 64
    assert uid == one.uid("1.2.840.113619.2.55\0")
    assert uid != one.uid("1.2.840.113619.2.56")


def test_kinds_of_identifiers_do_not_share_tokens() -> None:
    one = Subject(SECRET)
    assert one.token("mrn", "4711") != one.token("account", "4711")
    assert one.token("a", "bc") != one.token("ab", "c")
    drawn = list(islice(one.draws("name", "陈静"), 20))
    assert drawn == list(islice(one.draws("name", "陈静"), 20))
    assert drawn != list(islice(one.draws("name", "陈敬"), 20))


def test_keys_are_derived_as_the_library_derives_them() -> None:
    info = b"suwen privacy|subject|Patient/7"
    own = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(SECRET)
    assert Subject.of(SECRET, "Patient/7").key == own


@pytest.mark.parametrize("key", [b"", b"short", "0123456789abcdef0123456789abcdef"])
def test_a_key_that_can_be_guessed_is_refused(key: bytes) -> None:
    with pytest.raises(BadInput, match="16 secret bytes"):
        Subject(key)


def test_the_key_is_never_shown() -> None:
    assert "0001" not in repr(Subject(SECRET))
    assert str(SECRET) not in repr(Subject(SECRET))


def test_nobody_has_no_pseudonym() -> None:
    with pytest.raises(BadInput, match="identifier"):
        Subject.of(SECRET, "")
