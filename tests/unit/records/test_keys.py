"""Keys: where they come from, how they change, and what is gone when one is destroyed."""

from __future__ import annotations

import base64
import os
import shlex
import sys

import pytest
from sqlalchemy import select, update

from suwen.core.errors import BadInput, Denied, IntegrityError, KeyUnavailable, NotFound
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.keys import MasterKeySource, Secrets
from suwen.records.tables import blob, data_key, patient_identifier, record, remark, token


def fresh_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def test_the_key_file_is_made_once_and_for_its_owner_only(sqlite_clinic):
    key = sqlite_clinic.home / "keys" / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (sqlite_clinic.home / "suwen.sqlite").stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    with Store.open(sqlite_clinic.settings):
        assert key.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_others_may_read_is_refused(sqlite_clinic, mode):
    (sqlite_clinic.home / "keys" / "master.key").chmod(mode)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        Store.open(sqlite_clinic.settings)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", base64.b64encode(b"x" * 31)])
def test_a_malformed_key_is_refused(sqlite_clinic, content):
    (sqlite_clinic.home / "keys" / "master.key").write_bytes(content)
    with pytest.raises(KeyUnavailable):
        Store.open(sqlite_clinic.settings)


def test_a_missing_key_file_is_not_replaced_by_a_new_one(sqlite_clinic):
    key = sqlite_clinic.home / "keys" / "master.key"
    key.unlink()
    with pytest.raises(KeyUnavailable, match="restore"):
        Store.open(sqlite_clinic.settings)
    assert not key.exists()


def test_the_wrong_key_is_told_when_the_store_is_opened(clinic):
    (clinic.home / "keys" / "master.key").write_text(fresh_key())
    with pytest.raises(KeyUnavailable, match="does not open this store"):
        Store.open(clinic.settings)


def test_the_master_key_from_a_variable(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path, master_key="env:OUR_KEY")
    with pytest.raises(KeyUnavailable, match="OUR_KEY is not set"):
        Store.open(settings)
    monkeypatch.setenv("OUR_KEY", fresh_key())
    Store.open(settings).close()
    Store.open(settings).close()
    assert not (tmp_path / "keys").exists()
    monkeypatch.setenv("OUR_KEY", fresh_key())
    with pytest.raises(KeyUnavailable):
        Store.open(settings)


def test_the_master_key_from_a_command_without_a_shell(tmp_path):
    program = f"{shlex.quote(sys.executable)} -c 'print(\"{fresh_key()}\")' '; touch {tmp_path}/x'"
    settings = Settings(home=tmp_path / "home", master_key=f"command:{program}")
    Store.open(settings).close()
    Store.open(settings).close()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "spec", ["command:false", "command:/no/such", "command:'", "kms:x", "env:"]
)
def test_a_source_that_gives_no_key_is_told(tmp_path, spec):
    with pytest.raises(KeyUnavailable):
        MasterKeySource(spec, tmp_path).load()


def test_a_new_master_key_opens_everything_and_the_old_one_nothing(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([("urn:mrn", "1")])
    [pulse] = doctor.put([clinic.pulse()], patient)
    digest = doctor.put_blob(patient, b"bytes", "text/plain")
    file = clinic.home / "keys" / "master.key"
    old = file.read_text()
    assert clinic.admin.rotate_master_key() == 1
    assert file.read_text() != old
    assert file.stat().st_mode & 0o777 == 0o600
    assert doctor.read(pulse.reference) == pulse
    with Store.open(clinic.settings) as again:
        access = again.session(clinic.doctor_person, "treatment")
        assert access.read(pulse.reference) == pulse
        assert access.blob(patient, digest) == b"bytes"
        assert access.new_patient([("urn:mrn", "1")]) == patient
        assert again.log.verify().intact
    file.write_text(old)
    with pytest.raises(KeyUnavailable):
        Store.open(clinic.settings)


def test_another_process_goes_on_after_a_rotation(clinic):
    with Store.open(clinic.settings) as other:
        access = other.session(clinic.doctor_person, "treatment")
        clinic.admin.rotate_master_key()
        patient = access.new_patient([])
        [pulse] = access.put([clinic.pulse()], patient)
    with Store.open(clinic.settings) as again:
        assert again.session(clinic.doctor_person, "treatment").read(pulse.reference) == pulse


def test_a_rotation_cut_off_before_its_commit_changes_nothing(clinic, monkeypatch):
    patient = clinic.doctor.new_patient([])
    [pulse] = clinic.doctor.put([clinic.pulse()], patient)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clinic.store.log, "append", cut)
        with pytest.raises(KeyboardInterrupt):
            clinic.admin.rotate_master_key()
    assert (clinic.home / "keys" / "master.key.next").exists()
    with Store.open(clinic.settings) as again:
        assert again.session(clinic.doctor_person, "treatment").read(pulse.reference) == pulse
    assert clinic.admin.rotate_master_key() == 1


def test_a_rotation_cut_off_after_its_commit_is_finished_at_the_next_opening(clinic, monkeypatch):
    patient = clinic.doctor.new_patient([])
    [pulse] = clinic.doctor.put([clinic.pulse()], patient)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clinic.store.vault, "adopt", cut)
        with pytest.raises(KeyboardInterrupt):
            clinic.admin.rotate_master_key()
    assert (clinic.home / "keys" / "master.key.next").exists()
    with Store.open(clinic.settings) as again:
        assert again.session(clinic.doctor_person, "treatment").read(pulse.reference) == pulse
    assert not (clinic.home / "keys" / "master.key.next").exists()


def test_the_master_key_moves_to_a_variable(sqlite_clinic, monkeypatch):
    patient = sqlite_clinic.doctor.new_patient([])
    [pulse] = sqlite_clinic.doctor.put([sqlite_clinic.pulse()], patient)
    monkeypatch.setenv("NEW_KEY", fresh_key())
    sqlite_clinic.admin.rotate_master_key("env:NEW_KEY")
    settings = Settings(home=sqlite_clinic.home, master_key="env:NEW_KEY")
    with Store.open(settings) as again:
        access = again.session(sqlite_clinic.doctor_person, "treatment")
        assert access.read(pulse.reference) == pulse
        with pytest.raises(BadInput, match="in use"):
            again.administer(sqlite_clinic.admin_person).rotate_master_key("env:NEW_KEY")
    with pytest.raises(KeyUnavailable):
        Store.open(sqlite_clinic.settings)


def everything(clinic, patient):
    """Store one of each kind of sealed thing."""
    doctor = clinic.doctor
    records = doctor.put([clinic.wang(), clinic.pulse()], patient)
    digest = doctor.put_blob(patient, b"blob" * 5000, "text/plain")
    doctor.decide("rejected", patient, "Finding/x", {"reason": "it is a vessel"}, key="k1")
    return records, digest


def test_a_new_data_key_seals_everything_anew(clinic):
    patient = clinic.doctor.new_patient([])
    (wang, pulse), digest = everything(clinic, patient)
    with clinic.store.database.transaction() as connection:
        old = connection.execute(select(record.c.content).order_by(record.c.id)).scalars().all()
        files = set(clinic.home.glob("blobs/*/*"))
    assert clinic.admin.rotate_data_key(patient) == 4
    with clinic.store.database.transaction() as connection:
        new = connection.execute(select(record.c.content).order_by(record.c.id)).scalars().all()
        assert connection.execute(select(data_key.c.generation)).scalars().all() == [2]
        for table in (record, remark, blob):
            assert set(connection.execute(select(table.c.generation)).scalars()) == {2}
    assert not set(map(bytes, old)) & set(map(bytes, new))
    assert len(set(clinic.home.glob("blobs/*/*")) - files) == 1
    assert not set(clinic.home.glob("blobs/*/*")) & files
    doctor = clinic.doctor
    assert doctor.read(pulse.reference) == pulse
    assert doctor.read(wang.reference) == wang
    assert doctor.blob(patient, digest) == b"blob" * 5000
    reasons = [d.detail["reason"] for d in doctor.decisions(patient) if d.act == "rejected"]
    assert reasons == ["it is a vessel"]
    assert clinic.store.log.verify().intact


def test_a_data_key_rotation_cut_off_goes_on_where_it_ended(clinic, monkeypatch):
    patient = clinic.doctor.new_patient([])
    (_, pulse), digest = everything(clinic, patient)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clinic.store.blobs, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            clinic.admin.rotate_data_key(patient)
    assert clinic.doctor.read(pulse.reference) == pulse
    assert clinic.doctor.blob(patient, digest) == b"blob" * 5000
    assert clinic.admin.rotate_data_key(patient) == 1
    assert clinic.doctor.blob(patient, digest) == b"blob" * 5000
    with clinic.store.database.transaction() as connection:
        assert connection.execute(select(data_key.c.generation)).scalars().all() == [2]


def test_a_destroyed_key_makes_the_patient_unreadable_everywhere(clinic):
    doctor = clinic.doctor
    patient, kept = doctor.new_patient([("urn:mrn", "1")]), doctor.new_patient([])
    (_, pulse), digest = everything(clinic, patient)
    [other] = doctor.put([clinic.pulse()], kept)
    case = doctor.case(patient)
    with Store.open(clinic.settings) as second:
        warm = second.session(clinic.doctor_person, "treatment")
        assert warm.read(pulse.reference)
        clinic.admin.destroy_patient(patient, "the patient asked for erasure")
        for access in (doctor, warm):
            for act in (
                lambda a: a.read(pulse.reference),
                lambda a: a.blob(patient, digest),
                lambda a: a.search("Observation", patient),
                lambda a: a.history(pulse.reference),
                lambda a: a.case(patient),
                lambda a: a.put([clinic.pulse(value=2)], patient),
                lambda a: a.put_blob(patient, b"x", "text/plain"),
            ):
                with pytest.raises(KeyUnavailable, match="destroyed on purpose"):
                    act(access)
    with pytest.raises(KeyUnavailable):
        case.blob(digest)
    with clinic.store.database.transaction() as connection:
        for table in (token, patient_identifier, remark, blob):
            mine = select(table).where(table.c.patient == patient)
            assert connection.execute(mine).all() == [], table.name
        rows = connection.execute(select(data_key).where(data_key.c.patient == patient)).all()
        assert [row.wrapped for row in rows] == [None]
    assert list(clinic.home.glob("blobs/*/*")) == []
    assert doctor.read(other.reference) == other
    assert [one.patient for one in doctor.patients()] == [kept]
    assert clinic.store.log.verify().intact
    acts = [d.act for d in clinic.store.log.entries(patient=patient)]
    assert "patient-key-destroyed" in acts
    with pytest.raises(KeyUnavailable):
        clinic.admin.destroy_patient(patient, "again")


def test_neither_key_nor_content_leaves_a_copy_in_the_database_files(sqlite_clinic):
    clinic = sqlite_clinic
    patients = [clinic.doctor.new_patient([]) for _ in range(20)]
    for patient in patients:
        clinic.doctor.put([clinic.pulse(str(number)) for number in range(3)], patient)
        clinic.doctor.decide("rejected", patient, "Finding/x", {"reason": "a vessel " * 20})
    with clinic.store.database.transaction() as connection:
        secret = [
            bytes(connection.execute(select(column)).scalars().all()[10])
            for column in (data_key.c.wrapped, remark.c.content)
        ]
        secret += map(bytes, connection.execute(select(record.c.content)).scalars())

    def copies() -> int:
        files = [path.read_bytes() for path in clinic.home.glob("suwen.sqlite*")]
        return sum(any(one in file for file in files) for one in secret)

    assert copies() > 50
    for patient in patients:
        clinic.admin.destroy_patient(patient, "erasure")
    assert copies() == 0


def test_only_an_administrator_destroys_a_key_and_with_a_reason(clinic):
    patient = clinic.doctor.new_patient([])
    with pytest.raises(Denied):
        clinic.store.administer(clinic.doctor_person, "treatment").destroy_patient(
            patient, "why not"
        )
    with pytest.raises(BadInput):
        clinic.admin.destroy_patient(patient, "")
    with pytest.raises(NotFound):
        clinic.admin.destroy_patient("nobody", "erasure")
    assert clinic.doctor.case(patient).records == ()


def test_sealed_rows_cannot_be_exchanged(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    one, two = doctor.put([clinic.pulse("a", 60), clinic.pulse("b", 61)], patient)
    with clinic.store.database.transaction() as connection:
        content = dict(connection.execute(select(record.c.id, record.c.content)).all())
        for here, there in ((one, two), (two, one)):
            connection.execute(
                update(record).where(record.c.id == here.id).values(content=content[there.id])
            )
    with pytest.raises(IntegrityError):
        doctor.read(one.reference)


def test_a_row_given_to_another_patient_does_not_open(clinic):
    doctor = clinic.doctor
    mine, yours = doctor.new_patient([]), doctor.new_patient([])
    [pulse] = doctor.put([clinic.pulse()], mine)
    with clinic.store.database.transaction() as connection:
        connection.execute(update(record).values(patient=yours))
    with pytest.raises(IntegrityError):
        doctor.read(pulse.reference)


def test_a_changed_byte_is_noticed(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [pulse] = doctor.put([clinic.pulse()], patient)
    with clinic.store.database.transaction() as connection:
        content = bytearray(connection.execute(select(record.c.content)).scalar_one())
        content[-1] ^= 1
        connection.execute(update(record).values(content=bytes(content)))
    with pytest.raises(IntegrityError):
        doctor.read(pulse.reference)


def test_own_ids_are_recognised_and_outside_ids_are_not():
    secrets = Secrets(b"r" * 32)
    own = secrets.new_id()
    assert secrets.is_own(own)
    assert not Secrets(b"s" * 32).is_own(own)
    for other in (
        "",
        "a",
        "a" * 32,
        own[:-1],
        own[:-2] + "aa",
        own.upper(),
        own[:31] + "!",
        "é" * 26,
    ):
        assert not secrets.is_own(other), other
    local = secrets.local_id("p", "Observation", "x")
    assert secrets.is_own(local)
    assert secrets.local_id("p", "Observation", "x") == local
    assert secrets.local_id("q", "Observation", "x") != local
    assert secrets.local_id("q", "Observation", local) == local
    assert secrets.local_id("p", "Condition", "x")[:6] == local[:6]


def test_hashes_and_ids_of_a_store_stay_what_they_were_in_earlier_versions():
    secrets = Secrets(b"s" * 32)
    assert secrets.hashed("c|http://loinc.org|8867-4") == "333bde4a46dea06b6605ac24ab5de670"
    assert secrets.content_digest(b"{}") == "b57c4b1b01423a3de0753f00dd96823a"
    assert secrets.local_id("p", "Observation", "hr-1") == "wi7d2jeocnawvmxragxzu253x6znfh7h"
    assert secrets.file_name("scan")[:32] == "a9aca81a445c6ca555aea28b5d8f1909"
    assert secrets.log_seal("0|x")[:32] == "097c65e8dbfc40e101122c0d761d0c19"
