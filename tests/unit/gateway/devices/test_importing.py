"""An export into the store: once, however often; what belongs in the record; broken files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suwen.core.errors import BadInput, NotFound, UnsafeInput
from suwen.gateway.devices import importing
from suwen.gateway.devices.files import sources
from suwen.gateway.devices.importing import Imported, import_readings
from suwen.gateway.devices.record import PER_DAY, observed
from suwen.health.early_warning.vital_set import variables
from suwen.health.facts.measured import values_of
from suwen.health.readings.doubts import sorted_out
from suwen.records import Access, Person, Store
from suwen.records.streams.seen import Streams

NOW = datetime(2026, 11, 27, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 4, 1, tzinfo=UTC)

Importer = Callable[[], Imported]


@pytest.fixture
def patient(access: Access) -> str:
    """A patient of the store."""
    name = access.new_patient([("urn:test", "1")])
    access.put([{"resourceType": "Patient", "id": name}], name)
    return name


@pytest.fixture
def streams(store: Store) -> Streams:
    """The sample store, for the same clinician."""
    return Streams(store, Person("li.na", "Dr. Li Na", "clinician"), "treatment")


@pytest.fixture
def bring(folder: Path, access: Access, streams: Streams, patient: str) -> Importer:
    """A function that imports what is in the folder."""

    def run() -> Imported:
        files = sources(folder, ZoneInfo("Asia/Shanghai"))
        done = import_readings(files, patient, streams, NOW)
        observed(done, patient, streams, lambda made: access.put(made, patient))
        return done

    return run


def table(*rows: tuple[str, datetime, float, str]) -> str:
    lines = [f"{code},{at.isoformat()},{value},{unit}" for code, at, value, unit in rows]
    return "\n".join(("code,time,value,unit", *lines))


def watch(seconds: int) -> str:
    return table(*(("8867-4", START + timedelta(seconds=n), 70, "/min") for n in range(seconds)))


def cuff(at: datetime, upper: float = 128) -> list[tuple[str, datetime, float, str]]:
    return [("8480-6", at, upper, "mm[Hg]"), ("8462-4", at, 80, "mm[Hg]")]


def test_importing_again_adds_no_reading_and_no_observation(
    folder: Path, bring: Importer, access: Access, patient: str
) -> None:
    (folder / "a.csv").write_text(table(*cuff(START), ("29463-7", START, 70.5, "kg")))
    first, second = bring(), bring()
    assert (first.stored, first.absorbed) == (3, 0)
    assert (second.stored, second.absorbed) == (0, 3)
    assert first.observations == second.observations == 2
    records = access.search("Observation", patient)
    assert len(records) == 2
    assert all(record.reference.endswith("/_history/1") for record in records)


def test_a_cuff_reaches_the_record_a_watch_stays_in_the_sample_store(
    folder: Path, bring: Importer, access: Access, streams: Streams, patient: str
) -> None:
    (folder / "watch.csv").write_text(watch(PER_DAY + 1))
    (folder / "cuff.csv").write_text(table(*cuff(START), *cuff(START + timedelta(hours=8), 131)))
    done = bring()
    assert done.stored == PER_DAY + 1 + 4
    (stretch,) = streams.read(patient, "8867-4", START, LATER)
    assert len(stretch) == PER_DAY + 1
    assert not access.search("Observation", patient, code="8867-4")
    seen = [one for one in values_of(access.case(patient), variables()) if one.value > 100]
    assert [(one.variable, one.value) for one in seen] == [
        ("systolic_bp", 128),
        ("systolic_bp", 131),
    ]


def test_what_a_cuff_measured_during_a_walk_says_so_in_the_record(
    folder: Path, bring: Importer, access: Access, patient: str
) -> None:
    walk = [
        ("55423-8", START + timedelta(minutes=60 + n), 104.0, "{steps}") for n in range(PER_DAY + 9)
    ]
    still, walking = cuff(START), cuff(START + timedelta(minutes=70), 165)
    scale = ("29463-7", START + timedelta(minutes=71), 70.5, "kg")
    (folder / "a.csv").write_text(table(*walk, *still, *walking, scale))
    bring()
    bring()
    states = {
        one.content["effectiveDateTime"][11:16]: [
            x["valueCode"] for x in one.content.get("extension", ())
        ]
        for one in access.search("Observation", patient)
    }
    assert states == {"00:00": [], "01:10": ["motion"], "01:11": []}
    values, doubts = sorted_out(access.case(patient), variables())
    assert [one.value for one in values] == [128], "a weight is none of these variables"
    assert [(one.claimed, one.kind) for one in doubts] == [("165 mmHg", "motion")]


def test_the_lower_pressure_that_comes_later_joins_the_upper_one(
    folder: Path, bring: Importer, access: Access, patient: str
) -> None:
    upper, lower = cuff(START)
    (folder / "a.csv").write_text(table(upper))
    bring()
    (folder / "a.csv").write_text(table(lower))
    bring()
    (panel,) = access.search("Observation", patient)
    values = [part["valueQuantity"]["value"] for part in panel.content["component"]]
    assert values == [128, 80]


def test_another_value_at_the_same_moment_is_told_and_the_first_stays(
    folder: Path, bring: Importer, access: Access, patient: str
) -> None:
    (folder / "a.csv").write_text(table(("29463-7", START, 70.5, "kg")))
    bring()
    (folder / "a.csv").write_text(table(("29463-7", START, 71.5, "kg")))
    done = bring()
    assert (done.stored, done.conflicting) == (0, 1)
    (record,) = access.search("Observation", patient)
    assert record.content["valueQuantity"]["value"] == 70.5


def test_a_broken_file_among_others_costs_only_its_own_rest(folder: Path, bring: Importer) -> None:
    (folder / "b.json").write_text('{"resourceType": "Observation", ')
    (folder / "c.csv").write_text(table(("29463-7", START, 70.5, "kg")))
    (folder / "LICENSE").write_text("Apache License, Version 2.0\nSee the notice.\n")
    done = bring()
    assert done.stored == 1
    assert done.unknown == ["LICENSE"]
    ((name, error),) = done.errors
    assert (name, error.got) == ("b.json", "JSON that is not well formed")


def test_batches_hold_no_more_than_they_should(
    folder: Path, bring: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    (folder / "watch.csv").write_text(watch(35))
    done = bring()
    assert done.stored == 35
    (tally,) = done.channels.values()
    assert tally.count == 35


def test_what_was_refused_names_the_file_and_the_place_and_no_value(
    folder: Path, bring: Importer
) -> None:
    (folder / "a.csv").write_text(table(("8310-5", START, 98.6, "Cel"), *cuff(START)))
    done = bring()
    ((reason, told),) = done.problems.refused.items()
    assert "not possible" in reason.en
    assert (told.count, told.first) == (1, "a.csv, value 1")
    assert "98.6" not in json.dumps([reason.en, reason.zh, told.first])


def test_a_folder_without_any_export_is_one_clear_error(folder: Path, bring: Importer) -> None:
    (folder / "note.txt").write_text("Cough for two days.")
    with pytest.raises(BadInput, match="no file that is a known export"):
        bring()
    with pytest.raises(NotFound):
        list(sources(folder / "nowhere", None))


def test_an_archive_is_read_in_place(folder: Path, bring: Importer) -> None:
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/cuff.csv", table(*cuff(START)))
        archive.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
    done = bring()
    assert done.stored == 2
    assert done.unknown == ["export.zip/apple_health_export/export_cda.xml"]


def test_an_archive_that_blows_up_is_refused(folder: Path, bring: Importer) -> None:
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.xml", b" " * 3_000_000)
    with pytest.raises(UnsafeInput, match="blows up"):
        bring()


def test_an_archive_whose_member_is_broken_costs_its_rest_only(
    folder: Path, bring: Importer
) -> None:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", table(*cuff(START)))
        archive.writestr("b.csv", table(("29463-7", START, 70.5, "kg")))
    path.write_bytes(path.read_bytes().replace(b",128,", b",129,", 1))
    done = bring()
    assert [name for name, _ in done.errors] == ["export.zip/a.csv"]
    assert any(channel.code == "29463-7" for channel in done.channels)


def test_links_are_not_followed(folder: Path, tmp_path: Path, bring: Importer) -> None:
    (tmp_path / "secret.csv").write_text(table(*cuff(START)))
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "a.csv").write_text(table(("29463-7", START, 70.5, "kg")))
    assert bring().stored == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PK\x03\x04rest", "compressed"),
        (b"[" * 100_000, "not well formed"),
        (b'{"a": \xff}', "not well formed"),
        (b"<html></html>", "no known export"),
        (b"", "no known export"),
    ],
)
def test_files_that_cannot_be_read_say_why(
    read: Callable[..., Any], content: bytes, name: str
) -> None:
    error = read(content).error
    assert error is not None
    assert name in error.got
