"""The decision log: complete, chained, closed when it cannot be written, verifiable offline."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from suwen.core.errors import (
    BadInput,
    Conflict,
    Denied,
    IntegrityError,
    NotFound,
    StorageUnavailable,
    SuwenError,
)
from suwen.core.nouns import canonical, digest_of
from suwen.core.settings import Settings
from suwen.records import Entry, Store, verify_file
from suwen.records.chain import START, require_intact


@pytest.fixture
def patient(clinic):
    name = clinic.doctor.new_patient([])
    clinic.doctor.put([clinic.pulse()], name)
    for number in range(4):
        clinic.doctor.decide("accepted", name, f"Finding/{number}", {"pack": "p@1"})
    return name


@pytest.fixture
def exported(clinic, patient, tmp_path):
    path = tmp_path / "log.jsonl"
    assert clinic.store.log.export(path) == 6
    return path


def alter(clinic, *statements: str) -> None:
    """Do as an attacker with the database in hand: drop the triggers, then write."""
    with clinic.store.database.transaction() as connection:
        if clinic.store.database.sqlite:
            connection.execute(text("DROP TRIGGER IF EXISTS decision_no_UPDATE"))
            connection.execute(text("DROP TRIGGER IF EXISTS decision_no_DELETE"))
        else:
            connection.execute(text("ALTER TABLE decision DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


def lines(verification):
    return [flaw.line for flaw in verification.flaws]


def test_the_hash_is_what_the_noun_says_it_is(clinic, patient):
    previous = START
    for number, entry in enumerate(clinic.store.log.entries(), 1):
        fields = entry.model_dump(mode="json", exclude={"hash"})
        assert entry.hash == digest_of(canonical(fields))
        assert (entry.sequence, entry.previous) == (number, previous)
        previous = entry.hash
    assert clinic.store.log.decision(2).act == "put"
    with pytest.raises(NotFound):
        clinic.store.log.decision(99)


def test_an_untouched_log_is_intact(clinic, patient, exported):
    result = clinic.store.log.verify()
    assert (result.count, result.flaws, result.sealed) == (6, (), True)
    offline = verify_file(exported, clinic.store.secrets.log_seal)
    assert (offline.count, offline.flaws, offline.sealed) == (6, (), True)
    assert verify_file(exported).intact
    require_intact(result)


@pytest.mark.parametrize("statement", ["UPDATE decision SET act = 'read'", "DELETE FROM decision"])
def test_the_database_itself_refuses_to_change_the_log(clinic, patient, statement):
    with pytest.raises(SuwenError), clinic.store.database.transaction() as connection:
        connection.execute(text(statement))
    assert clinic.store.log.verify().intact


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_empty_the_log(clinic, patient):
    with pytest.raises(StorageUnavailable), clinic.store.database.transaction() as connection:
        connection.execute(text("TRUNCATE decision"))
    assert clinic.store.log.verify().intact


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("act", "'rejected'"),
        ("person", "'dr-no'"),
        ("patient", "'x'"),
        ("subject", "'Finding/9'"),
        ("purpose", "'audit'"),
        ("at", "'2020-01-01T00:00:00Z'"),
        ("detail", "'{}'"),
        ("previous", f"'{START}'"),
        ("hash", f"'{START}'"),
    ],
)
def test_an_edited_entry_is_named(sqlite_clinic, column, value):
    clinic = sqlite_clinic
    name = clinic.doctor.new_patient([])
    for number in range(4):
        clinic.doctor.decide("accepted", name, f"Finding/{number}", {"pack": "p@1"})
    alter(clinic, f"UPDATE decision SET {column} = {value} WHERE sequence = 3")
    assert lines(clinic.store.log.verify())[0] == 3
    with pytest.raises(IntegrityError, match="line 3"):
        require_intact(clinic.store.log.verify())


def test_an_entry_taken_out_of_the_middle_is_noticed(clinic, patient):
    alter(clinic, "DELETE FROM decision WHERE sequence = 3")
    assert lines(clinic.store.log.verify())[0] == 3


def test_entries_with_exchanged_numbers_are_noticed(clinic, patient):
    alter(
        clinic,
        "UPDATE decision SET sequence = 99 WHERE sequence = 3",
        "UPDATE decision SET sequence = 3 WHERE sequence = 4",
        "UPDATE decision SET sequence = 4 WHERE sequence = 99",
    )
    assert {3, 4} <= set(lines(clinic.store.log.verify()))


def test_an_inserted_entry_is_noticed(clinic, patient):
    columns = "at, person, act, patient, subject, purpose, detail, previous, hash"
    alter(
        clinic,
        f"INSERT INTO decision (sequence, {columns}) "
        f"SELECT 7, {columns} FROM decision WHERE sequence = 3",
    )
    assert 7 in lines(clinic.store.log.verify())


def test_entries_missing_at_the_end_are_noticed(clinic, patient):
    alter(clinic, "DELETE FROM decision WHERE sequence > 4")
    assert lines(clinic.store.log.verify())[0] == 5


def test_missing_entries_are_noticed_even_with_the_old_head_put_back(clinic, patient):
    old = clinic.store.log.head()
    clinic.doctor.decide("rejected", patient, "Finding/0", {"reason": "regretted later"})
    alter(
        clinic,
        f"DELETE FROM decision WHERE sequence > {old.count}",
        f"UPDATE log_head SET entries = {old.count}, hash = '{old.hash}', seal = '{old.seal}'",
    )
    [flaw] = clinic.store.log.verify().flaws
    assert flaw.line == old.count + 1
    assert "anchor file" in flaw.what


def test_a_log_chained_anew_without_the_key_is_noticed(clinic, patient):
    entry = next(e for e in clinic.store.log.entries() if e.sequence == 6)
    forged = entry.model_dump(mode="json", exclude={"hash"}) | {"act": "rejected"}
    digest = digest_of(canonical(forged))
    alter(
        clinic,
        f"UPDATE decision SET act = 'rejected', hash = '{digest}' WHERE sequence = 6",
        f"UPDATE log_head SET hash = '{digest}'",
    )
    assert any("not sealed" in flaw.what for flaw in clinic.store.log.verify().flaws)


def test_an_edited_entry_with_its_hash_made_anew_is_noticed_at_the_next(clinic, patient):
    entry = clinic.store.log.decision(3)
    forged = entry.model_dump(mode="json", exclude={"hash"}) | {"act": "rejected"}
    digest = digest_of(canonical(forged))
    alter(clinic, f"UPDATE decision SET act = 'rejected', hash = '{digest}' WHERE sequence = 3")
    assert lines(clinic.store.log.verify()) == [4]


def test_an_entry_chained_on_without_the_key_is_noticed(clinic, patient):
    last = clinic.store.log.decision(6)
    forged = last.model_dump(mode="json", exclude={"hash"})
    forged |= {"sequence": 7, "previous": last.hash, "detail": {}}
    digest = digest_of(canonical(forged))
    columns = "at, person, act, patient, subject, purpose"
    alter(
        clinic,
        f"INSERT INTO decision (sequence, {columns}, detail, previous, hash) "
        f"SELECT 7, {columns}, '{{}}', hash, '{digest}' FROM decision WHERE sequence = 6",
    )
    [flaw] = clinic.store.log.verify().flaws
    assert (flaw.line, flaw.what.partition(":")[0]) == (7, "inserted")


def test_a_missing_anchor_file_is_noticed_and_half_of_it_is_enough(clinic, patient):
    anchor = clinic.home / "decisions.anchor"
    content = anchor.read_bytes()
    anchor.write_bytes(content[:160] + b"\0" * 100)
    assert clinic.store.log.verify().intact
    anchor.write_bytes(b"\0" * 300)
    assert not clinic.store.log.verify().intact
    anchor.unlink()
    assert not clinic.store.log.verify().intact


def test_any_change_of_an_exported_line_is_named(exported):
    whole = exported.read_text("utf-8").splitlines(keepends=True)
    assert len(whole) == 7
    for number in range(6):
        edited = whole[number].replace('"purpose":"treatment"', '"purpose":"research"')
        doubled = whole[number].replace('{"act"', '{"act":"nothing","act"', 1)
        spaced = whole[number].replace('"act":', '"act": ', 1)
        cases = {
            "edited": [*whole[:number], edited, *whole[number + 1 :]],
            "named twice": [*whole[:number], doubled, *whole[number + 1 :]],
            "spaced": [*whole[:number], spaced, *whole[number + 1 :]],
            "removed": whole[:number] + whole[number + 1 :],
            "repeated": [*whole[: number + 1], whole[number], *whole[number + 1 :]],
            "blank": [*whole[:number], "\n", *whole[number + 1 :]],
        }
        for name, changed in cases.items():
            exported.write_text("".join(changed), "utf-8")
            result = verify_file(exported)
            expected = {"repeated": number + 2}.get(name, number + 1)
            assert lines(result)[0] == expected, (name, number)


def test_a_log_that_went_on_begins_with_its_earlier_export(clinic, patient, exported, tmp_path):
    clinic.doctor.decide("rejected", patient, "Finding/0", {})
    result = clinic.store.log.verify(against=exported)
    assert (result.intact, result.count, result.earlier) == (True, 7, 6)
    later = tmp_path / "later.jsonl"
    clinic.store.log.export(later)
    assert verify_file(later, against=exported).earlier == 6
    assert lines(verify_file(exported, against=later)) == [7]


def test_an_old_copy_of_database_and_anchor_put_back_is_noticed(sqlite_clinic, tmp_path):
    home = sqlite_clinic.home
    patient = sqlite_clinic.doctor.new_patient([])
    sqlite_clinic.store.close()
    shutil.copytree(home, tmp_path / "old")
    export = tmp_path / "log.jsonl"
    with Store.open(sqlite_clinic.settings) as store:
        store.session(sqlite_clinic.doctor_person, "treatment").decide("signed", patient, "R/1", {})
        store.log.export(export)
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "old", home)
    with Store.open(sqlite_clinic.settings) as store:
        assert store.log.verify().intact, "an old copy is intact in itself"
        [shorter] = store.log.verify(against=export).flaws
        assert (shorter.line, shorter.what.partition(":")[0]) == (2, "removed")
        for act in ("withdrawn", "signed"):
            store.session(sqlite_clinic.doctor_person, "treatment").decide(act, patient, "R/1", {})
        assert store.log.verify().intact, "and may go on otherwise"
        [other] = store.log.verify(against=export).flaws
        assert (other.line, other.what.partition(":")[0]) == (2, "replaced")


def test_an_edited_or_foreign_export_proves_nothing(clinic, patient, exported, tmp_path):
    whole = exported.read_text("utf-8").splitlines(keepends=True)
    exported.write_text("".join([*whole[:5], whole[5].replace("Finding/3", "Finding/9"), whole[6]]))
    flaws = clinic.store.log.verify(against=exported).flaws
    assert [flaw.line for flaw in flaws] == [6]
    assert flaws[0].what.startswith("of the earlier export: edited")
    with Store.open(Settings(home=tmp_path / "other")) as other:
        other.note("dr-li", "sign-in", {})
        other.log.export(exported)
    named = [flaw.what for flaw in clinic.store.log.verify(against=exported).flaws]
    assert any("not sealed by this store" in what for what in named)
    assert any(what.startswith("replaced") for what in named)
    with pytest.raises(BadInput):
        clinic.store.log.verify(against=tmp_path / "absent")


def test_reordered_exported_lines_are_named(exported):
    whole = exported.read_text("utf-8").splitlines(keepends=True)
    for first in range(5):
        changed = [*whole]
        changed[first], changed[first + 1] = changed[first + 1], changed[first]
        exported.write_text("".join(changed), "utf-8")
        assert lines(verify_file(exported))[0] == first + 1


def test_an_export_cut_at_its_end_or_continued_is_noticed(exported, clinic):
    whole = exported.read_text("utf-8").splitlines(keepends=True)
    for cut in range(7):
        exported.write_text("".join(whole[:cut]), "utf-8")
        assert not verify_file(exported).intact
    exported.write_text("".join([*whole[:5], whole[6]]), "utf-8")
    assert lines(verify_file(exported)) == [6]
    exported.write_text("".join([*whole, whole[5]]), "utf-8")
    assert not verify_file(exported).intact
    head = json.loads(whole[4])["hash"]
    forged = canonical({"anchor": [5, head, "0" * 64]}).decode() + "\n"
    exported.write_text("".join([*whole[:5], forged]), "utf-8")
    assert verify_file(exported).intact, "without the key the seal cannot be checked"
    assert not verify_file(exported, clinic.store.secrets.log_seal).intact


def test_what_is_no_log_is_refused(tmp_path):
    with pytest.raises(BadInput):
        verify_file(tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput):
        verify_file(tmp_path / "binary")


def test_when_the_log_cannot_be_written_nothing_is_read_and_nothing_is_stored(
    clinic, patient, monkeypatch
):
    doctor = clinic.doctor

    def broken(*_: object) -> None:
        raise StorageUnavailable("no room for the log")

    with monkeypatch.context() as patch:
        patch.setattr(clinic.store.log, "append", broken)
        for act in (
            lambda: doctor.read("Observation/hr-1", patient),
            lambda: doctor.search("Observation", patient),
            lambda: doctor.case(patient),
            doctor.patients,
            lambda: doctor.put([clinic.pulse(value=1)], patient),
            lambda: doctor.delete("Observation/hr-1", "because", patient),
            lambda: doctor.put_blob(patient, b"x", "text/plain"),
            lambda: doctor.new_patient([("urn:mrn", "new")]),
            lambda: doctor.decide("accepted", patient, "Finding/x", {}),
        ):
            with pytest.raises(StorageUnavailable):
                act()
    [pulse] = doctor.search("Observation", patient)
    assert pulse.reference.endswith("/_history/1")
    assert clinic.store.counts()["patients"] == 1


def test_when_the_anchor_cannot_be_written_the_act_fails(clinic, patient, monkeypatch):
    anchor = clinic.home / "decisions.anchor"
    anchor.unlink()
    anchor.mkdir()
    with pytest.raises(StorageUnavailable, match="anchor"):
        clinic.doctor.read("Observation/hr-1", patient)


def test_a_step_done_again_is_logged_once(clinic, patient):
    doctor = clinic.doctor
    first = doctor.decide("finding", patient, "Finding/a", {"pack": "p@1"}, key="job-1/step-2")
    again = doctor.decide("finding", patient, "Finding/a", {"pack": "p@1"}, key="job-1/step-2")
    assert again == first
    assert first.detail == {"pack": "p@1", "key": "job-1/step-2"}
    with pytest.raises(Conflict):
        doctor.decide("finding", patient, "Finding/b", {}, key="job-1/step-2")
    assert len([e for e in clinic.store.log.entries() if e.act == "finding"]) == 1


def test_a_decision_is_committed_with_the_resources_it_is_about(clinic, patient):
    doctor = clinic.doctor
    entry = Entry("finding", 0, {"pack": "p@1", "inputs": []}, key="k")
    before = clinic.store.log.head().count
    for _ in range(2):
        [pulse] = doctor.put([clinic.pulse("hr-9")], patient, entries=[entry])
    put, finding = clinic.store.log.entries(after=before)
    assert (put.act, finding.act) == ("put", "finding")
    assert put.subject == finding.subject == pulse.reference
    with pytest.raises(BadInput):
        doctor.put([clinic.pulse("hr-10")], patient, entries=[Entry("x", 0, {"a": float("nan")})])
    assert not [o for o in doctor.search("Observation", patient) if "hr-10" in str(o)]


def test_a_nurse_cannot_slip_a_signature_into_a_put(clinic, patient):
    clinic.admin.share(patient, clinic.nurse_person.id)
    nurse = clinic.store.session(clinic.nurse_person, "treatment")
    with pytest.raises(Denied):
        nurse.put([clinic.pulse("hr-9")], patient, entries=[Entry("signed", 0)])
    assert len(clinic.doctor.search("Observation", patient)) == 1


@pytest.mark.parametrize("act", ["denied", "read", "put", "", "break-glass"])
def test_nobody_writes_the_stores_own_acts(sqlite_clinic, act):
    patient = sqlite_clinic.doctor.new_patient([])
    with pytest.raises(BadInput):
        sqlite_clinic.doctor.decide(act, patient, "x", {})


def test_an_entry_too_long_for_its_column_is_refused_on_both_databases(clinic, patient):
    for act, subject, key in (("a" * 33, "x", None), ("a", "x" * 161, None), ("a", "x", "k" * 161)):
        with pytest.raises(BadInput, match="too long"):
            clinic.doctor.decide(act, patient, subject, {}, key=key)


def test_reasons_are_read_by_the_team_and_stand_nowhere_in_the_log(clinic, patient, tmp_path):
    doctor = clinic.doctor
    doctor.decide("edited", patient, "Finding/a", {"reason": "Frau Wang", "text": "王芳 ok"})
    entry = next(e for e in doctor.decisions(patient) if e.act == "edited")
    assert (entry.detail["reason"], entry.detail["text"]) == ("Frau Wang", "王芳 ok")
    clinic.store.log.export(tmp_path / "log.jsonl")
    exported = (tmp_path / "log.jsonl").read_text("utf-8")
    assert "Wang" not in exported
    assert "王" not in exported


def test_the_audit_role_reads_and_exports_the_whole_log(clinic, patient, tmp_path):
    audit = clinic.store.administer(clinic.admin_person, "audit")
    assert [e.sequence for e in audit.log(after=2)][:4] == [3, 4, 5, 6]
    assert audit.export_log(tmp_path / "log.jsonl") == clinic.store.log.head().count
    with pytest.raises(Denied):
        clinic.store.administer(clinic.doctor_person, "treatment").log()
    with pytest.raises(StorageUnavailable):
        audit.export_log(tmp_path / "no" / "log.jsonl")


def test_many_threads_write_one_chain(clinic, patient):
    before = clinic.store.log.head().count

    def work(number: int) -> None:
        clinic.doctor.decide("seen", patient, f"Finding/{number}", {}, key=f"k{number // 2}")

    def tolerant(number: int) -> None:
        try:
            work(number)
        except Conflict:
            assert number % 2 in (0, 1)  # The other of the pair came first.

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tolerant, range(40)))
    assert clinic.store.log.head().count == before + 20
    assert clinic.store.log.verify().intact


def test_the_log_goes_on_after_the_store_is_opened_again(clinic, patient):
    with Store.open(clinic.settings) as again:
        again.session(clinic.doctor_person, "treatment").read("Observation/hr-1", patient)
        assert again.log.verify().count == 7
    assert clinic.store.log.verify().intact
