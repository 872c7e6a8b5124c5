"""Tables of vital signs in: CSV with a time column and vital signs as columns or as rows.

Wide: `time, heart_rate, temperature (°C), 收缩压`; a unit stands in the header or in a column
`<vital> unit`. Long: `time, name, value, unit`. Delimiters: comma, semicolon, tab.
A value without a clear unit, an impossible one, or a row without a clear time is refused, with its
row number and never its value.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from itertools import islice

from suwen.gateway.identity import TABLE_ID, meaningful
from suwen.gateway.intake import Claim, SourceFile
from suwen.gateway.intake import Reading as Intake
from suwen.gateway.vitals import (
    PRESSURE,
    Reading,
    Vital,
    observations,
    plain_name,
    plain_unit,
    vocabulary,
)

DELIMITERS = ",;\t"
ROW_CAP = 20_000
"""Most rows read, two weeks at one a minute: an Observation in the making takes about 10 kB."""
HEAD = 1_000_000
"""Characters in which the first lines are looked for."""
TOLD_ROWS = 10
_UNIT_IN_HEADER = re.compile(r"^(?P<name>.+?)\s*[(（\[【](?P<unit>[^()（）【】]+)[)）\]】]\s*$")
_SPLIT_PRESSURE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[/／]\s*(\d+(?:\.\d+)?)\s*")
_AMBIGUOUS = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}")
_ISO_LIKE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]*(\d{1,2})[:：时点](\d{1,2})(?:[:：分](\d{1,2})(?:\.\d+)?秒?)?分?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)


@dataclass(frozen=True)
class Column:
    """What one column holds: a vital sign with its unit, or one of the other roles."""

    role: str
    unit: str = ""


@dataclass
class Told:
    """Rows that were refused and why, the reason given in both languages."""

    rows: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, row: int, en: str, zh: str) -> None:
        """Note one refused row."""
        self.rows.setdefault((en, zh), []).append(row)


def rows_of(text: str) -> list[list[str]] | None:
    """Return the cells of a delimited table, or None when the text is none.

    At most one row more than `ROW_CAP` is returned: it says that there are more.
    """
    lines = [line for line in text[:HEAD].splitlines()[:3] if line.strip()]
    if len(lines) < 2:
        return None
    counts = {mark: lines[0].count(mark) for mark in DELIMITERS}
    mark = max(counts, key=lambda one: counts[one])
    if counts[mark] == 0 or any(
        line.count(mark) != counts[mark] for line in lines if '"' not in line
    ):
        return None
    try:
        rows = islice(csv.reader(_lines(text), delimiter=mark), ROW_CAP + 1)
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error:
        return None


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends, no copy of the whole."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def is_vitals(rows: list[list[str]]) -> bool:
    """Say whether the header names a time and at least one vital sign, or a long table."""
    roles = {column.role for column in _columns(rows[0])}
    wide = roles & (vocabulary().vitals.keys() | {"pressure"})
    return "time" in roles and (bool(wide) or {"name", "value"} <= roles)


def read_vitals(
    file: SourceFile, rows: list[list[str]], reading: Intake, zone: tzinfo | None
) -> None:
    """Add the vital signs of one table; `zone` is taken for times that name none."""
    columns = _columns(rows[0])
    if _claims(file, columns, rows, reading) > 1:
        return  # of several patients: the identity guard refuses it, whatever it holds
    told = Told()
    found: list[Reading] = []
    for number, row in enumerate(rows[1:ROW_CAP], 2):
        if any(row):
            found.extend(_row(columns, row, number, told, zone))
    if len(rows) > ROW_CAP:
        told.add(
            ROW_CAP + 1,
            f"only the first {ROW_CAP} rows are read; `suwen import` takes them all",
            f"仅读取前 {ROW_CAP} 行；如需全部，请用 `suwen import` 导入",
        )
    for (en, zh), numbers in told.rows.items():
        shown = ", ".join(map(str, numbers[:TOLD_ROWS])) + ("…" if len(numbers) > TOLD_ROWS else "")
        plural = "row" if len(numbers) == 1 else "rows"
        reading.refuse(file.name, f"{plural} {shown}: {en}", f"第 {shown} 行：{zh}")
    ignored = [cell for cell, column in zip(rows[0], columns, strict=True) if not column.role]
    if ignored:
        count = len(ignored)
        reading.refuse(
            file.name, f"{count} column(s) are not vital signs", f"有 {count} 列不是生命体征"
        )
    if not found:
        reading.refuse(file.name, "no value could be taken", "没有可用的数值")
        return
    reading.blobs.append(file.blob("text/csv"))
    made = {one["id"]: one for one in observations(found)}
    reading.resources.extend(
        {**one, "meta": {"source": f"blob/{file.digest}"}} for one in made.values()
    )
    counts = Counter(one.vital.key for one in found)
    vitals = vocabulary().vitals
    en = ", ".join(f"{n} {vitals[key].text.en.lower()}" for key, n in sorted(counts.items()))
    zh = "，".join(f"{vitals[key].text.zh} {n}" for key, n in sorted(counts.items()))
    reading.accept(f"vital signs: {en}", f"生命体征：{zh}")


def _columns(header: list[str]) -> list[Column]:
    out: list[Column] = []
    for cell in header:
        match = _UNIT_IN_HEADER.match(cell)
        name, unit = (match["name"], match["unit"]) if match else (cell, "")
        out.append(_column(plain_name(name), unit))
    return out


def _column(name: str, unit: str) -> Column:
    known = vocabulary()
    if name in known.names:
        return Column(known.names[name], unit)
    for suffix in (" unit", " units", "单位"):
        stem = name.removesuffix(suffix)
        if stem != name and stem in known.names:
            return Column(f"unit of {known.names[stem]}")
    for role, words in known.columns.items():
        if name in words:
            return Column(role, unit)
    head, _, tail = name.rpartition(" ")
    if head in known.names and plain_unit(tail) in known.vitals[known.names[head]].units:
        return Column(known.names[head], tail)
    return Column("")


def _row(
    columns: list[Column], row: list[str], number: int, told: Told, zone: tzinfo | None
) -> Iterator[Reading]:
    cells: dict[str, tuple[str, str]] = {}
    for column, cell in zip(columns, row, strict=False):
        if column.role and cell:
            cells.setdefault(column.role, (cell, column.unit))
    time = time_of(" ".join(_times(columns, row)), zone)
    if time is None:
        told.add(
            number,
            "the time is missing or not clear (use YYYY-MM-DD HH:MM)",
            "时间缺失或不明确（请使用 YYYY-MM-DD HH:MM）",
        )
        return
    for key, text, unit in _values(cells, number, told):
        vital = vocabulary().vitals[key]
        value = _value(vital, text, unit, number, told)
        if value is not None:
            yield Reading(vital, value, time)


def _times(columns: list[Column], row: list[str]) -> list[str]:
    """Return the cells of the time columns: a date and a time may stand in two."""
    return [
        cell for column, cell in zip(columns, row, strict=False) if column.role == "time" and cell
    ]


def _values(
    cells: dict[str, tuple[str, str]], number: int, told: Told
) -> Iterator[tuple[str, str, str]]:
    """Yield (vital, text, unit) of one row."""
    known = vocabulary()
    if "name" in cells and "value" in cells:
        key = known.names.get(plain_name(cells["name"][0]))
        pressure = plain_name(cells["name"][0]) in known.columns["pressure"]
        unit = cells.get("unit", ("", ""))[0]
        if pressure:
            yield from _pressure(cells["value"][0], unit, number, told)
        elif key is None:
            told.add(number, "the vital sign is not known", "未知的生命体征名称")
        else:
            yield key, cells["value"][0], unit
        return
    for key in known.vitals:
        if key in cells:
            text, unit = cells[key]
            yield key, text, cells.get(f"unit of {key}", (unit, ""))[0] or unit
    if "pressure" in cells:
        yield from _pressure(*cells["pressure"], number, told)


def _pressure(text: str, unit: str, number: int, told: Told) -> Iterator[tuple[str, str, str]]:
    match = _SPLIT_PRESSURE.fullmatch(text)
    if match is None:
        told.add(
            number, "the blood pressure is not written as 120/80", "血压格式应为“收缩压/舒张压”"
        )
        return
    for key, part in zip(PRESSURE, match.groups(), strict=True):
        yield key, part, unit


def _value(vital: Vital, text: str, unit: str, number: int, told: Told) -> float | None:
    name, range_ = vital.text, f"{vital.low:g}-{vital.high:g} {vital.unit}"
    try:
        given = float(text.replace("，", ".").removesuffix("%"))
    except ValueError:
        told.add(number, f"{name.en.lower()} is not a number", f"{name.zh}不是数字")
        return None
    if not unit and not vital.assume:
        told.add(number, f"{name.en.lower()} has no unit", f"{name.zh}缺少单位")
        return None
    value = vital.canonical(given, unit or vital.unit)
    if value is None:
        told.add(
            number,
            f"{name.en.lower()} has a unit that is not known",
            f"{name.zh}的单位无法识别",
        )
        return None
    if not vital.plausible(value):
        told.add(
            number,
            f"{name.en.lower()} is not plausible (expected {range_})",
            f"{name.zh}数值不合理（应为 {range_}）",
        )
        return None
    return value


def time_of(text: str, zone: tzinfo | None) -> str | None:
    """Return a FHIR dateTime, or None when the time is not clear.

    A time without a zone is taken in `zone` (None: this machine's). `03/04/2026` is not clear.
    """
    found = read_time(text)
    if not isinstance(found, datetime):
        return None if found is None else found.isoformat()
    if found.tzinfo is None:
        try:
            found = found.replace(tzinfo=zone) if zone else found.astimezone()
        except (ValueError, OverflowError, OSError):
            return None
    return found.isoformat()


def read_time(text: str) -> datetime | date | None:
    """Return what a text says: a moment with its offset, a local time, a day; None: not clear."""
    text = text.strip()
    match = _ISO_LIKE.fullmatch(text)
    if match is None or _AMBIGUOUS.fullmatch(text):
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
        if hour is None:
            return moment.date()
        return datetime.fromisoformat(f"{moment.isoformat()}{offset}") if offset else moment
    except (ValueError, OverflowError):
        return None


def _claims(file: SourceFile, columns: list[Column], rows: list[list[str]], reading: Intake) -> int:
    """Note whose rows they are, of two patients two; return how many patients there are."""
    place = next((i for i, column in enumerate(columns) if column.role == "patient"), None)
    if place is None:
        return 0
    numbers = {row[place] for row in rows[1:] if len(row) > place and meaningful(row[place])}
    for number in sorted(numbers)[:2]:
        reading.claims.append(
            Claim(file.name, "table of vital signs", frozenset({(TABLE_ID, number)}))
        )
    return len(numbers)
