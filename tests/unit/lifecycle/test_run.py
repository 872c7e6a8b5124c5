"""Running a pack on a Case, and running a decision again to the same output."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core import registry
from suwen.core.codes import Text
from suwen.core.errors import BadInput, StorageUnavailable
from suwen.core.nouns import Band
from suwen.lifecycle import packs
from suwen.lifecycle.logged import ACT, finding_ids, logged
from suwen.lifecycle.run import differences, replay, run, with_data
from suwen.records import Log, Person, Store, finding_of


@pytest.fixture
def home(toy_home, tmp_path, settled):
    """A SUWEN_HOME with the toy's key."""
    shutil.copytree(toy_home / "keys", tmp_path / "home" / "keys")
    settled(home=tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def store(home):
    with Store(home, f"sqlite:///{home / 'records.sqlite'}") as opened:
        yield opened


@pytest.fixture
def access(store):
    person = Person("dr-li", "Li Na", "clinician")
    store.add_person(person, "x")
    return store.session(person, "treatment")


@pytest.fixture
def patient(access):
    return access.new_patient([("urn:mrn", "1")])


@pytest.fixture
def task(toy, monkeypatch):
    """The toy task as the only registered one."""
    made = toy.Squares()
    monkeypatch.setattr(registry, "_tasks", {made.name: made})
    monkeypatch.setattr(registry, "_rooms", [])
    return made


@pytest.fixture
def pack(home, trained):
    packs.install(trained.pack.folder)
    return packs.current("toy.squares")


def observe(access, patient, values, name="picture"):
    """Store a picture as a blob and an Observation that points to it."""
    content = json.dumps({"values": np.asarray(values).tolist(), "mm": 8.0}).encode()
    digest = access.put_blob(patient, content, "application/json")
    return access.put(
        [
            {
                "resourceType": "Observation",
                "id": name,
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "18748-4"}]},
                "subject": {"reference": f"Patient/{patient}"},
                "effectiveDateTime": "2026-01-01T10:00:00Z",
                "valueString": f"blob/{digest}",
            }
        ],
        patient,
    )[0]


def bright(amount=1.5):
    values = np.random.default_rng(8).normal(0, 0.9, (8, 8))
    values[2:6, 2:6] += amount
    return values - values.mean()


def decisions(access, patient):
    return [entry for entry in access.decisions(patient) if entry.act == ACT]


def test_a_finding_is_stored_with_its_picture_and_one_decision(access, patient, task, pack):
    record = observe(access, patient, bright())
    found = run(task, pack, access.case(patient), access)
    assert len(found) == 1
    assert found[0].band is Band.RULE_IN
    assert found[0].evidence[0].record == record.reference
    stored = finding_of(access.read(f"Finding/{found[0].id}", patient))
    assert stored.id == found[0].id
    assert access.blob(patient, stored.attachments[0].digest) == found[0].attachments[0].data
    (decision,) = decisions(access, patient)
    assert decision.detail["pack"] == pack.identity
    assert finding_ids(decision) == (stored.id,)
    assert set(decision.detail["inputs"]) == {record.reference, "blobs"}
    assert decision.person == "dr-li"


def test_running_twice_on_the_same_case_stores_and_logs_once(access, patient, task, pack):
    observe(access, patient, bright())
    first = run(task, pack, access.case(patient), access)
    second = run(task, pack, access.case(patient), access)
    assert [one.id for one in first] == [one.id for one in second]
    assert len(decisions(access, patient)) == 1
    assert len(access.search("Finding", patient)) == 1


def test_a_decision_replays_to_the_last_digit_even_after_the_record_changed(
    access, patient, task, pack
):
    observe(access, patient, bright())
    (found,) = run(task, pack, access.case(patient), access)
    observe(access, patient, bright(0.2))
    result = replay(decisions(access, patient)[0], access)
    assert result.same, result.changes
    assert result.findings == (found,)


def test_an_answer_that_depends_on_the_moment_of_the_case_replays_at_that_moment(
    access, patient, task, pack, toy, monkeypatch
):
    observe(access, patient, bright())
    case = replace(access.case(patient), at=datetime(2026, 1, 2, tzinfo=UTC))
    real = toy.Squares.samples

    def dated(self, opened, earlier):
        return [replace(one, key=f"{one.key} {opened.at}") for one in real(self, opened, earlier)]

    monkeypatch.setattr(toy.Squares, "samples", dated)
    run(task, pack, case, access)
    (decision,) = decisions(access, patient)
    assert "at" not in decision.detail
    assert "no longer finds the sample" in replay(decision, access).changes[0]
    monkeypatch.setattr(toy.Squares, "timed", True, raising=False)
    run(task, pack, replace(case, at=datetime(2026, 1, 3, tzinfo=UTC)), access)
    decision = decisions(access, patient)[-1]
    assert decision.detail["at"] == "2026-01-03T00:00:00+00:00"
    result = replay(decision, access)
    assert result.same, result.changes


def test_a_replay_sees_the_case_at_the_moment_of_the_decision(
    access, patient, task, pack, monkeypatch
):
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    (decision,) = decisions(access, patient)
    seen, as_it_is = [], type(task).samples

    def noted(self, case, earlier):
        seen.append(case.at)
        return as_it_is(self, case, earlier)

    monkeypatch.setattr(type(task), "samples", noted)
    assert replay(decision, access).same
    assert seen == [decision.at]


def test_a_replay_that_differs_names_the_knowledge_that_reads_otherwise(
    access, patient, task, pack, toy, tmp_path, monkeypatch
):
    limits = tmp_path / "limits.toml"
    limits.write_text("low = 30")
    monkeypatch.setattr(toy.Squares, "read_by", (limits,), raising=False)
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    (decision,) = decisions(access, patient)
    limits.write_text("low = 31")
    assert replay(decision, access).same, "another limit that changes no answer is no difference"
    monkeypatch.setattr(toy.Squares, "samples", lambda *_: [])
    changes = replay(decision, access).changes
    assert changes[0] == "the knowledge limits.toml by which the inputs are read is not what it was"
    limits.write_text("low = 30")
    assert "limits.toml" not in replay(decision, access).changes[0]


def test_without_its_pack_a_decision_says_so(access, patient, task, pack, home):
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    shutil.rmtree(home / "packs")
    result = replay(decisions(access, patient)[0], access)
    assert not result.same
    assert "is not here" in result.changes[0]


def test_when_the_code_answers_otherwise_the_changed_fields_are_named(
    access, patient, task, pack, toy, monkeypatch
):
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    real = toy.Squares.input_of
    monkeypatch.setattr(toy.Squares, "input_of", real)
    once = toy.Squares.predict

    def shifted(self, pack, sample, members=None):
        output = once(self, pack, sample, members)
        return type(output)(output.scores + 0.25, output.domain)

    monkeypatch.setattr(toy.Squares, "predict", shifted)
    result = replay(decisions(access, patient)[0], access)
    assert not result.same
    assert any(change.startswith("probability.value: was 0.") for change in result.changes)


def test_after_the_patients_key_was_destroyed_nothing_can_be_replayed(
    access, patient, task, pack, store
):
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    (decision,) = decisions(access, patient)
    keeper = Person("admin", "Keeper", "administrator")
    store.add_person(keeper, "x")
    store.administer(keeper).destroy_patient(patient, "the patient asked for it")
    result = replay(decision, access)
    assert not result.same
    assert "destroyed" in result.changes[0]


def test_a_picture_unlike_the_validated_ones_gets_an_abstention_with_the_reason(
    access, patient, task, pack
):
    observe(access, patient, bright() + 40)
    (found,) = run(task, pack, access.case(patient), access)
    assert found.band is Band.ABSTAIN
    assert found.probability is None
    assert "Brightness is 40" in found.reason.en
    assert replay(decisions(access, patient)[0], access).same


def test_a_case_without_pictures_gives_no_finding_and_no_decision(access, patient, task, pack):
    assert run(task, pack, access.case(patient), access) == []
    assert decisions(access, patient) == []


def test_when_the_log_cannot_be_written_there_is_no_finding(
    access, patient, task, pack, monkeypatch
):
    observe(access, patient, bright())
    case = access.case(patient)
    real = Log.append

    def full(self, connection, acts):
        acts = list(acts)
        if any(act.act == ACT for act in acts):
            raise StorageUnavailable("the disk is full")
        return real(self, connection, acts)

    monkeypatch.setattr(Log, "append", full)
    with pytest.raises(StorageUnavailable):
        run(task, pack, case, access)
    monkeypatch.setattr(Log, "append", real)
    assert access.search("Finding", patient) == []
    assert decisions(access, patient) == []


def test_a_pack_of_another_task_is_refused(access, patient, task, trained_mask):
    observe(access, patient, bright())
    with pytest.raises(BadInput, match=r"a pack for toy\.square_mask"):
        run(task, trained_mask.pack, access.case(patient), access)


def test_only_findings_can_be_replayed(access, patient):
    other = access.decide("accepted", patient, f"Patient/{patient}", {"finding": "x"})
    with pytest.raises(BadInput, match="accepted"):
        replay(other, access)


def test_an_input_that_is_not_in_the_case_is_an_error_of_the_room(
    access, patient, task, pack, monkeypatch, toy
):
    observe(access, patient, bright())
    real = toy.Squares.samples

    def elsewhere(self, case, earlier):
        (one,) = real(self, case, earlier)
        return [type(one)(one.key, one.data, one.evidence, ("Observation/other/_history/1",))]

    monkeypatch.setattr(toy.Squares, "samples", elsewhere)
    with pytest.raises(BadInput, match="not in the Case"):
        run(task, pack, access.case(patient), access)


def test_attachments_get_their_bytes_back(access, patient, task, pack):
    observe(access, patient, bright())
    (found,) = run(task, pack, access.case(patient), access)
    stored = finding_of(access.read(f"Finding/{found.id}", patient))
    assert stored.attachments[0].data is None
    case = access.case(patient)
    assert with_data(stored, case.blob).attachments[0].data == found.attachments[0].data


def test_differences_name_the_path_and_hide_long_values():
    before = {"a": [1, {"b": 2}], "c": "x" * 50, "d": Text(en="e", zh="z").model_dump()}
    after = {"a": [1, {"b": 3}], "c": "y" * 50, "d": {"en": "e", "zh": "z"}}
    assert list(differences(before, after)) == ["a[1].b: was 2, is 3", "c: was ..., is ..."]
    assert list(differences([1], [1, 2])) == [": was [1], is [1, 2]"]


@pytest.mark.parametrize("name", ["toy.square_kinds", "toy.square_sum"])
def test_three_classes_and_a_value_are_stored_and_replayed_to_the_last_digit(
    home, access, patient, toy, monkeypatch, trained_kinds, trained_sum, name
):
    made = toy.tasks()[name]
    monkeypatch.setattr(registry, "_tasks", {name: made})
    monkeypatch.setattr(registry, "_rooms", [])
    packs.install((trained_kinds if name == "toy.square_kinds" else trained_sum).pack.folder)
    observe(access, patient, bright())
    (found,) = run(made, packs.current(name), access.case(patient), access)
    assert found.measures
    assert found.band is not Band.ABSTAIN
    (decision,) = decisions(access, patient)
    assert replay(decision, access).same


def doubled(toy, monkeypatch):
    """Let the toy task find two samples in each picture."""
    real = toy.Squares.samples

    def twice(self, case, earlier):
        return [
            replace(one, key=f"{one.key} {n}", evidence=(replace_note(one.evidence[0], n),))
            for one in real(self, case, earlier)
            for n in range(2)
        ]

    monkeypatch.setattr(toy.Squares, "samples", twice)


def replace_note(evidence, n):
    return evidence.model_copy(update={"note": Text(en=f"look {n}", zh=f"第{n}次")})


@pytest.mark.parametrize(("inner", "expected"), [(False, 4), (True, 2)])
def test_each_answer_is_a_decision_and_those_of_a_step_on_one_record_are_one(
    access, patient, task, pack, toy, monkeypatch, inner, expected
):
    doubled(toy, monkeypatch)
    monkeypatch.setattr(toy.Squares, "inner", inner, raising=False)
    observe(access, patient, bright(), "one")
    observe(access, patient, bright(0.2), "two")
    found = run(task, pack, access.case(patient), access)
    assert len(found) == 4
    made = decisions(access, patient)
    assert len(made) == expected
    assert {name for one in made for name in finding_ids(one)} == {one.id for one in found}
    for one in made:
        assert len(one.detail["inputs"]) == 2, "the record and its blob, once"
        result = replay(one, access)
        assert result.same, result.changes
        assert len(result.findings) == 4 / expected


def test_a_step_on_a_new_record_says_nothing_again_of_the_old_one(
    access, patient, task, pack, toy, monkeypatch
):
    monkeypatch.setattr(toy.Squares, "inner", True, raising=False)
    observe(access, patient, bright(), "one")
    run(task, pack, access.case(patient), access)
    observe(access, patient, bright(0.2), "two")
    run(task, pack, access.case(patient), access)
    assert len(decisions(access, patient)) == 2


def test_what_of_several_answers_changed_is_told_one_by_one(
    access, patient, task, pack, toy, monkeypatch
):
    doubled(toy, monkeypatch)
    monkeypatch.setattr(toy.Squares, "inner", True, raising=False)
    observe(access, patient, bright())
    run(task, pack, access.case(patient), access)
    once = toy.Squares.findings

    def quiet(self, pack, sample, output):
        found = once(self, pack, sample, output)
        return [] if sample.key.endswith("0") else found

    monkeypatch.setattr(toy.Squares, "findings", quiet)
    (change,) = replay(decisions(access, patient)[0], access).changes
    assert change.startswith("the task no longer says")


def test_a_long_list_of_earlier_findings_stands_beside_the_log_and_is_read_again(
    access, patient, task, pack, toy, monkeypatch
):
    observe(access, patient, bright())
    (first,) = run(task, pack, access.case(patient), access)
    monkeypatch.setattr(toy.Squares, "after", (task.name,))
    monkeypatch.setattr("suwen.lifecycle.logged.NAMED", 0)
    observe(access, patient, bright(0.2))
    run(task, pack, access.case(patient), access, [first])
    entry = decisions(access, patient)[-1]
    assert entry.detail["earlier"].startswith("blob/")
    assert logged(entry, lambda digest: access.blob(patient, digest)).earlier == (first.id,)
    assert replay(entry, access).same


def test_an_entry_about_one_finding_alone_is_still_replayed(
    access, patient, task, pack, toy, monkeypatch
):
    observe(access, patient, bright())
    (found,) = run(task, pack, access.case(patient), access)
    detail = dict(decisions(access, patient)[0].detail)
    old = {name: detail[name] for name in ("task", "pack", "inputs", "earlier")}
    old |= {"sample": detail["samples"][0][0], "finding": found.id}
    entry = access.decide(ACT, patient, f"Finding/{found.id}", old)
    assert finding_ids(entry) == (found.id,)
    assert replay(entry, access).same


def test_a_pack_is_opened_only_where_there_is_something_to_answer(access, patient, task, pack):
    opened = []

    def opening():
        opened.append(pack)
        return pack

    assert run(task, opening, access.case(patient), access) == []
    assert opened == []
    observe(access, patient, bright())
    assert run(task, opening, access.case(patient), access)
    assert opened == [pack]
