"""A patient's home: today, trends, and nothing stale told as current."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import scene
from desk import Desk

from suwen.core.nouns import Case, Record
from suwen.core.streams import Channel, Reading
from suwen.records import Person
from suwen.records.streams.seen import Streams, gathered
from suwen.server.person.trends import HEIGHT, WIDTH, Trend, recorded
from suwen.server.person.trends import trends as drawn

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


def measured(code: str, value: float, unit: str, at: datetime) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": at.isoformat(),
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def case_of(*contents: dict[str, object]) -> Case:
    records = tuple(
        Record(reference=f"Observation/o{k}/_history/1", content=content)
        for k, content in enumerate(contents)
    )
    return Case("p1", NOW, records, lambda _: b"")


def pulses(*values: tuple[float, float]) -> Case:
    """Heart rates, each with its age in hours."""
    return case_of(
        *(measured("8867-4", v, "/min", NOW - timedelta(hours=hours)) for v, hours in values)
    )


def trends(case: Case, language: str, days: int) -> list[Trend]:
    return drawn(recorded(case, language).values(), language, days, case.at)


def test_a_value_of_this_morning_is_current_and_one_of_yesterday_is_not():
    assert trends(pulses((71, 5)), "en", 7)[0].fresh
    assert not trends(pulses((71, 30)), "en", 7)[0].fresh
    assert not trends(pulses((71, -1)), "en", 7)[0].fresh


def test_both_blood_pressures_stand_in_one_trend():
    at = NOW - timedelta(hours=1)
    (one,) = trends(
        case_of(measured("8480-6", 132, "mm[Hg]", at), measured("8462-4", 84, "mm[Hg]", at)),
        "zh",
        7,
    )
    assert (one.name, one.newest) == ("血压", "132/84 mmHg")


def test_a_lower_pressure_of_another_time_stands_for_itself():
    found = trends(
        case_of(
            measured("8480-6", 132, "mm[Hg]", NOW - timedelta(hours=1)),
            measured("8462-4", 84, "mm[Hg]", NOW - timedelta(hours=9)),
        ),
        "en",
        7,
    )
    assert [(one.name, one.newest) for one in found] == [
        ("Diastolic blood pressure", "84 mmHg"),
        ("Systolic blood pressure", "132 mmHg"),
    ]


def test_values_before_the_period_are_not_drawn():
    found = trends(pulses((60, 24 * 20), (90, 24 * 3), (70, 24)), "en", 7)[0]
    assert found.drawing is not None
    assert (found.drawing.low, found.drawing.high) == ("70", "90")
    assert found.drawing.words == "Heart rate: 2 values from 70 to 90 /min"
    assert trends(pulses((60, 24 * 20), (70, 24)), "en", 7)[0].drawing is None


def test_a_week_without_values_breaks_the_line():
    hours = [*range(24), *range(24 * 8, 24 * 9)]
    found = trends(pulses(*((60 + h % 5, h) for h in hours)), "en", 30)[0]
    assert found.drawing is not None
    assert len(found.drawing.lines) == 2


def test_many_values_are_thinned_and_the_greatest_is_kept():
    many = [(60.0, k / 60) for k in range(2000)]
    many[777] = (188.0, 777 / 60)
    drawing = trends(pulses(*many), "en", 7)[0].drawing
    assert drawing is not None
    points = [tuple(map(float, p.split(","))) for line in drawing.lines for p in line.split()]
    assert len(points) <= 301
    assert min(y for _, y in points) == 6.0
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


@pytest.fixture
def patient(fresh):
    hashed = scene.QUICK.hash(scene.PASSWORD)
    fresh.store.add_person(Person("li.na", "Li Na", "patient", patient=fresh.patient), hashed)
    at = datetime.now(UTC) - timedelta(hours=2)
    fresh.access().put(
        [measured("8867-4", v, "/min", at - timedelta(days=k)) for k, v in enumerate((77, 64))],
        fresh.patient,
    )
    desk = Desk(fresh, "li.na", "zh")
    yield desk
    desk.http.close()


def test_a_patient_starts_at_home_in_the_own_language(fresh, patient):
    answer = patient.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{fresh.patient}/home")
    text = patient.http.get("/").text
    today = text.partition('class="today"')[2].partition("</dl>")[0]
    assert re.findall(r"<dt>(.+?)</dt>", today) == ["心率"]
    assert "77 /min" in today
    assert "请立即拨打急救电话" in text
    assert "95%" in text


def test_what_a_device_sent_is_on_the_page_and_newer_than_the_record(fresh, patient):
    now = datetime.now(UTC)
    watch = Channel("8867-4", "/min", "watch-1")
    oxygen = Channel("59408-5", "%", "ring-1")
    sent = [Reading(watch, now - timedelta(minutes=m), 90 + m) for m in range(9, 0, -1)]
    old = Reading(oxygen, now - timedelta(days=3), 97)
    Streams(fresh.store, scene.CLINICIAN, "treatment").put(fresh.patient, gathered([*sent, old]))
    text = patient.http.get("/").text
    today = text.partition('class="today"')[2].partition("</dl>")[0]
    assert "91 /min" in today
    assert "77 /min" not in text
    assert "97%" not in today
    assert "97%" in text


def test_a_pulse_that_stays_higher_is_said_to_have_changed(fresh, patient):
    at = datetime.now(UTC) - timedelta(hours=3)
    pulse = [62 + day % 3 + (11 if day < 12 else 0) for day in range(45)]
    days = [measured("8867-4", v, "/min", at - timedelta(days=d)) for d, v in enumerate(pulse)]
    fresh.access().put(days, fresh.patient)
    told = patient.http.get("/").text.partition("有何变化")[2].partition("给您的建议")[0]
    assert "高于个人基线 11 /min" in told
    assert (at - timedelta(days=11)).strftime("%Y年") in told


def test_nobody_sees_the_home_of_somebody_else(fresh, patient):
    other = scene.admit(fresh, "Wang, Fang", "1950-01-01", "T-99")
    assert patient.get(f"/cases/{other}/home").status_code == 403


def test_a_value_that_cannot_be_is_hollow_with_its_reason_and_never_the_newest():
    warm = [(36.6, 30), (36.9, 20), (98.6, 10)]
    case = case_of(
        *(measured("8310-5", v, "Cel", NOW - timedelta(hours=hours)) for v, hours in warm)
    )
    (one,) = trends(case, "zh", 7)
    assert one.newest == "36.9 °C"
    assert one.doubted.startswith("98.6 °C 疑为 °F")
    ((_, _, why),) = one.drawing.hollow
    assert why == one.doubted
    assert (one.drawing.low, one.drawing.high) == ("36.6", "36.9"), "it stretches no scale"


def test_a_quantity_of_which_nothing_can_be_true_shows_no_value():
    (one,) = trends(case_of(measured("8310-5", 98.6, "Cel", NOW - timedelta(hours=1))), "en", 7)
    assert (one.newest, one.drawing) == ("–", None)
    assert one.doubted.startswith("98.6 °C looks like °F")
