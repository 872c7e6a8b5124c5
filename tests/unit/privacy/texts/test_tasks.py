"""The task privacy.text: from the notes of a case to a finding, and the data it is measured on."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Record, digest_of
from suwen.core.registry import find
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Sample
from suwen.privacy.texts.corpora import SETS, WrittenText, near_duplicates
from suwen.privacy.texts.tasks import LISTS, PRIVACY, Identifying
from suwen.privacy.words.identifier import TYPES

NOTE = "姓名：张三，住院号：00123456，诊断：肺炎。"


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "member-0"
    folder.mkdir()
    for path in Identifying.rules:
        (folder / path.name).write_bytes(path.read_bytes())
    return SimpleNamespace(folder=tmp_path, identity="privacy.text@1+" + "0" * 64)


def case(encoding: str, content_type: str) -> Case:
    data = NOTE.encode(encoding)
    attachment = {"contentType": content_type, "url": f"blob/{digest_of(data)}"}
    content = {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}
    record = Record(reference="DocumentReference/n/_history/1", content=content)
    return Case("p", datetime.now(UTC), (record,), {digest_of(data): data}.__getitem__)


def test_a_note_of_a_case_is_one_finding_that_points_at_each_identifier(pack) -> None:
    task = find(PRIVACY)
    (sample,) = task.samples(case("gb18030", "text/plain; charset=gb18030"), ())
    (said,) = task.findings(pack, sample, task.predict(pack, sample))
    assert said.band is Band.RULE_IN
    assert said.measures[0].interval.value == 2
    assert [NOTE[one.start : one.end] for one in said.evidence] == ["张三", "00123456"]
    assert "张三" not in said.model_dump_json()


def test_a_note_about_nobody_is_said_to_hold_nothing_that_a_rule_knows(pack) -> None:
    task = find(PRIVACY)
    whole = task.samples(case("utf-8", "text/plain"), ())[0].evidence
    sample = Sample("x", WrittenText("No fever, cough or chest pain."), whole)
    (said,) = task.findings(pack, sample, task.predict(pack, sample))
    assert said.band is Band.RULE_OUT


def test_a_note_in_another_encoding_than_stated_is_refused() -> None:
    with pytest.raises(BadInput, match="decoded"):
        find(PRIVACY).samples(case("gb18030", "text/plain"), ())


def test_a_pack_with_other_lists_is_refused(pack) -> None:
    (pack.folder / "member-0" / LISTS[0]).write_text("")
    with pytest.raises(BadInput, match="not that of this version"):
        find(PRIVACY).predict(pack, Sample("x", WrittenText("text")))


@pytest.mark.parametrize("change", Identifying.perturbations, ids=lambda change: change.name)
def test_a_change_keeps_every_character_in_its_place_and_can_be_repeated(change) -> None:
    sample = Sample("x", WrittenText("Mr. John Smith, MRN 1234567, seen on March 5th, 2021." * 4))
    strongest = change.strengths[-1]
    once = change.apply(sample, strongest, 3).data.text
    assert once == change.apply(sample, strongest, 3).data.text
    assert once != sample.data.text
    assert len(once) == len(sample.data.text)
    assert change.apply(sample, 0, 3).data.text == sample.data.text


def test_near_duplicates_share_a_group_also_over_others() -> None:
    same = "what are the latest treatment options for a patient with x"
    texts = [f"{same} one two", "nothing of the kind at all here", f"{same} one three"]
    first, other, third = near_duplicates(texts)
    assert first == third != other


@pytest.mark.real_data
@pytest.mark.parametrize("dataset", sorted(SETS))
def test_marked_identifiers_lie_within_their_texts(dataset: str) -> None:
    examples = find(PRIVACY).examples(DataFolders.from_settings(), dataset)
    assert len(examples) > 200
    for i in range(0, len(examples), 50):
        rows, text = examples.truth(i), examples.load(i).data.text
        assert np.all(rows[:, 0] < rows[:, 1])
        assert np.all(rows[:, 1] <= len(text))
        assert np.all(rows[:, 2] < len(TYPES))


@pytest.mark.real_data
def test_recall_and_over_redaction_on_the_clinical_queries(pack) -> None:
    task = find(PRIVACY)
    examples = task.examples(DataFolders.from_settings(), "deid_clinical_queries")
    found = true = clean = over = 0
    for i in range(0, len(examples), 4):
        sample, rows = examples.load(i), examples.truth(i)
        marks = task.predict(pack, sample).marks
        covered = {k for _, start, end, _ in marks for k in range(int(start), int(end))}
        text = sample.data.text
        for start, end, _ in rows.astype(int):
            true += 1
            found += all(k in covered for k in range(start, end) if text[k].isalnum())
        clean += not len(rows)
        over += not len(rows) and len(marks) > 0
    assert found / true >= 0.98
    assert over / clean <= 0.05
