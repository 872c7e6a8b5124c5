"""The pages of the summary and of a visit's note in real Chromium, on a desk and on a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import notes_scene
import pytest
import scene
from notes_scene import COUGH, FEVER, PNEUMONIA, Named
from window import MARKS, Desk, served

from suwen.diagnosis.compose import compose
from suwen.notes.questions import ENTITIES, FACTS
from suwen.notes.visits.records import notes_in
from suwen.records import finding_of
from suwen.server.app import create_app
from suwen.server.case.quotations import quotations

pytestmark = MARKS
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
LETTER = (
    "History: Cough with yellow sputum for three weeks, no fever.\n"
    "Assessment: Community-acquired pneumonia of the right lower lobe, improving on amoxicillin.\n"
    "Plan: Stop amoxicillin on Friday. Chest x-ray in six weeks. Return if the fever comes back.\n"
)
REVISIT = (
    "现病史：咳嗽较前减轻，昨日发热。\n诊断：肺炎，较前好转。\n"
    "处理：周五停用阿莫西林，6周后复查胸片。\n"
)
NAMED = {
    "Follow-up": (
        Named("Cough", "symptom", COUGH),
        Named("fever", "symptom", FEVER, how={"presence": "absent"}),
        Named("pneumonia", "problem", PNEUMONIA),
    ),
    "复诊病历": (
        Named("咳嗽", "symptom", COUGH),
        Named("发热", "symptom", FEVER),
        Named("肺炎", "problem", PNEUMONIA),
    ),
}
TALKS = {
    "en": """Doctor: Good morning. What brings you in today?
Patient: I have had a cough for three weeks, with yellow sputum.
Doctor: Any fever or chest pain?
Patient: No.
Doctor: What medicines do you take?
Patient: Metformin 500 mg twice a day and lisinopril 10 mg every morning.
Doctor: Are you allergic to anything?
Patient: Penicillin gives me a rash.
Doctor: Do you smoke?
Patient: I quit ten years ago.
Doctor: Your temperature is 37.2 and your blood pressure is 142 over 88.
Doctor: There are crackles at the right base.
Doctor: I think this is pneumonia. I will order a chest x-ray, and I will give you doxycycline \
100 mg twice a day for a week. Come back on Friday.
""",
    "zh": """医生：您好，请坐，今天哪里不舒服？
患者：我咳嗽三个星期了，有黄痰。
医生：发烧吗？
患者：不发烧。
医生：有什么慢性病吗？
患者：有糖尿病八年了，吃二甲双胍0.5克一天两次。
医生：对什么药过敏吗？
患者：对青霉素过敏，起过皮疹。
医生：抽烟吗？
患者：以前抽，戒了十年了。
医生：我听一下，右下肺有湿啰音。
医生：考虑是肺炎，先拍个胸片，开点左氧氟沙星0.5克一天一次，一周后复查。
""",
}


@pytest.fixture(scope="module")
def clinic_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[scene.Clinic, str]]:
    clinic = scene.open_clinic(tmp_path_factory.mktemp("home"))
    clinic.patient = scene.admit(clinic)
    known = {**notes_scene.NAMED}, {**notes_scene.TEXTS}
    notes_scene.NAMED.update(NAMED)
    notes_scene.TEXTS.update(
        {"Follow-up": (LETTER, "text/plain"), "复诊病历": (REVISIT, "text/plain")}
    )
    notes_scene.add_notes(clinic, clinic.patient, ("Referral letter", "Follow-up", "复诊病历"))
    for now, before in zip((notes_scene.NAMED, notes_scene.TEXTS), known, strict=True):
        now.clear()
        now.update(before)  # type: ignore[arg-type]
    _report(clinic)
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        yield clinic, base
    clinic.store.close()


def _report(clinic: scene.Clinic) -> None:
    """Store the draft report as the diagnosis composes it."""
    access, patient = clinic.access(), clinic.patient
    case = access.case(patient)
    facts, mentions = (
        [finding_of(one) for one in access.search("Finding", patient, code=task)]
        for task in (FACTS, ENTITIES)
    )
    quoted = quotations(case, [*facts, *mentions])
    access.put([compose(case, facts, [], datetime.now(UTC), quoted=quoted)], patient)


def opened(browser: Any, base: str, address: str, language: str, size: str) -> Desk:
    desk = Desk(browser, base, language, size)
    desk.page.set_default_timeout(30_000)
    desk.sign_in()
    desk.page.goto(f"{base}{address}")
    return desk


def keep(desk: Desk, name: str, whole: bool = False) -> None:
    if os.environ.get("SUWEN_SCREENSHOTS") == "1":
        desk.page.wait_for_timeout(300)
        desk.page.screenshot(
            path=SHOTS / f"{name}-{desk.language}-{desk.size}.png", full_page=whole
        )


BOTH = pytest.mark.parametrize(
    ("language", "size"), [(a, b) for a in ("en", "zh") for b in ("desktop", "phone")]
)


@BOTH
def test_a_line_of_the_summary_leads_to_its_words_in_the_note(clinic_at, browser, language, size):
    clinic, base = clinic_at
    desk = opened(browser, base, f"/cases/{clinic.patient}/summary", language, size)
    page = desk.page
    keep(desk, "summary", whole=True)
    assert desk.scrolls_sideways() == 0
    quote = page.locator("li.line.under", has_text="amoxicillin").first
    assert quote.locator("q").count() == 1
    quote.locator("a.cite").click()
    page.wait_for_selector("mark.chosen")
    chosen = page.locator("mark.chosen").first
    words = "".join(page.locator("mark.chosen").all_inner_texts())
    assert (
        words == "Community-acquired pneumonia of the right lower lobe, improving on amoxicillin."
    )
    box, seen = chosen.bounding_box(), page.viewport_size
    assert 0 <= box["y"] < seen["height"], "the words are in sight"
    keep(desk, "summary-place")
    assert page.locator(".line.contradiction").count() == 1
    assert page.locator(".line.contradiction .sides a.cite").count() >= 2
    assert desk.complaints == []
    desk.close()


@BOTH
def test_a_talk_is_drafted_corrected_and_confirmed(clinic_at, browser, language, size):
    clinic, base = clinic_at
    desk = opened(browser, base, f"/cases/{clinic.patient}/visits", language, size)
    page = desk.page
    keep(desk, "visits")
    page.fill("#talk", TALKS[language])
    page.click(".talk-form button.primary")
    page.wait_for_selector("#note-form")
    keep(desk, "visit-draft", whole=True)
    assert desk.scrolls_sideways() == 0
    cut = page.evaluate(
        "[...document.querySelectorAll('.note-lines textarea')]"
        ".filter((one) => one.scrollHeight > one.clientHeight + 2).length"
    )
    assert cut == 0, "every line is readable without scrolling in it"
    page.locator(".note-lines a.cite").first.click()
    page.wait_for_selector(".turn mark.chosen")
    assert page.locator(".note-lines > li.chosen").count() == 1
    keep(desk, "visit-place")
    page.click("#note-form button[value=save]")
    page.wait_for_url(f"{base}/cases/{clinic.patient}/visits/*")
    page.wait_for_selector("#note-form input[name=version]", state="attached")
    first = page.locator(".note-lines textarea").first
    first.fill(f"{first.input_value()} *")
    page.locator("#note-form input[name=read]").check()
    keep(desk, "visit-end")
    page.click("#note-form button[value=confirm]")
    page.wait_for_selector(".message.good")
    assert page.locator("#note-form").count() == 0
    assert page.locator(".said-line").first.inner_text().endswith("*")
    keep(desk, "visit-confirmed", whole=True)
    assert desk.scrolls_sideways() == 0
    newest = notes_in(clinic.access().case(clinic.patient).of("Composition"))[0]
    assert (newest.status, newest.attested_by) == ("final", "dr.lin")
    page.goto(f"{base}/cases/{clinic.patient}")
    assert page.locator(f".context a[href$='{newest.id}']").count() == 2
    keep(desk, "case-notes", whole=True)
    assert desk.scrolls_sideways() == 0
    assert desk.complaints == []
    desk.close()


@BOTH
def test_the_report_on_the_case_page_quotes_the_notes(clinic_at, browser, language, size):
    clinic, base = clinic_at
    desk = opened(browser, base, f"/cases/{clinic.patient}", language, size)
    page = desk.page
    page.click("#report .report-text details summary")
    text = page.inner_text("#report")
    assert "“Stop amoxicillin on Friday.”" in text
    assert {"en": "Plan: “", "zh": "计划：“"}[language] in text
    keep(desk, "report-quoted", whole=True)
    assert desk.scrolls_sideways() == 0
    assert desk.complaints == []
    desk.close()
