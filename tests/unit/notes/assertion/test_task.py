"""The task: from the findings of entities on a document to what is said of each."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Finding, Interval, Record, TextSpan
from suwen.core.settings import settings
from suwen.lifecycle import rules
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.figures import metrics_of
from suwen.lifecycle.measure.predictions import INDEPENDENT, predict_all
from suwen.lifecycle.spanned import counted
from suwen.notes.assertion.data import negex_notes, negex_rows
from suwen.notes.assertion.examples import TYPES
from suwen.notes.assertion.task import Assertions
from suwen.notes.questions import ENTITIES

TASK = Assertions()
PROBLEM = Code(system=f"{SUWEN}/x", code="problem", name=Text(en="Problem", zh="疾病"))
HEADER = "Report No.\tConcept\tSentence\tNegation\tTemporality\tExperiencer\n"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return rules.make(TASK, tmp_path_factory.mktemp("home"))


def entity(record: str, start: int, end: int, task: str = ENTITIES) -> Finding:
    return Finding(
        task=task,
        pack="x",
        code=PROBLEM,
        band=Band.GREY,
        probability=Interval(value=0.9, low=0.8, high=1.0),
        evidence=(TextSpan(record=record, start=start, end=end),),
    )


def document(text: str, reference: str = "DocumentReference/1/_history/1") -> Record:
    data = base64.b64encode(text.encode()).decode()
    attachment = {"contentType": "text/plain; charset=utf-8", "data": data}
    return Record(reference=reference, content={"content": [{"attachment": attachment}]})


def case(*records: Record) -> Case:
    return Case("p", datetime(2026, 1, 1, tzinfo=UTC), records, lambda digest: b"")


def test_each_entity_of_a_note_gets_its_assertion(pack):
    text = "否认发热。其母患糖尿病。"
    record = document(text)
    earlier = [entity(record.reference, 8, 11), entity(record.reference, 2, 4)]
    (sample,) = TASK.samples(case(record), earlier)
    findings = TASK.findings(pack, sample, TASK.predict(pack, sample))
    assert [one.code.code for one in findings] == ["absent", "present"]
    assert [[m.code.code for m in one.measures] for one in findings] == [
        ["absent", "recent", "patient"], ["present", "recent", "family"]]  # fmt: skip
    spans = [[text[e.start : e.end] for e in one.evidence] for one in findings]
    assert spans[0] == ["发热", "否认"]
    assert spans[1][0] == "糖尿病"
    assert "其母" in spans[1]
    assert all(e.record == record.reference for one in findings for e in one.evidence)


def test_without_entities_there_is_nothing_to_say():
    record = document("No fever.")
    assert TASK.samples(case(record), []) == []
    assert TASK.samples(case(record), [entity(record.reference, 3, 8, "other.task")]) == []
    assert TASK.samples(case(record), [entity("DocumentReference/2/_history/1", 3, 8)]) == []


def test_a_span_that_the_text_does_not_have_is_not_answered():
    record = document("No fever.")
    assert TASK.samples(case(record), [entity(record.reference, 3, 80)]) == []


def test_a_date_is_no_mention_to_be_denied(pack):
    record = document("No fever on 2021-03-02 or cough.")
    code = Code(system=f"{SUWEN}/x", code="date", name=Text(en="Date", zh="日期"))
    date = entity(record.reference, 12, 22).model_copy(update={"code": code})
    earlier = [entity(record.reference, 3, 8), date, entity(record.reference, 26, 31)]
    (sample,) = TASK.samples(case(record), earlier)
    assert [span.of(sample.data.text) for span in sample.data.mentions] == ["fever", "cough"]


def test_the_same_entity_found_twice_is_answered_once():
    record = document("No fever.")
    (sample,) = TASK.samples(case(record), [entity(record.reference, 3, 8)] * 2)
    assert len(sample.data.mentions) == 1


def kit(folder: Path, rows: list[str], header: str = HEADER) -> DataFolders:
    path = folder / "text" / "negex" / "Annotations-1-120.txt"
    path.parent.mkdir(parents=True)
    path.write_text(header + "".join(rows), encoding="latin-1")
    return DataFolders((folder,))


ROWS = [
    "1\tfever\tNo   FEVER or cough.\tNegated\tRecent\tPatient\n",
    '1\tcough\t"No   fever or COUGH."\tNegated\tRecent\tPatient\n',
    "1\tgout\tHistory of GOUT.\tAffirmed\tHistorical\tPatient\n",
    "1\tasthma\tHer mother has ASTHMA.\tAffirmed\tRecent\tFamily member\n",
    "61\tpain\tDenies PAIN.\tNegated\tRecent\tPatient\n",
]


def test_the_metric_keys_are_those_of_negation_time_and_experiencer(pack, tmp_path):
    examples = TASK.examples(kit(tmp_path, ROWS), "negex")
    assert examples.keys == ("report-1",)
    predictions = predict_all(TASK, pack, examples, INDEPENDENT)
    found = metrics_of(rows_of(TASK, pack, examples, predictions))
    for key in ("f1", "f1_historical", "f1_experiencer", "macro_f1"):
        assert float(found[key](None)) == 1.0, key


def test_without_columns_of_time_and_experiencer_only_negation_is_measured(pack, tmp_path):
    rows = ["\t".join(row.rstrip("\n").split("\t")[:4]) + "\n" for row in ROWS]
    folder = kit(tmp_path, rows, header="Report No.\tConcept\tSentence\tNegation\n")
    examples = TASK.examples(folder, "negex")
    predictions = predict_all(TASK, pack, examples, INDEPENDENT)
    found = metrics_of(rows_of(TASK, pack, examples, predictions))
    assert "f1_historical" not in found
    assert float(found["f1"](None)) == float(found["macro_f1"](None)) == 1.0


def test_what_is_not_particular_is_hypothetical(pack, tmp_path):
    row = "1\tpain\tReturn if PAIN occurs.\tAffirmed\tNot particular\tPatient\n"
    examples = TASK.examples(kit(tmp_path, [row]), "negex")
    assert [TYPES[int(one[2])] for one in examples.truth(0)] == ["hypothetical"]


def test_the_kit_in_random_order_is_read_by_its_header(pack, tmp_path):
    rows = [
        "1\tfever\tNo FEVER or cough.\tNegated\tRecent\tPatient\n",
        "2\tgout\tHistory of GOUT.\tAffirmed\tHistorical\tPatient\n",
        '3\tcough\t"No fever or COUGH."\tNegated\tRecent\tPatient\n',
        "4\tgout\tHistory of GOUT.\tAffirmed\tHistorical\tPatient\n",
        "99\tasthma\tHer mother has ASTHMA.\tAffirmed\tRecent\tFamily member\n",
    ]
    path = tmp_path / "negex" / "rsAnnotations-1-120-random.txt"
    path.parent.mkdir()
    header = "No\tConcept\tSentence\tNegation\tTemporality\tExperiencer\n"
    path.write_text(header + "".join(rows), encoding="latin-1")
    examples = TASK.examples(DataFolders((), tmp_path), "negex")
    assert [len(examples.truth(i)) for i in range(len(examples))] == [2, 1, 1, 1]
    predictions = predict_all(TASK, pack, examples, INDEPENDENT)
    found = metrics_of(rows_of(TASK, pack, examples, predictions))
    assert float(found["macro_f1"](None)) == 1.0


def test_a_concept_that_a_sentence_names_twice_is_found_at_both_places(tmp_path):
    rows = ["1\tpain\tHas PAIN like the PAIN of his last admission.\tAffirmed\n"] * 2
    folder = kit(tmp_path, rows)
    (report,) = negex_notes(negex_rows(folder.find("text/negex/Annotations-1-120.txt")))
    assert [span.start for span in report.mentions] == [4, 18]


def test_a_test_folder_holds_the_later_reports(tmp_path):
    kit(tmp_path, ROWS)
    examples = TASK.examples(DataFolders((), tmp_path), "negex")
    assert examples.keys == ("report-61",)


def test_a_concept_is_found_in_spite_of_spaces_quotes_and_a_sentence_said_again(tmp_path):
    rows = [
        "1\t pain \tNo chest  PAIN, back pain.\tNegated\n",
        '1\t"pain"\t"No chest pain, back  PAIN."\tAffirmed\n',
        "1\tnot there\tAll is well.\tAffirmed\n",
    ]
    folder = kit(tmp_path, rows)
    (report,) = negex_notes(negex_rows(folder.find("text/negex/Annotations-1-120.txt")))
    first, second, third = (span.of(report.note.text) for span in report.mentions)
    assert (first, second, third.strip()) == ("pain", "pain", "all is well.")
    assert report.mentions[0].start < report.mentions[1].start


def test_rows_that_are_none_are_refused(tmp_path):
    folder = kit(tmp_path, ["x\ty\n"])
    with pytest.raises(BadInput, match="line 2"):
        TASK.examples(folder, "negex")
    with pytest.raises(BadInput, match="no data set"):
        TASK.examples(folder, "imaginary")


def measured(pack, dataset: str, count: int) -> dict[str, float]:
    examples = TASK.examples(DataFolders(settings().data), dataset)
    examples = examples.subset(np.arange(min(count, len(examples))))
    rows = [TASK.predict(pack, examples.load(i)).marks for i in range(len(examples))]
    said = counted(TASK.answers, examples, rows)
    right, answered = said.right.sum(0), said.answered.sum(0)
    both = np.maximum(answered + said.true.sum(0), 1)
    return dict(zip(TYPES, (2 * right / both).tolist(), strict=True))


@pytest.mark.real_data
def test_negation_in_the_reports_it_was_developed_on(pack):
    assert measured(pack, "negex", 60)["absent"] >= 0.97


@pytest.mark.real_data
def test_status_in_dialogues_nothing_was_chosen_on(pack):
    f1 = measured(pack, "cmdd", 20)
    assert np.mean([f1["present"], f1["absent"], f1["possible"]]) >= 0.7
