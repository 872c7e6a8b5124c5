"""`suwen import`: what was read, absorbed and refused, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from suwen.app.importing import import_devices
from suwen.app.services import operator
from suwen.cli import ImportRequest, build
from suwen.core.errors import NotFound
from suwen.core.settings import Settings
from suwen.gateway.devices.importing import Imported
from suwen.records import Store

TABLE = """time,systolic,diastolic,temperature (°C)
2026-03-01 08:00,128,80,98.6
2026-03-01 20:00,131,82,37.1
"""


class Application:
    """Stands in for the application, on a store of its own."""

    def __init__(self, home: Settings) -> None:
        self.home = home

    def import_devices(self, request: ImportRequest) -> Imported:
        return import_devices(request, self.home)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def patient(home: Settings) -> str:
    with Store.open(home) as store:
        access = store.session(operator(store), "treatment")
        name = access.new_patient([("urn:test", "1")])
        access.put([{"resourceType": "Patient", "id": name}], name)
    return name


def run(home: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(build(), ["import", *arguments], obj=Application(home))


def test_it_tells_what_was_stored_and_what_was_refused(
    home: Settings, patient: str, tmp_path: Path
) -> None:
    path = tmp_path / "cuff.csv"
    path.write_text(TABLE, encoding="utf-8")
    arguments = (str(path), "--patient", patient, "--zone", "Asia/Shanghai")
    first = run(home, *arguments)
    assert first.exit_code == 0, first.output
    assert "Systolic blood pressure (mmHg): 2, 2026-03-01 00:00 – 2026-03-01 12:00 UTC" in (
        first.output
    )
    assert "stored 5; known already 0; contradicting 0" in first.output
    assert "in the record: 3 Observations" in first.output
    assert "refused: 1 × Body temperature: not possible (expected 20-46 Cel)" in first.output
    assert "98.6" not in first.output
    again = run(home, *arguments, "--lang", "zh")
    assert "新增 0，已有 5，与已存值矛盾 0" in again.output
    assert "拒绝: 1 × 体温：数值不可能" in again.output


def test_a_file_that_breaks_off_is_told_and_the_exit_status_says_so(
    home: Settings, patient: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"resourceType": ')
    done = run(home, str(path), "--patient", patient)
    assert done.exit_code == 1
    assert "not read to its end (a.json): JSON that is not well formed" in done.output


def test_a_patient_who_is_not_there_is_not_made(home: Settings, tmp_path: Path) -> None:
    path = tmp_path / "cuff.csv"
    path.write_text(TABLE, encoding="utf-8")
    done = run(home, str(path), "--patient", "nobody", "--zone", "UTC")
    assert isinstance(done.exception, NotFound)
    with Store.open(home) as store:
        assert store.counts()["patients"] == 0
