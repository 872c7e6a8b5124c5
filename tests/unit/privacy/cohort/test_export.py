"""A cohort appears whole or not at all, and its report tells what was done in both languages."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from suwen.core.errors import BadInput
from suwen.privacy.cohort.export import write
from suwen.privacy.cohort.made import Goal
from suwen.privacy.cohort.rows import Rows

ROWS = Rows(
    [
        {"age": str(20 + i % 60), "sex": "FM"[i % 2], "illness": ("gout", "asthma")[i // 2 % 2]}
        for i in range(120)
    ],
    {"age": "age", "sex": "category"},
    ("MRN", "Name"),
)
GOAL = Goal(k=5, sensitive=("illness",), diversity=2)


@pytest.mark.parametrize("local", [False, True])
def test_everyone_in_the_table_has_four_others_alike(tmp_path: Path, local: bool) -> None:
    told: list[object] = []
    done = write(ROWS, {}, GOAL, tmp_path / "out", told.append, local=local)
    with (tmp_path / "out" / "cohort.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert min(Counter((row["age"], row["sex"]) for row in rows).values()) >= 5
    assert rows == sorted(rows, key=lambda row: tuple(row.values()))
    assert told == [{name: done.report[name] for name in ("rows", "released", "suppressed", "k")}]
    lines = (tmp_path / "out" / "cohort.ndjson").read_text().splitlines()
    assert len(lines) == len(rows)
    assert {json.loads(line)["gender"] for line in lines} <= {"female", "male", "unknown"}


def test_the_report_names_what_was_done_in_both_languages(tmp_path: Path) -> None:
    write(ROWS, {}, GOAL, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["l"]["illness"] == 2
    assert report["columns_left_out"] == ["MRN", "Name"]
    english = (tmp_path / "out" / "report.en.md").read_text()
    chinese = (tmp_path / "out" / "report.zh.md").read_text()
    assert f"{report['released']} of 120 people are released" in english
    assert "illness | 2" in english
    assert "MRN, Name" in english
    assert f"释出 {report['released']} 人" in chinese
    assert "岁一组" in chinese


def test_the_page_of_the_report_stands_alone_and_escapes_what_columns_say(tmp_path: Path) -> None:
    rows = [{**row, "<b>illness": row["illness"]} for row in ROWS.rows]
    done = write(
        Rows(rows, {"age": "age", "sex": "category"}, ("<script>",)),
        {},
        Goal(k=5, sensitive=("<b>illness",), diversity=2),
        tmp_path / "out",
    )
    for language, tag in (("en", "en"), ("zh", "zh-Hans")):
        page = (tmp_path / "out" / f"report.{language}.html").read_text()
        assert f'<html lang="{tag}">' in page
        assert "<b>illness" not in page
        assert "<script" not in page
        assert "http" not in page, "nothing from elsewhere"
        for picture in re.findall(r"<svg.*?</svg>", page):
            assert 'role="img"' in picture
            assert "<title>" in picture
        assert page.count("<svg") == 2
        assert f"{done.report['loss']['age']:.3f}" in page
        assert page.count('<th scope="col">') == 7
    sizes = done.report["class_sizes"]
    assert sum(int(size) * n for size, n in sizes.items()) == done.report["released"]
    assert sum(sizes.values()) == done.report["classes"]


def test_below_k_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot reach k = 200"):
        write(ROWS, {}, Goal(k=200), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_column_can_be_said_to_be_no_quasi_identifier(tmp_path: Path) -> None:
    done = write(ROWS, {"sex": "none"}, GOAL, tmp_path / "out")
    assert list(done.report["generalisation"]) == ["age"]
    with pytest.raises(BadInput, match="already"):
        write(ROWS, {}, GOAL, tmp_path / "out")
    with pytest.raises(BadInput, match="height"):
        write(ROWS, {"height": "age"}, GOAL, tmp_path / "other")
