"""The queue of unmapped terms, local terms, and who may say what a term means."""

from __future__ import annotations

import re

import notes_scene
import pytest
import scene
from desk import Desk, api
from typer.testing import CliRunner

from suwen.app.main import Application
from suwen.app.services import operator
from suwen.cli import build
from suwen.notes.coding import synonyms
from suwen.notes.questions import FACTS
from suwen.records import finding_of
from suwen.server.case import reports

SYNCOPE = "HP:0001279"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    made = scene.open_clinic(tmp_path_factory.mktemp("termed") / "home")
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient)
    second = scene.admit(made, "Wu, Li", "1950-01-01", "T-9")
    notes_scene.add_notes(made, second, ("Referral letter",))
    made.store.close()
    return made


def waiting(page: str) -> list[str]:
    """Return the terms of the queue with how often and in how many cases they are met."""
    part = page.partition("Waiting for a code")[2].partition("</section>")[0]
    return re.findall(r"<b>([^<]*)</b> <span[^>]*>[^<]*· (\d+) times · (\d+) cases", part)


def mapped(desk: Desk, **more: str):
    form = {"term": "funny turn", "kind": "problem", "code": SYNCOPE}
    return desk.post("/terms/map", **(form | more))


def test_what_no_vocabulary_has_waits_with_how_often_it_is_met(desk) -> None:
    assert waiting(desk.get("/terms").text) == [("funny turn", "2", "2")]
    assert waiting(desk.get("/terms?term=FUNNY").text) == [("funny turn", "2", "2")]
    assert waiting(desk.get("/terms?term=cough").text) == []


def test_a_term_is_shown_in_its_notes_with_codes_it_may_have(desk, ward) -> None:
    part = desk.get("/terms/one?term=funny turn&kind=problem").text
    assert part.count("<mark>funny turn</mark>") == 2
    assert "Li, Na · Referral letter" in part
    assert "Wu, Li · Referral letter" in part
    assert f'href="/cases/{ward.patient}/notes?note=' in part
    assert 'name="code" value="' in part, "codes are offered"


def test_one_step_gives_a_term_its_code_everywhere_at_once(desk, ward) -> None:
    answer = mapped(desk)
    assert "“funny turn” is mapped. Cases you may see that tell it so from now on: 2." in (
        answer.text
    )
    assert waiting(answer.text) == []
    assert re.search(r"<b>funny turn</b>.*→ Syncope <code>HP:0001279</code>", answer.text, re.S)
    assert "Dr Lin Wei" in answer.text
    page = desk.get(f"/cases/{ward.patient}/notes").text
    assert 'class="bundle g-unmapped"' not in page
    assert ">Syncope</a>" in page


def test_removing_and_undoing_take_effect_as_fast(desk, ward) -> None:
    mapped(desk)
    gone = desk.post("/terms/remove", term="funny turn", kind="problem")
    assert waiting(gone.text) == [("funny turn", "2", "2")]
    back = desk.post("/terms/undo", version="2")
    assert waiting(back.text) == []
    undone = desk.post("/terms/undo", version="3")
    assert waiting(undone.text) == [("funny turn", "2", "2")]
    assert desk.post("/terms/undo", version="1").status_code == 409
    changes = desk.get("/terms").text.partition("<h2>Changes</h2>")[2]
    assert re.findall(r"</b> (\w[\w ]*) <span", changes) == [
        "change undone", "change undone", "removed", "mapped",
    ]  # fmt: skip
    assert changes.count(">Undo</button>") == 1, "only the newest change of a term"


def test_the_drafts_of_the_cases_follow(desk, ward) -> None:
    access = ward.access()
    found = [finding_of(one) for one in access.search("Finding", ward.patient, code=FACTS)]
    scene.report_on(ward, ward.patient, found)
    mapped(desk)
    draft = reports.latest(access, ward.patient).report
    lines = [one.text.en for one in draft.statements if one.section == "notes"]
    assert any("Syncope (by a clinician)" in line for line in lines)
    desk.post("/terms/remove", term="funny turn", kind="problem")
    draft = reports.latest(access, ward.patient).report
    assert not any("Syncope" in one.text.en for one in draft.statements)


def test_the_command_line_lets_the_drafts_follow_as_the_page_does(ward, settled) -> None:
    access = ward.access()
    found = [finding_of(one) for one in access.search("Finding", ward.patient, code=FACTS)]
    scene.report_on(ward, ward.patient, found)
    settled(home=ward.settings.home)
    whoever = operator(ward.store)
    ward.store.administer(scene.ADMINISTRATOR).share(ward.patient, whoever.id, member=True)

    def suwen(*arguments: str) -> str:
        done = CliRunner().invoke(build(), arguments, obj=Application(), catch_exceptions=False)
        return done.output

    def told() -> str:
        draft = reports.latest(ward.access(), ward.patient).report
        return " ".join(one.text.en for one in draft.statements if one.section == "notes")

    said = suwen("terms", "map", "funny turn", "HP:0001279")
    assert said.endswith("cases you may see that tell it so from now on: 1\n")
    assert "Syncope (by a clinician)" in told()
    suwen("terms", "remove", "funny turn")
    assert "Syncope" not in told()
    suwen("terms", "undo", "2")
    assert "Syncope (by a clinician)" in told()


def test_a_rejected_mention_waits_no_more(desk, ward) -> None:
    page = desk.get(f"/cases/{ward.patient}/notes").text
    card = next(one for one in page.split("<article") if ">funny turn</a>" in one)
    form = dict(re.findall(r'name="(fact|seen|note)" value="([^"]*)"', card))
    desk.post(f"/cases/{ward.patient}/notes/review", act="rejected", **form)
    assert waiting(desk.get("/terms").text) == [("funny turn", "1", "1")]


def test_nobody_sees_a_term_of_a_case_they_may_not_see(ward) -> None:
    other = Desk(ward, scene.OTHER.id)
    assert waiting(other.get("/terms").text) == []
    assert "<mark>" not in other.get("/terms/one?term=funny turn&kind=problem").text
    other.http.close()


def test_what_one_clinician_maps_counts_for_another(desk, ward) -> None:
    mapped(desk)
    other = Desk(ward, scene.OTHER.id)
    assert "→ Syncope" in other.get("/terms").text
    other.http.close()


def test_a_nurse_sees_the_queue_and_maps_nothing(ward) -> None:
    with ward.store.work() as work:
        from suwen.records.people import join_team

        join_team(work.connection, ward.patient, scene.NURSE.id)
    nurse = Desk(ward, scene.NURSE.id)
    assert waiting(nurse.get("/terms").text) == [("funny turn", "1", "1")]
    assert "A clinician says what a term means." in (
        nurse.get("/terms/one?term=funny turn&kind=problem").text
    )
    assert mapped(nurse).status_code == 403
    nurse.http.close()
    assert list(synonyms.stored(ward.access())) == []


@pytest.mark.parametrize(
    "bad", [{"code": "no such thing"}, {"code": ""}, {"kind": "colour"}, {"term": "。"}]
)
def test_a_mapping_that_means_nothing_is_refused(desk, ward, bad) -> None:
    assert mapped(desk, **bad).status_code == 422
    assert list(synonyms.stored(ward.access())) == []


def test_the_page_speaks_chinese(ward) -> None:
    desk = Desk(ward, "dr.lin", "zh")
    mapped(desk)
    page = desk.get("/terms").text
    for expected in ("待编码", "本地术语", "晕厥", "更改记录", "撤销"):
        assert expected in page, expected
    desk.http.close()


def test_the_terms_are_exported_as_fhir(desk, ward) -> None:
    mapped(desk)
    sent = desk.get("/terms/export")
    assert sent.headers["content-type"].startswith("application/fhir+json")
    assert sent.json()["group"][0]["element"][0]["code"] == "funny turn"


def test_a_program_maps_looks_back_undoes_and_moves_terms(ward) -> None:
    program = api(ward, "dr.lin")
    (one,) = program.get("/api/terms/unmapped").json()
    assert one == {"term": "funny turn", "kind": "problem", "count": 2, "cases": 2}
    body = {"term": "funny turn", "kind": "problem", "code": SYNCOPE}
    made = program.post("/api/terms", json=body).json()
    assert (made["version"], made["terms"][0]["code"]["name"]["zh"]) == (1, "晕厥")
    assert program.get("/api/terms/unmapped").json() == []
    exported = program.get("/api/terms/map").json()
    gone = program.post("/api/terms/removal", json={"term": "funny turn"}).json()
    assert gone["terms"] == []
    back = program.post("/api/terms/map", json=exported).json()
    assert (back["version"], back["what"], len(back["terms"])) == (3, "imported", 1)
    program.post("/api/terms/removal", json={"term": "funny turn"})
    undone = program.post("/api/terms/undo", json={"version": 4}).json()
    assert len(undone["terms"]) == 1
    whats = [one["what"] for one in program.get("/api/terms/history").json()]
    assert whats == ["undone", "removed", "imported", "removed", "mapped"]
    assert program.post("/api/terms/map", json={"resourceType": "Patient"}).status_code == 422
    assert program.post("/api/terms/undo", json={"version": 77}).status_code == 404


def test_a_program_corrects_adds_and_searches_codes(ward) -> None:
    program = api(ward, "dr.lin")
    address = f"/api/cases/{ward.patient}"
    hits = program.get("/api/codes", params={"q": "syncop", "kind": "symptom"}).json()
    assert SYNCOPE in {hit["code"]["code"] for hit in hits}
    assert program.get("/api/codes", params={"q": "晕厥"}).json()
    facts = program.get(f"{address}/facts").json()
    turn = next(one for one in facts if one["words"] == "funny turn")
    seen = {one["anchor"]: one["version"] for one in turn["mentions"]}
    meant = {"kind": "symptom", "code": SYNCOPE}
    body = {"act": "edited", "seen": seen, "meant": meant, "reason": "she fainted"}
    judged = program.post(f"{address}/facts/{turn['key']}/judgements", json=body).json()
    syncope = next(one for one in judged if one["code"] and one["code"]["code"] == SYNCOPE)
    assert (syncope["mentions"][0]["verdict"], syncope["mentions"][0]["person"]) == (
        "edited",
        "dr.lin",
    )
    late = program.post(f"{address}/facts/{turn['key']}/judgements", json=body)
    assert late.status_code == 409
    note = turn["mentions"][0]["note"].split("/")[1]
    start = notes_scene.ENGLISH.index("worse at night")
    place = {"note": note, "start": start, "end": start + 14}
    meant = {"kind": "symptom", "code": "HP:0030166"}
    told = program.post(f"{address}/mentions", json={**place, "meant": meant}).json()
    assert "Night sweats" in {one["words"] for one in told}
    again = program.post(f"{address}/mentions", json={**place, "meant": meant})
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "conflict"
    assert api(ward, scene.OTHER.id).get(f"{address}/facts").status_code == 403
