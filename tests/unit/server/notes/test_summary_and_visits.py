"""Summary by problems and the note of a visit drafted from its talk, as clinicians use them."""

from __future__ import annotations

import html
import re

import notes_scene
import pytest
import scene
from desk import Desk

TALK = (
    "Doctor: What brings you in today?\n"
    "Patient: I have had a cough for three weeks. I take metformin 500 mg twice a day.\n"
    "Doctor: Any fever?\nPatient: No fever.\n"
    "Doctor: I will order a chest x-ray.\n"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    made = scene.open_clinic(tmp_path_factory.mktemp("noted") / "home")
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient)
    made.store.close()
    return made


@pytest.mark.parametrize(("language", "title"), [("en", "Problems"), ("zh", "当前问题")])
def test_the_summary_tells_problems_with_links_to_where_they_stand(ward, language, title):
    desk = Desk(ward, "dr.lin", language)
    answer = desk.get(f"/cases/{ward.patient}/summary")
    assert answer.status_code == 200
    assert title in answer.text
    anchors = set(re.findall(r'href="#([\w-]+)"', answer.text))
    named = set(re.findall(r'id="([\w-]+)"', answer.text))
    places = {one for one in anchors if one in named}
    assert places, "each line leads to its place"
    desk.http.close()


def test_nobody_else_sees_a_summary_or_the_talk(ward):
    other = Desk(ward, scene.OTHER.id)
    assert other.get(f"/cases/{ward.patient}/summary").status_code == 403
    assert other.get(f"/cases/{ward.patient}/visits").status_code == 403
    other.http.close()


def test_without_a_language_model_nothing_is_sent(desk, ward):
    assert "/rewrite" not in desk.get(f"/cases/{ward.patient}/summary").text
    assert desk.post(f"/cases/{ward.patient}/summary/rewrite").status_code >= 400


def fields(text: str) -> dict[str, list[str]]:
    """Return what the form of a draft would send."""
    lines = re.findall(r'name="line"[^>]*value="([^"]*)"', text)
    words = re.findall(r'<textarea[^>]*name="text"[^>]*>([^<]*)</textarea>', text)
    sections = []
    for part in re.findall(r'<select[^>]*name="section".*?</select>', text, re.DOTALL):
        sections += re.findall(r'value="([^"]*)"[^>]*selected', part)
    return {"line": lines, "section": sections, "text": [html.unescape(one) for one in words]}


def test_a_draft_is_kept_by_hand_and_confirmed_with_its_act_in_the_log(desk, ward):
    address = f"/cases/{ward.patient}/visits"
    shown = desk.post(f"{address}/draft", talk=TALK).text
    form = fields(shown)
    assert any("cough" in one for one in form["text"])
    assert len(form["line"]) == len(form["section"]) == len(form["text"]) > 0
    assert not [d for d in ward.access().decisions(ward.patient) if d.act == "drafted"]
    kept = desk.post(address, talk=TALK, **form)
    assert kept.status_code == 204, kept.text
    note = kept.headers["HX-Redirect"]
    assert [d.person for d in ward.access().decisions(ward.patient) if d.act == "drafted"] == [
        "dr.lin"
    ]
    page = desk.get(note).text
    assert "cough" in page
    assert ward.store.log.verify().intact


def test_what_is_no_talk_is_refused_clearly(desk, ward):
    address = f"/cases/{ward.patient}/visits/draft"
    assert desk.post(address, talk="").status_code in (400, 422)
    assert desk.post(address, talk="\x00\x01").status_code in (400, 422)
