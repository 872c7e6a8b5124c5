"""Device data, devices and wards in real Chromium, at a desk and on a phone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bay_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.app.importing import Importing
from suwen.records import Person
from suwen.records.alerts.wards import Ward, Wards
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message
from suwen.server.app import create_app
from suwen.server.held.jobs import JobStatus

pytestmark = MARKS
SHOTS = Path(os.environ.get("SUWEN_DEVICE_SHOTS", "/nonexistent"))
DESK, PHONE = ("en", "desktop"), ("zh", "phone")
ALL = [DESK, PHONE, ("zh", "desktop"), ("en", "phone")]


def seen(*views: tuple[str, str]) -> Any:
    """Run a test in these views; in all four where pictures are asked for."""
    return pytest.mark.parametrize(("language", "size"), ALL if SHOTS.is_dir() else views)


WORDS = {
    "en": ("Where was the device?", "Revoke", "Somebody else lies in that bed", "is too large"),
    "zh": ("设备当时在哪个时区？", "吊销", "该床已有其他患者", "超过一次可上传的大小"),
}
EXPORT = (
    "time,name,value,unit,device\n"
    + "".join(
        f"2026-03-{day:02d}T07:{minute:02d}:00+08:00,heart rate,{60 + minute % 20},/min,watch\n"
        for day in range(1, 29)
        for minute in range(0, 60, 2)
    )
    + "".join(
        f"2026-03-{day:02d}T07:10:00+08:00,systolic,{124 + day % 9},mm[Hg],cuff\n"
        f"2026-03-{day:02d}T07:10:00+08:00,diastolic,{78 + day % 5},mm[Hg],cuff\n"
        for day in range(1, 29)
    )
    + "2026-03-02T07:10:00+08:00,heart rate,900,/min,watch\n"
    + "2026-03-02T08:10:00+08:00,glucose,5.4,,meter\n"
)
LOCAL = "time,weight (kg)\n2026-03-01 07:30,70.4\n2026-03-02 07:30,70.1\n"


def shoot(desk: Desk, name: str) -> None:
    """Check that the page fits its window, and keep a picture where one is asked for."""
    desk.page.wait_for_load_state()
    assert desk.scrolls_sideways() == 0, name
    if SHOTS.is_dir():
        path = SHOTS / f"{name}-{desk.language}-{desk.size}.png"
        desk.page.screenshot(path=path, full_page=True)


def at_work(clinic: scene.Clinic) -> None:
    """Let jobs really read what is sent."""
    work = Importing(clinic.store)
    clinic.jobs.work = lambda payload: work(payload, lambda _, function, given: function(given))


@seen(DESK, PHONE)
def test_a_patient_sends_exports_from_home_and_answers_what_they_do_not_say(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home")
    patient = scene.admit(clinic, "Li, Na" if language == "en" else "李, 娜")
    own = Person("at.home", "Li Na", "patient", patient=patient)
    clinic.store.add_person(own, scene.QUICK.hash(scene.PASSWORD))
    at_work(clinic)
    (tmp_path / "export.csv").write_text(EXPORT)
    (tmp_path / "scale.csv").write_text(LOCAL)
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(30_000)
        desk.sign_in("at.home")
        shoot(desk, "home-before")
        page.click("a[href$='/device-data']")
        page.wait_for_selector("#send")
        shoot(desk, "send")
        page.set_input_files("#files", [tmp_path / "export.csv", tmp_path / "scale.csv"])
        assert page.locator("#chosen").inner_text().startswith("2 · ")
        page.click("#send button")
        page.wait_for_selector("[data-import=done]")
        assert page.locator("[data-new]").inner_text() == "896"
        assert WORDS[language][0] in page.locator("#asks").inner_text()
        shoot(desk, "asks")
        page.select_option("#zone", "Asia/Shanghai")
        page.select_option("#unit-glucose", index=1)
        page.click("#asks form button.primary")
        page.wait_for_selector("[data-import=done] [data-new='3']")
        assert page.locator("#asks").count() == 0
        shoot(desk, "read")
        page.goto(f"{base}/cases/{patient}/device-data")
        assert page.locator(".imports li").count() == 2
        shoot(desk, "sent")
        page.goto(f"{base}/cases/{patient}/home?period=all")
        page.fill("#where", "Third floor, left")
        page.click("#location button.primary")
        page.wait_for_selector("#location button.danger")
        shoot(desk, "home-after")
        assert desk.complaints == []
        desk.close()
    clinic.store.close()


@seen(PHONE)
def test_too_much_is_told_before_it_is_sent_and_a_running_import_tells_how_far_it_is(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic = scene.open_clinic(tmp_path / "home", max_upload_mb=1)
    patient = scene.admit(clinic)
    (tmp_path / "big.csv").write_bytes(b"x" * (1024 * 1024 + 1))
    now, name = datetime.now(UTC), f"import-{patient}-{'0' * 24}"
    clinic.jobs.known[name] = JobStatus(
        id=name, kind="import", state="running", person=scene.CLINICIAN.id, patient=patient,
        step="import:1250000", created=now, updated=now, upload="a" * 32,
    )  # fmt: skip
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(30_000)
        desk.sign_in()
        page.goto(f"{base}/cases/{patient}/device-data")
        page.set_input_files("#files", tmp_path / "big.csv")
        page.wait_for_selector("#too-large:visible")
        assert page.locator("#send button").is_disabled()
        shoot(desk, "too-large")
        page.goto(f"{base}/cases/{patient}/device-data/{name}")
        page.wait_for_selector("[data-import=running]")
        assert "1,250,000" in page.locator(".big-count").inner_text()
        shoot(desk, "running")
        clinic.jobs.known[name] = clinic.jobs.known[name].model_copy(
            update={"state": "failed", "error": {"code": "x", "got": "the files are not there any "
                    "more", "expected": "files that wait", "todo": "send them again"}}
        )  # fmt: skip
        page.wait_for_selector("[data-import=failed]")
        shoot(desk, "failed")
        assert desk.complaints == []
        desk.close()
    clinic.store.close()


def furnished(home: Path) -> tuple[scene.Clinic, dict[str, str]]:
    """Return a bay with listed beds and devices, some of which say what cannot be."""
    clinic = scene.open_clinic(home)
    bay = bay_scene.furnish(clinic)
    li, wang, smith, zhao = bay.patients.values()
    wards = Wards(clinic.store, scene.CLINICIAN, "treatment")
    (icu,) = wards.list()
    wards.define(Ward("icu", icu.name, icu.ladder, icu.budget, beds=tuple("123456")))
    wards.define(Ward("west-3", "West 3", beds=("301", "302")))
    wards.place(zhao, "", "")
    wards.share_location(li, {"text": "Room 2, by the window"})
    devices = Devices(clinic.store, scene.CLINICIAN, "treatment")
    door = Door(clinic.store)
    for name, patient, ahead in (("monitor-1", li, 0), ("watch-2", wang, 9_000)):
        token = devices.add(name, patient)
        at = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
        said = f'{{"token":"{token}","code":"8867-4","unit":"/min","at":"{at}","value":72}}'
        door.receive([Message(name, said.encode())])
    door.receive([Message("who-is-this", b'{"code":"8867-4"}')])
    devices.add("pump-old", smith)
    devices.revoke("pump-old", "returned to the store")
    return clinic, {"li": li, "wang": wang, "smith": smith, "zhao": zhao}


@seen(DESK)
def test_a_device_is_enrolled_and_revoked_and_what_was_set_aside_is_opened(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic, patients = furnished(tmp_path / "home")
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(30_000)
        desk.sign_in()
        page.goto(f"{base}/devices")
        shoot(desk, "devices")
        page.fill("#device", "cuff-7")
        page.select_option("#patient", patients["smith"])
        page.click(".enrol button")
        page.wait_for_selector("#token")
        assert len(page.locator("#token").inner_text()) > 40
        shoot(desk, "token")
        page.goto(f"{base}/devices")
        row = page.locator("tr[data-device=cuff-7]")
        row.locator("summary").click()
        row.locator("input[name=reason]").fill("given to somebody else")
        shoot(desk, "revoke")
        row.locator("details button").click()
        page.wait_for_selector("tr.ended[data-device=cuff-7]")
        page.goto(f"{base}/devices/set-aside")
        shoot(desk, "set-aside")
        page.click("tr[data-state=future] a.button")
        page.wait_for_selector(".said")
        shoot(desk, "messages")
        assert desk.complaints == []
        desk.close()
        admin = Desk(browser, base, language, size)
        admin.page.set_default_timeout(30_000)
        admin.sign_in(scene.ADMINISTRATOR.id)
        admin.page.goto(f"{base}/devices")
        shoot(admin, "admin-devices")
        admin.page.goto(f"{base}/devices/set-aside")
        shoot(admin, "admin-set-aside")
        admin.page.click("tr[data-state=unknown-device] a.button")
        admin.page.wait_for_selector(".said")
        assert admin.complaints == []
        admin.close()
    clinic.store.close()


@seen(PHONE)
def test_patients_are_put_to_bed_and_discharged(
    tmp_path: Path, browser: Any, language: str, size: str
) -> None:
    clinic, patients = furnished(tmp_path / "home")
    zhao = patients["zhao"]
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    with served(app) as base:
        desk = Desk(browser, base, language, size)
        page = desk.page
        page.set_default_timeout(30_000)
        desk.sign_in()
        page.goto(f"{base}/wards")
        shoot(desk, "wards")
        bed = page.locator("#w-west-3 [data-bed='302']")
        bed.locator("select").select_option(zhao)
        bed.locator("button").click()
        page.wait_for_selector(f"#w-west-3 [data-bed='302'] a[href='/cases/{zhao}']")
        one = page.locator("#w-icu [data-bed='1']")
        one.locator("summary").click()
        shoot(desk, "move")
        one.locator("button.danger").first.click()
        page.wait_for_selector(".message.warn")
        assert "monitor-1" in page.locator(".message.warn").inner_text()
        shoot(desk, "discharged")
        page.goto(f"{base}/ward?ward=icu")
        shoot(desk, "ward")
        desk.page.goto(f"{base}/cases/{patients['li']}")
        shoot(desk, "case")
        assert desk.complaints == []
        desk.close()
    clinic.store.close()
