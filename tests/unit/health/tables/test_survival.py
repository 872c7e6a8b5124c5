"""Death within 180 days of the seriously ill in hospital, and by the other horizons."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from scipy import special
from tests.unit.health.cases import condition, observation, patient
from tests.unit.health.table_cases import LAST_DAY, VITAL, in_hospital, of_its_inputs, said, stay

from suwen.core import registry
from suwen.core.errors import BadInput
from suwen.core.nouns import Band
from suwen.health.tables import survival_data as data
from suwen.health.tables.survival import HORIZONS, SURVIVAL
from suwen.health.tables.survival_curve import Horizon, fitted, risks
from suwen.health.tables.task import open_trees, table_of
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.recipe import Recipe

FIELDS = [*data.knowledge()["source"].values(), "sno", "sex", "adlp", "adls", "d.time", "death"]
ROW = {
    "sno": "1",
    "age": "70.5",
    "sex": "male",
    "dzgroup": "COPD",
    "ca": "no",
    "scoma": "26",
    "hrt": "0",
    "adls": "3",
    "d.time": "400",
    "death": "1",
}


@pytest.fixture
def folders(tmp_path):
    def write(*changes):
        path = tmp_path / data.TABLE
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [",".join(FIELDS)]
        for changed in changes:
            row = ROW | changed
            lines.append(",".join(row.get(field, "") for field in FIELDS))
        path.write_bytes(lzma.compress("\n".join(lines).encode()))
        return DataFolders((tmp_path,))

    return write


def test_organ_failure_with_metastases_has_a_high_risk_that_grows_with_time():
    finding = said(SURVIVAL, in_hospital())
    assert finding.band is Band.RULE_IN
    by_time = [one.interval.value for one in finding.measures]
    assert [one.code.code for one in finding.measures] == [
        f"death-within-{days:.0f}-days" for days in HORIZONS
    ]
    assert by_time == sorted(by_time)
    assert by_time[1] < finding.probability.value < by_time[2]
    assert all(m.interval.low < m.interval.value < m.interval.high for m in finding.measures)
    notes = [one.note.en for one in finding.evidence]
    assert any("organ failure with malignancy" in note for note in notes)


def test_heart_failure_with_calm_vital_signs_is_far_lower():
    calm = in_hospital(
        failure=condition("c", "I50.9", words="Heart failure"),
        spread=None,
        **{
            code: observation(f"o{code}", code, value, unit, when=LAST_DAY)
            for code, value, unit in (
                ("8867-4", 80, "/min"),
                ("9269-2", 15, "{score}"),
                ("9279-1", 18, "/min"),
                ("8478-0", 88, "mm[Hg]"),
                ("1751-7", 38, "g/L"),
                ("9192-6", 2000, "mL"),
                ("2160-0", 0.9, "mg/dL"),
                ("2951-2", 139, "mmol/L"),
            )
        },
    )
    assert said(SURVIVAL, calm).probability.value < 0.4


def test_a_stay_that_began_on_a_day_without_its_hour_counts():
    assert said(SURVIVAL, in_hospital(stay=stay(start="2026-11-20"))).band is Band.RULE_IN


def test_the_answer_stands_three_days_from_its_newest_value():
    assert f"{said(SURVIVAL, in_hospital()).valid_until:%Y-%m-%d %H}" == "2026-11-29 08"


def test_its_inputs_alone_give_the_same_answer():
    known = in_hospital()
    assert said(SURVIVAL, of_its_inputs(SURVIVAL, known)).id == said(SURVIVAL, known).id


@pytest.mark.parametrize(
    "changed",
    [
        {"stay": None},
        {"stay": stay(status="finished")},
        {"stay": stay(code="AMB")},
        {"stay": stay(end="2026-11-22T08:00:00+00:00")},
        {"failure": None, "spread": None},
        dict.fromkeys([*VITAL][2:]),
        {
            "failure": condition("c", "J80", verificationStatus={"coding": [{"code": "refuted"}]}),
            "spread": None,
        },
    ],
)
def test_outside_a_stay_or_without_such_a_disease_nothing_is_asked(changed):
    assert registry.find(SURVIVAL).samples(in_hospital(**changed), []) == []


def test_of_nobody_dead_the_question_is_asked():
    dead = patient(born="1950-05-01").model_copy(
        update={"content": patient().content | {"deceasedDateTime": "2026-11-26"}}
    )
    assert registry.find(SURVIVAL).samples(in_hospital(patient=dead), []) == []


def test_a_child_gets_no_number():
    assert said(SURVIVAL, in_hospital(patient=patient(born="2015-01-01"))).band is Band.ABSTAIN


def test_who_is_lost_before_180_days_is_left_out_and_a_heart_rate_of_0_is_none(folders):
    here = folders(
        {},
        {"sno": "2", "d.time": "100"},
        {"sno": "3", "d.time": "100", "death": "0"},
        {"sno": "4", "d.time": "500", "death": "0", "scoma": "100"},
    )
    found = data.examples(here)
    assert found.labels.tolist() == [0, 1, 0]
    assert found.columns[data.FOLLOWED].tolist() == [400, 100, -500]
    first = dict(zip(data.columns().keys, found.load(0).data.values, strict=True))
    assert np.isnan(first["heart_rate"])
    assert first["dependencies"] == 3
    assert first["consciousness"] == 1
    assert found.load(2).data.values[data.columns().keys.index("consciousness")] == 0


def test_another_table_is_refused(folders):
    here = folders({"age": "old"})
    with pytest.raises(BadInput, match="no number"):
        data.examples(here)
    with pytest.raises(BadInput, match="no data set"):
        registry.find(SURVIVAL).examples(here, "flchain")


def test_a_tiny_set_is_learnt_with_lines_to_every_horizon(folders, tmp_path):
    ill = {"dzgroup": "Coma", "d.time": "20"}
    well = {"dzgroup": "CHF", "d.time": "500", "death": "0"}
    rows = [{"sno": str(i), "age": str(40 + i % 40)} | (ill if i % 2 else well) for i in range(240)]
    found = data.examples(folders(*rows))
    train, valid = found.subset(np.arange(180)), found.subset(np.arange(180, 240))
    task = registry.find(SURVIVAL)
    made = task.fit(train, valid, Recipe(folds=2), tmp_path)
    assert [line[0] for line in made["horizons"]] == list(HORIZONS)
    logits = open_trees(tmp_path).predict(table_of(valid), raw_score=True)
    assert logits[valid.labels == 1].min() > logits[valid.labels == 0].max()
    assert made["history"][-1]["valid_loss"] < made["history"][0]["valid_loss"]


def test_lines_to_other_horizons_find_the_truth_through_censoring():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=6000)
    time = 100 * np.exp(-logits / 1.0) * (1 / special.expit(rng.logistic(size=6000)) - 1)
    end = rng.uniform(50, 900, 6000)
    (line,) = fitted(logits, np.minimum(time, end), time <= end, [200.0])
    truth = (time <= 200).mean()
    assert risks([[line]], logits).mean() == pytest.approx(truth, abs=0.02)


def test_risk_never_falls_with_time_even_where_lines_cross():
    lines = [Horizon(30, 2.0, 0.0), Horizon(90, 0.5, 0.0)]
    table = risks([lines], np.array([-2.0, 0.0, 2.0]))
    assert (np.diff(table, axis=1) >= 0).all()
