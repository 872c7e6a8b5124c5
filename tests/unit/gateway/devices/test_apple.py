"""Apple Health exports: fractions, offsets, nested pressures, hostile and broken files, memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suwen.gateway.devices import apple
from suwen.gateway.devices.sample import Problems, Source

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n{type}]>\n<HealthData>\n'
WATCH = "&lt;&lt;HKDevice: 0x28{mark}&gt;, name:Apple Watch, hardware:Watch6,2, software:9.4&gt;"


def record(kind: str, value: str, unit: str, start: str = "2026-03-01 08:00:00 +0800") -> str:
    return (
        f'<Record type="HKQuantityTypeIdentifier{kind}" sourceName="Anna Li" unit="{unit}" '
        f'device="{WATCH.format(mark=abs(hash((kind, value))) % 1000)}" startDate="{start}" '
        f'endDate="{start}" value="{value}"/>\n'
    )


def export(*records: str, kinds: str = "<!ELEMENT HealthData ANY>\n") -> str:
    return HEAD.format(type=kinds) + "".join(records) + "</HealthData>"


def test_percentages_are_fractions_and_dates_have_their_offset(read: Callable[..., Any]) -> None:
    found = read(
        export(
            record("OxygenSaturation", "0.97", "%"),
            record("BodyTemperature", "98.6", "degF"),
            record("BloodGlucose", "5.5", "mmol&lt;180.1558800000541&gt;/L"),
        )
    )
    at = "2026-03-01 00:00:00"
    assert found.format == "Apple Health"
    assert found.values == [
        ("oxygen_saturation", 97.0, at), ("temperature", 37.0, at), ("glucose", 5.5, at),
    ]  # fmt: skip


def test_both_hours_of_a_night_when_clocks_go_back_are_kept_apart(
    read: Callable[..., Any],
) -> None:
    found = read(
        export(
            record("HeartRate", "60", "count/min", "2025-11-02 01:30:00 -0400"),
            record("HeartRate", "61", "count/min", "2025-11-02 01:30:00 -0500"),
        )
    )
    assert [at for _, _, at in found.values] == ["2025-11-02 05:30:00", "2025-11-02 06:30:00"]


def test_the_device_is_the_model_and_never_the_owners_name(read: Callable[..., Any]) -> None:
    found = read(
        export(record("HeartRate", "60", "count/min"), record("HeartRate", "61", "count/min"))
    )
    (device,) = {one.channel.device for one in found.readings}
    assert device.startswith("apple/Watch6,2/")
    assert "Anna" not in device


def test_sleep_counts_as_sleep_and_as_its_stage_time_in_bed_as_neither(
    read: Callable[..., Any],
) -> None:
    stretch = (
        '<Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="W" '
        'startDate="2026-03-01 23:00:00 +0000" endDate="2026-03-01 23:45:00 +0000" value="{}"/>'
    )
    found = read(
        export(
            stretch.format("HKCategoryValueSleepAnalysisAsleepDeep"),
            stretch.format("HKCategoryValueSleepAnalysisInBed"),
        )
    )
    assert [(key, value) for key, value, _ in found.values] == [("sleep", 45), ("sleep_deep", 45)]


def test_an_export_of_somebody_else_is_refused_before_any_reading(
    read: Callable[..., Any],
) -> None:
    me = '<Me HKCharacteristicTypeIdentifierDateOfBirth="1970-01-31"/>'
    text = export(me, record("HeartRate", "60", "count/min"))
    assert len(read(text, born="1970-01-31").readings) == 1
    assert len(read(text).readings) == 1
    found = read(text, born="1982-07-01")
    assert not found.readings
    assert found.error is not None
    assert "1970" not in str(found.error)


def test_a_large_calorie_is_a_thousand_small_ones(read: Callable[..., Any]) -> None:
    found = read(
        export(record("ActiveEnergyBurned", "5", "Cal"), record("ActiveEnergyBurned", "5", "cal"))
    )
    assert [value for _, value, _ in found.values] == [5]
    assert sum(found.refused.values()) == 1


def test_what_is_not_kept_is_counted_by_its_type(read: Callable[..., Any]) -> None:
    found = read(export(*[record("WalkingStepLength", "70", "cm")] * 3))
    assert not found.readings
    assert found.left == {"Apple WalkingStepLength": 3}


def test_a_document_type_that_is_not_well_formed_does_not_matter(
    read: Callable[..., Any],
) -> None:
    broken = "<!ATTLIST Record\n  type CDATA #REQUIRED\n  type CDATA #REQ>\n<!ELEMENT ( >\n"
    assert len(read(export(record("HeartRate", "60", "count/min"), kinds=broken)).readings) == 1


def test_entities_are_never_resolved(read: Callable[..., Any]) -> None:
    bomb = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">'
    for name in ("b", "c"):
        text = export(record("HeartRate", f"6&{name};", "count/min"), kinds=bomb)
        found = read(text)
        assert not found.readings
        assert found.error is not None
        assert "passwd" not in str(found.error)


def test_entities_behind_a_long_comment_are_refused_too(read: Callable[..., Any]) -> None:
    text = (
        f'<?xml version="1.0"?>\n<!-- <HealthData > {" " * 70_000} -->\n<!DOCTYPE HealthData '
        '[<!ENTITY a "6"><!ENTITY b "&a;0">]>\n<HealthData><Record value="&b;"/></HealthData>'
    )
    found = read(text)
    assert not found.readings
    assert found.error is not None
    assert "entities" in found.error.got


def test_a_tag_without_an_end_does_not_fill_the_memory(read: Callable[..., Any]) -> None:
    found = read(f'<HealthData ><Record type="{"x" * 3_000_000}')
    assert found.error is not None
    assert "longer than any" in found.error.got


def test_a_file_cut_off_keeps_what_came_before_and_says_so_once(
    read: Callable[..., Any],
) -> None:
    whole = export(*[record("HeartRate", str(60 + n), "count/min") for n in range(5)])
    found = read(whole[: whole.rindex("<Record")])
    assert len(found.readings) == 4
    assert found.error is not None
    assert found.error.got.endswith("not well formed from line 10 on")


def test_memory_does_not_grow_with_the_export(tmp_path: Path) -> None:
    peaks = []
    for count in (500, 5000):
        path = tmp_path / "export.xml"
        parts = (
            record("HeartRate", str(60 + n % 50), "count/min").replace("0x28", f"0x{n:x}")
            for n in range(count)
        )
        path.write_text(export(*parts), encoding="utf-8")
        tracemalloc.start()
        source = Source("export.xml", 0, lambda path=path: path.open("rb"))  # type: ignore[misc]
        assert sum(1 for _ in apple.samples(source, Problems())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


def test_a_closed_file_is_read_from_its_beginning_each_time() -> None:
    data = export(record("HeartRate", "60", "count/min")).encode()
    source = Source("x", len(data), lambda: io.BytesIO(data))
    assert [len(list(apple.samples(source, Problems()))) for _ in range(2)] == [1, 1]
