"""The ward board never shows a stale score as current; the console settles alerts with a reason."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import bay_scene
import pytest
import scene
from bay_scene import Bay
from desk import Desk, api

from suwen.core.nouns import Band
from suwen.health.alerts.trial import Desk as Tools
from suwen.records.streams import gateway_state
from suwen.records.streams.gateway_state import GatewayState
from suwen.server.held.rounds import Rounds
from suwen.server.pages import ward as pages_ward
from suwen.server.ward.board import Board, Watching


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    """A ward that stays closed: tests work on copies of it."""
    made = scene.open_clinic(tmp_path_factory.mktemp("ward") / "home")
    bay = bay_scene.furnish(made)
    made.patient = bay.patients["Li"]
    made.findings = []
    PEOPLE.update(bay.patients)
    ALERTS.update(bay.alerts)
    made.store.close()
    return made


PEOPLE: dict[str, str] = {}
ALERTS: dict[str, str] = {}


@pytest.fixture
def bay(ward: scene.Clinic) -> Bay:
    made = Bay(ward, bay_scene.AlertBook(ward.store), dict(PEOPLE), dict(ALERTS))
    made.book.beat("alerts")
    return made


@pytest.fixture(scope="module")
def shown(written: scene.Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bay]:
    """A ward that tests only look at."""
    clinic = scene.copied(written, tmp_path_factory.mktemp("shown") / "home")
    made = Bay(clinic, bay_scene.AlertBook(clinic.store), dict(PEOPLE), dict(ALERTS))
    made.book.beat("alerts", datetime.now(UTC) + timedelta(seconds=60))
    yield made
    clinic.store.close()


@pytest.fixture(scope="module")
def reader(shown: Bay) -> Iterator[Desk]:
    made = Desk(shown.clinic, "dr.lin")
    yield made
    made.http.close()


def looked(bay: Bay, person=scene.CLINICIAN) -> Board:
    return Watching(Tools.of(bay.clinic.store, person, "treatment"), "en", "icu", 1.0).board()


def names(board: Board) -> list[str]:
    return [row.name for row in board.rows]


def test_who_has_a_red_alert_stands_first_then_the_higher_score(shown: Bay) -> None:
    board = looked(shown)
    assert names(board) == ["Li, Na", "Wang, Wei", "Smith, John", "Zhao, Min"]
    assert [row.level for row in board.rows] == ["urgent", "soon", "routine", "none"]
    assert board.pulse.alive
    assert (board.waiting, board.alerts_today, board.budget) == (2, 4, 4.0)


def test_an_expired_score_is_never_current(shown: Bay) -> None:
    by_name = {row.name: row.score for row in looked(shown).rows}
    assert (by_name["Li, Na"].state, by_name["Li, Na"].style) == ("current", "urgent")
    assert (by_name["Wang, Wei"].state, by_name["Wang, Wei"].style) == ("expired", "none")
    assert by_name["Zhao, Min"].state == "none"


def test_a_score_without_validity_stands_for_nothing(bay: Bay, desk: Desk) -> None:
    bay_scene.scored(bay.clinic, bay.patients["Zh"], 12, Band.RULE_IN, datetime.now(UTC))
    row = next(row for row in looked(bay).rows if row.name == "Zhao, Min")
    assert (row.score.text, row.score.state) == ("12", "expired")
    page = desk.get("/ward?ward=icu").text
    cell = re.search(r'<td class="score expired s-none"[^>]*>\s*<b[^>]*>12</b>', page)
    assert cell is not None


def test_the_age_of_every_value_is_told_and_old_ones_look_old(shown: Bay) -> None:
    rows = {row.name: {cell.key: cell for cell in row.cells} for row in looked(shown).rows}
    assert rows["Li, Na"]["spo2"].state == "fresh"
    assert rows["Wang, Wei"]["pulse"].state == "old"
    assert rows["Zhao, Min"]["temperature"].state == "gone"
    assert rows["Zhao, Min"]["pulse"].state == "none"
    age = datetime.now(UTC).timestamp() - rows["Wang, Wei"]["pulse"].at
    assert age == pytest.approx(22 * 60, abs=120)


def test_a_silent_channel_is_not_fresh_however_new_its_clock(bay: Bay) -> None:
    at = datetime.now(UTC)
    bay_scene.measured(bay.clinic, bay.patients["Wa"], at, pulse=80)
    cells = {row.name: row.cells for row in looked(bay).rows}["Wang, Wei"]
    assert next(cell for cell in cells if cell.key == "pulse").state == "old"


def test_the_page_shouts_when_nobody_watches(bay: Bay, desk: Desk) -> None:
    assert 'id="dead" role="alert" hidden' in desk.get("/ward?ward=icu").text
    bay.book.beat("alerts", datetime.now(UTC) - timedelta(minutes=2))
    assert 'id="dead" role="alert" hidden' not in desk.get("/ward?ward=icu").text
    assert "Alarms are not being watched" in desk.get("/alerts").text
    assert desk.get("/healthz").json()["alarms"] == "not watched"
    assert "suwen_alarm_heartbeat_age_seconds 12" in desk.get("/metrics").text


def test_the_stream_tells_rows_once_and_the_pulse_always_and_ends_with_the_session(
    bay: Bay, desk: Desk, monkeypatch
) -> None:
    monkeypatch.setattr(pages_ward, "EVERY_S", 0.0)
    bench = desk.app.state.bench
    token = bench.sessions.begin(scene.CLINICIAN)
    asking = pages_ward.Asking(bench, bench.sessions.find(token), "en", token)

    class Open:
        async def is_disconnected(self) -> bool:
            return False

    async def heard() -> list[tuple[str, dict]]:
        events = []
        async for text in pages_ward._events(
            Open(), asking, pages_ward.watching(asking, "icu"), fresh=False
        ):
            event, data = re.fullmatch(r"event: (\w+)\ndata: (.*)\n\n", text).groups()
            events.append((event, json.loads(data)))
            if len(events) == 3:
                bench.sessions.end(token)
        return events

    events = asyncio.run(heard())
    assert [event for event, _ in events] == ["board", "board", "board", "ended"]
    assert "Li, Na" in events[0][1]["rows"]
    assert "rows" not in events[1][1]
    assert all(told["pulse"] > 0 for event, told in events if event == "board")


def test_looking_at_a_board_does_not_keep_a_session_alive(shown: Bay, reader: Desk) -> None:
    sessions = reader.app.state.bench.sessions
    token = sessions.begin(scene.CLINICIAN)
    seen = sessions.find(token).seen
    assert sessions.living(token)
    assert sessions.find(token).seen >= seen
    sessions.end(token)
    assert not sessions.living(token)


def test_who_cares_for_nobody_here_sees_nobody(shown: Bay) -> None:
    assert names(looked(shown, scene.OTHER)) == []
    program = api(shown.clinic, "sci")
    assert program.get("/api/alerts").status_code == 403
    program.close()


def test_scoring_from_the_newest_readings_stores_them_first(bay: Bay, desk: Desk) -> None:
    answer = desk.post("/ward/score", patient=bay.patients["Li"], ward="icu")
    assert answer.status_code == 404, "the stub answers nothing; the readings are stored"
    kept = bay.clinic.access().search("Observation", bay.patients["Li"])
    values = {r.content["code"]["coding"][0]["code"]: r.content["valueQuantity"] for r in kept}
    assert values["59408-5"]["value"] == 86
    assert len(values) == 5


def test_a_board_that_keeps_scores_fresh_asks_for_each_patient_once_in_five_minutes(
    bay: Bay, desk: Desk
) -> None:
    clock = [1000.0]
    rounds = Rounds(lambda: clock[0])
    assert [rounds.due(["a", "b"]) for _ in range(3)] == ["a", "b", ""]
    clock[0] += 301
    assert rounds.due(["b", "a"]) == "b"
    bench = desk.app.state.bench
    asking = pages_ward.Asking(bench, bench.sessions.find(bench.sessions.begin(scene.CLINICIAN)),
                               "en", "t")  # fmt: skip
    look = pages_ward.watching(asking, "icu")
    for _ in range(3):
        pages_ward._renew(asking, look, look.board())
    kept = {name: bay.clinic.access().search("Observation", bay.patients[name])
            for name in bay.patients}  # fmt: skip
    assert {name for name, found in kept.items() if found} == {"Li", "Sm"}, "who is measured now"
    assert "in your name" in desk.get("/ward?ward=icu").text
    assert "in your name" not in desk.get("/ward?ward=icu&fresh=false").text


def test_an_alert_is_settled_with_a_reason_on_the_page(bay: Bay, desk: Desk) -> None:
    page = desk.get("/alerts").text
    assert page.index("Oxygen saturation low") < page.index("Temperature low")
    assert 'value="ended"' in page, "only data that stopped may have been ended"
    red = bay.alerts["red"]
    refused = desk.post("/alerts/acknowledge", alert=red, reason="")
    assert refused.status_code == 422
    answer = desk.post("/alerts/acknowledge", alert=red, reason="acted", comment="oxygen given")
    assert answer.status_code == 200
    assert "acted on it" in answer.text
    assert "hx-post" not in answer.text
    again = desk.post("/alerts/acknowledge", alert=red, reason="acted")
    assert again.status_code == 409


def test_a_snooze_is_told_on_the_card(bay: Bay, desk: Desk) -> None:
    answer = desk.post("/alerts/snooze", alert=bay.alerts["red"], minutes="10", reason="suction")
    assert "snoozed" in answer.text
    too_long = desk.post("/alerts/snooze", alert=bay.alerts["red"], minutes="60", reason="suction")
    assert too_long.status_code == 422


def test_the_hand_over_tells_what_stands_and_how_the_rules_do(shown: Bay, reader: Desk) -> None:
    page = reader.get("/alerts/handover?ward=icu&hours=12").text
    for said in (
        "Li, Na",
        "Intensive care 2 · Bed 1",
        "Snoozed until",
        "mobilising with physiotherapy (Dr Lin Wei)",
        "sensor or cable",
        "axillary probe had slipped",
        "Amy Chan",
        "0 % (0–79 %, n = 1)",
    ):
        assert said in page
    assert reader.get("/alerts/handover?hours=1000").status_code == 422


FIELDS = {"rule": "spo2-low", "ward": "icu", "gap_s": "70", "sustained_s": "120"}


def test_a_rule_is_tried_looked_at_and_then_enabled(bay: Bay, desk: Desk) -> None:
    refused = desk.post("/alerts/rules/enable", **FIELDS)
    assert refused.status_code == 409
    shown = desk.post("/alerts/rules/try", **FIELDS).text
    assert "alerts a patient and day" in shown
    plot = json.loads(re.search(r"data-plot='([^']*)'", shown)[1].replace("&#34;", '"'))
    assert (plot["kind"], sum(plot["y"])) == ("bars", 1)
    other = desk.post("/alerts/rules/enable", **FIELDS | {"limit": "90"})
    assert other.status_code == 409, "another limit is another rule"
    assert desk.post("/alerts/rules/enable", **FIELDS).status_code == 204
    page = desk.get("/alerts/rules").text
    rule = re.search(r'name="rule" value="(\w+)"', page)[1]
    gone = desk.post("/alerts/rules/disable", rule=rule, reason="tried enough")
    assert gone.status_code == 303
    assert "only silence is watched" in desk.get("/alerts/rules").text


def test_the_form_says_when_a_rule_would_be_blind(bay: Bay, desk: Desk) -> None:
    assert "would be blind here" in desk.post("/alerts/rules/try", rule="spo2-low", ward="icu").text
    own = desk.post("/alerts/rules/try", **FIELDS | {"patient": bay.patients["Li"]}).text
    assert "&#34;readings&#34;" in own
    assert desk.post("/alerts/rules/try", rule="spo2-low", limit="x").status_code == 422
    assert desk.post("/alerts/rules/try", rule="no-such").status_code == 404


def test_the_pages_are_there_in_chinese(reader: Desk) -> None:
    reader.http.cookies.set("suwen_language", "zh")
    for address in ("/ward", "/alerts", "/alerts/handover", "/alerts/rules"):
        assert "报警" in reader.get(address).text
    reader.http.cookies.set("suwen_language", "en")


def test_a_program_settles_tries_and_places(bay: Bay) -> None:
    program = api(bay.clinic, "dr.lin")
    alerts = program.get("/api/alerts?ward=icu").json()
    assert {one["state"] for one in alerts} == {"raised", "snoozed", "acknowledged"}
    red = bay.alerts["red"]
    body = {"reason": "acted"}
    assert program.post(f"/api/alerts/{red}/acknowledge", json=body).status_code == 204
    body = {"minutes": 10, "reason": "suction"}
    assert "until" in program.post(f"/api/alerts/{red}/snooze", json=body).json()
    lines = program.get("/api/alerts/record").json()
    assert next(one for one in lines if one["rule"] == "spo2-low")["ppv"]["value"] == 1
    assert program.get("/api/alerts/pulse").json()["alive"]
    wish = {"rule": "spo2-low", "ward": "icu", "gap_s": 70}
    assert program.post("/api/alerts/rules", json=wish).status_code == 409
    trial = program.post("/api/alerts/rules/dry-run", json=wish | {"days": 2}).json()
    assert trial["result"]["rule"]["alerts"] == 1
    made = program.post("/api/alerts/rules", json=wish).json()["id"]
    assert [one["id"] for one in program.get("/api/alerts/rules").json()] == [made]
    gone = program.delete(f"/api/alerts/rules/{made}?reason=tried enough")
    assert gone.status_code == 204
    assert len(program.get("/api/alerts/rules/shipped").json()) >= 10
    ward = {"name": "Step down", "ladder": [{"after_s": 0, "to": ["*"]}], "budget": 5}
    assert program.put("/api/wards/sdu", json=ward).status_code == 204
    assert [one["id"] for one in program.get("/api/wards").json()] == ["icu", "sdu"]
    li = bay.patients["Li"]
    assert (
        program.put(f"/api/cases/{li}/place", json={"ward": "sdu", "bed": "7"}).status_code == 204
    )
    where = {"latitude": 31.2, "longitude": 121.5}
    assert program.put(f"/api/cases/{li}/location", json=where).status_code == 204
    assert program.put(f"/api/cases/{li}/location", json={}).status_code == 204
    program.close()


def test_a_gateway_that_cannot_keep_up_is_seen_on_the_board_and_by_programs(bay, desk) -> None:
    late = "Readings come late"
    assert late not in desk.get("/ward?ward=icu").text
    gateway_state.tell(bay.clinic.store, GatewayState.BEHIND)
    assert late in desk.get("/ward?ward=icu").text
    assert desk.get("/healthz").json()["gateway"] == "behind"
    assert 'suwen_gateway_state{state="behind"} 1.0' in desk.get("/metrics").text
