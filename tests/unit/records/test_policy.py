"""Who may read whose record, and what happens to those who may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from suwen.core.errors import BadInput, Conflict, Denied, NotFound
from suwen.records import Person
from suwen.records.policy import Policy
from suwen.records.tables import break_glass


@pytest.fixture
def wang(clinic):
    patient = clinic.doctor.new_patient([("urn:mrn", "1")])
    clinic.doctor.put([clinic.wang(), clinic.pulse()], patient)
    clinic.digest = clinic.doctor.put_blob(patient, b"note", "text/plain")
    return patient


def every_read(access, clinic, patient):
    """Return each act that gives out content of a patient."""
    return {
        "read": lambda: access.read("Observation/hr-1", patient),
        "blob": lambda: access.blob(patient, clinic.digest),
        "search": lambda: access.search("Observation", patient),
        "history": lambda: access.history("Observation/hr-1", patient),
        "case": lambda: access.case(patient),
        "decisions": lambda: access.decisions(patient),
    }


def test_a_clinician_outside_the_care_team_reads_nothing(clinic, wang):
    for act in every_read(clinic.other, clinic, wang).values():
        with pytest.raises(Denied):
            act()
    assert clinic.other.patients() == []
    assert clinic.other.search("Observation") == []
    with pytest.raises(Denied):
        clinic.other.put([clinic.pulse(value=1)], wang)
    with pytest.raises(Denied):
        clinic.other.delete("Observation/hr-1", "because", wang)


def test_each_denial_is_in_the_log_with_the_name(clinic, wang):
    before = clinic.store.log.head().count
    for act in every_read(clinic.other, clinic, wang).values():
        with pytest.raises(Denied):
            act()
    denials = list(clinic.store.log.entries(after=before))
    assert [(d.act, d.person, d.patient) for d in denials] == [("denied", "dr-chen", wang)] * 6


def test_each_access_is_one_entry_in_the_log(clinic, wang):
    for name, act in every_read(clinic.doctor, clinic, wang).items():
        before = clinic.store.log.head().count
        act()
        [entry] = clinic.store.log.entries(after=before)
        assert entry.person == "dr-li", name
        assert entry.patient == wang, name


def test_another_purpose_than_treatment_opens_nothing_to_the_care_team(clinic, wang):
    for purpose in ("research", "administration", "audit", "patient"):
        access = clinic.store.session(clinic.doctor_person, purpose)
        for act in every_read(access, clinic, wang).values():
            with pytest.raises(Denied):
                act()


@pytest.mark.parametrize("who", ["scientist_person", "admin_person"])
def test_scientists_and_administrators_see_no_content_even_in_the_team(clinic, wang, who):
    person = getattr(clinic, who)
    clinic.admin.share(wang, person.id)
    for purpose in ("treatment", "research", "administration"):
        access = clinic.store.session(person, purpose)
        acts = every_read(access, clinic, wang)
        for act in acts.values():
            with pytest.raises(Denied):
                act()
        with pytest.raises(Denied):
            access.patients()


def test_a_nurse_of_the_team_reads_and_decides_but_does_not_sign_or_delete(clinic, wang):
    clinic.admin.share(wang, clinic.nurse_person.id)
    nurse = clinic.store.session(clinic.nurse_person, "treatment")
    assert nurse.read("Observation/hr-1", wang)
    nurse.decide("accepted", wang, "Finding/x", {})
    with pytest.raises(Denied):
        nurse.decide("signed", wang, "Report/x", {})
    with pytest.raises(Denied):
        nurse.delete("Observation/hr-1", "because", wang)
    clinic.admin.share(wang, clinic.nurse_person.id, member=False)
    with pytest.raises(Denied):
        nurse.read("Observation/hr-1", wang)


def test_a_patient_reads_the_own_record_and_no_other(clinic, wang):
    other = clinic.doctor.new_patient([])
    clinic.doctor.put([clinic.pulse()], other)
    herself = Person("p-wang", "Wang Fang", "patient", patient=wang)
    access = clinic.store.session(herself, "patient")
    assert access.read("Observation/hr-1", wang)
    assert [one.patient for one in access.patients()] == [wang]
    with pytest.raises(Denied):
        access.read("Observation/hr-1", other)
    with pytest.raises(Denied):
        access.delete("Observation/hr-1", "because", wang)
    with pytest.raises(Denied):
        access.break_glass(other, "curious")


def test_a_broken_glass_opens_the_record_for_a_time_and_waits_for_review(clinic, wang):
    until = clinic.other.break_glass(wang, "unconscious in the emergency room")
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(minutes=60)
    assert clinic.other.read("Observation/hr-1", wang)
    assert [one.patient for one in clinic.other.patients()] == [wang]
    with pytest.raises(Denied):
        clinic.other.delete("Observation/hr-1", "because", wang)
    [glass] = clinic.admin.reviews()
    assert (glass.patient, glass.person) == (wang, "dr-chen")
    assert glass.reason == "unconscious in the emergency room"
    clinic.admin.resolve(glass.id, "justified")
    assert clinic.admin.reviews() == []
    assert clinic.admin.reviews(all=True)[0].outcome == "justified"
    assert clinic.other.read("Observation/hr-1", wang)
    with pytest.raises(Conflict):
        clinic.admin.resolve(glass.id, "misuse")


def test_a_broken_glass_closes_when_its_time_has_passed(clinic, wang):
    clinic.other.break_glass(wang, "emergency")
    with clinic.store.database.transaction() as connection:
        connection.execute(update(break_glass).values(until="2020-01-01T00:00:00.000000Z"))
    with pytest.raises(Denied):
        clinic.other.read("Observation/hr-1", wang)
    assert clinic.other.patients() == []


def test_a_review_that_finds_misuse_closes_the_glass_at_once(clinic, wang):
    clinic.other.break_glass(wang, "emergency")
    clinic.admin.resolve(clinic.admin.reviews()[0].id, "misuse")
    with pytest.raises(Denied):
        clinic.other.read("Observation/hr-1", wang)


def test_nobody_reviews_the_own_broken_glass_and_clinicians_review_none(clinic, wang):
    clinic.other.break_glass(wang, "emergency")
    with pytest.raises(Denied):
        clinic.store.administer(clinic.other_person, "audit").reviews()
    [glass] = clinic.admin.reviews()
    same_name = Person(clinic.other_person.id, "Chen Wei", "administrator")
    with pytest.raises(Conflict):
        clinic.store.administer(same_name).resolve(glass.id, "justified")
    with pytest.raises(NotFound):
        clinic.admin.resolve("nothing", "justified")


def test_a_glass_is_not_broken_without_a_reason(clinic, wang):
    with pytest.raises(BadInput):
        clinic.other.break_glass(wang, "  ")
    assert clinic.admin.reviews() == []


def test_knowing_a_patients_number_does_not_open_the_record(clinic, wang):
    assert clinic.other.new_patient([("urn:mrn", "1"), ("urn:card", "5")]) == wang
    with pytest.raises(Denied):
        clinic.other.read("Observation/hr-1", wang)
    assert clinic.doctor.new_patient([("urn:card", "5")]) != wang


def test_a_person_who_was_deactivated_or_changed_role_gets_no_session(clinic):
    clinic.store.add_person(clinic.doctor_person, "hash")
    assert clinic.doctor.patients() == []
    with pytest.raises(Denied):
        clinic.store.session(Person("dr-li", "Li Na", "administrator"), "administration")
    clinic.admin.change_person("dr-li", active=False)
    with pytest.raises(Denied):
        clinic.store.session(clinic.doctor_person, "treatment")
    denied = [d for d in clinic.store.log.entries() if d.act == "denied"]
    assert [d.person for d in denied] == ["dr-li", "dr-li"]


def test_an_unknown_purpose_is_denied(clinic):
    with pytest.raises(Denied):
        clinic.store.session(clinic.doctor_person, "curiosity")


def test_people_are_kept_with_their_language_and_an_opaque_credential(clinic):
    clinic.store.add_person(Person("dr-li", "李娜", "clinician", language="zh"), "$argon2id$x")
    assert clinic.store.person("dr-li") == Person("dr-li", "李娜", "clinician", language="zh")
    assert clinic.store.credential("dr-li") == "$argon2id$x"
    clinic.admin.change_person("dr-li", credential="$argon2id$y")
    assert clinic.store.credential("dr-li") == "$argon2id$y"
    clinic.admin.add_person(clinic.nurse_person, "h")
    assert [p.id for p in clinic.store.persons()] == ["dr-li", "nurse-wu"]
    with pytest.raises(Conflict):
        clinic.store.add_person(Person("dr-li", "x", "nurse"), "h")
    for name in ("", "a b", "../x", "x" * 65):
        with pytest.raises(BadInput):
            clinic.store.add_person(Person(name, "x", "nurse"), "h")
    with pytest.raises(BadInput):
        clinic.store.add_person(Person("p", "x", "patient"), "h")
    for call in (clinic.store.person, clinic.store.credential):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound):
        clinic.admin.change_person("nobody", active=True)


def test_only_administrators_manage_and_only_for_administration(clinic):
    for person, purpose in (
        (clinic.doctor_person, "treatment"),
        (clinic.doctor_person, "administration"),
        (clinic.admin_person, "treatment"),
        (clinic.admin_person, "audit"),
    ):
        with pytest.raises(Denied):
            clinic.store.administer(person, purpose).add_person(clinic.nurse_person, "h")


def test_an_installation_replaces_the_policy_by_its_own(tmp_path):
    shipped = Policy.load(tmp_path)
    assert shipped.allows("clinician", "treatment", "read", ["care-team"])
    (tmp_path / "policy.toml").write_text(
        'version = 1\nbreak_glass_minutes = 5\nrule = []\n[purposes]\ntreatment = "care"\n'
    )
    own = Policy.load(tmp_path)
    assert own.break_glass_minutes == 5
    assert not own.allows("clinician", "treatment", "read", ["care-team"])


@pytest.mark.parametrize(
    "text",
    [
        "version = 2",
        "not toml",
        'version = 1\nbreak_glass_minutes = 5\npurposes = {}\n[[rule]]\nrole = "nurse"\n'
        'purpose = ["fun"]\nrelation = ["any"]\naction = ["read"]',
        'version = 1\nbreak_glass_minutes = 5\npurposes = {a = "b"}\n[[rule]]\nrole = "king"\n'
        'purpose = ["a"]\nrelation = ["any"]\naction = ["read"]',
    ],
)
def test_a_policy_that_cannot_be_read_stops_the_store(tmp_path, text):
    (tmp_path / "policy.toml").write_text(text)
    with pytest.raises(BadInput, match="policy"):
        Policy.load(tmp_path)
