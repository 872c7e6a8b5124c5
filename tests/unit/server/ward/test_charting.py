"""What is charted at the bedside: Observations as entered, everything wrong told at once."""

from __future__ import annotations

import pytest
import scene
from bay_scene import furnish
from desk import Desk

from suwen.core.errors import BadInput
from suwen.server.ward.charting import observations


def told(**typed: str) -> dict[str, object]:
    found = observations(typed, "p", "nurse", "en")
    return {
        one["code"]["coding"][0]["code"]: one.get("valueQuantity", {}).get("value")
        or one.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code", 0)
        for one in found
    }


def test_what_was_entered_is_what_is_stored_and_nothing_else():
    assert told(pulse="92", consciousness="C", oxygen="air") == {
        "8867-4": 92.0,
        "3151-8": 0,
        "67775-7": "130987000",
    }
    assert told(temperature="37,5") == {"8310-5": 37.5}, "a decimal comma is one"
    assert told(oxygen="oxygen", oxygen_flow="4") == {"3151-8": 4.0}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "nothing was entered"),
        ({"temperature": "98.6"}, "Temperature: 98.6 (20–46 °C)"),
        ({"pulse": "many"}, "Heart rate: many (15–350 /min)"),
        ({"pulse": "nan"}, "Heart rate: nan"),
        ({"oxygen": "oxygen"}, "its flow in L/min is missing"),
        ({"oxygen": "air", "oxygen_flow": "2"}, "only one of them can be"),
        ({"consciousness": "X"}, "A, C, V, P or U"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(typed, said):
    with pytest.raises(BadInput) as error:
        observations(typed, "p", "nurse", "en")
    assert said in str(error.value)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(BadInput) as error:
        observations({"pulse": "0", "temperature": "98.6", "consciousness": "A"}, "p", "n", "zh")
    assert "心率：0" in str(error.value)
    assert "体温：98.6" in str(error.value)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    """A ward that stays closed: the test works on a copy of it."""
    made = scene.open_clinic(tmp_path_factory.mktemp("ward") / "home")
    made.patient = furnish(made).patients["Li"]
    made.findings = []
    made.store.close()
    return made


def test_the_page_stores_scores_and_goes_back_to_the_ward(ward: scene.Clinic, desk: Desk) -> None:
    patient = ward.patient
    assert f"/cases/{patient}/chart?ward=icu" in desk.get("/ward?ward=icu").text
    form = desk.get(f"/cases/{patient}/chart?ward=icu").text
    assert "newly confused" in form
    refused = desk.post(f"/cases/{patient}/chart", temperature="98.6", ward="icu")
    assert refused.status_code == 422
    assert "20–46" in refused.text
    desk.post(f"/cases/{patient}/chart", consciousness="A", oxygen="air", ward="icu")
    kept = ward.access().search("Observation", patient)
    codes = {one.content["code"]["coding"][0]["code"]: one.content for one in kept}
    assert codes["67775-7"]["performer"] == [{"display": "Dr Lin Wei"}]
    assert codes["3151-8"]["valueQuantity"]["value"] == 0
    assert "59408-5" in codes, "what the monitor sent is stored with it"


def test_too_little_for_a_score_is_stored_and_no_error(ward: scene.Clinic, desk: Desk) -> None:
    nobody = scene.admit(ward, "Chen, Yu", "1970-01-01", "W-9")
    answer = desk.post(f"/cases/{nobody}/chart", consciousness="V")
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/ward?ward="
    (kept,) = ward.access().search("Observation", nobody)
    assert kept.content["valueCodeableConcept"]["coding"][0]["code"] == "300202002"
