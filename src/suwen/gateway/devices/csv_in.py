"""Tables of readings in, row by row: any number of rows in bounded memory.

Long: `patient, code, time, value, unit` (the code from LOINC, or a name); wide: a time and a column
a quantity, its unit in the header. Delimiters: comma, semicolon, tab. The words for columns are
those of `knowledge/vital_signs.toml`. All rows have to be of one patient.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from suwen.core.codes import Text
from suwen.core.encodings import decode
from suwen.core.errors import BadInput
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.sample import (
    NO_TIME,
    NOT_A_NUMBER,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.gateway.devices.times import Clock, since_1970
from suwen.gateway.tables import DELIMITERS, read_time
from suwen.gateway.vitals import PRESSURE, plain_name, plain_unit, vocabulary

HEAD: Final = 1 << 16
"""Bytes in which the header is looked for."""
FIELD_CAP: Final = 1 << 16
"""Most characters of a cell."""
LINE_CAP: Final = 1 << 20
"""Characters no line reaches."""
_CODES: Final = frozenset(("code", "loinc", "loinc code", "编码"))
_DEVICES: Final = frozenset(("device", "device id", "source", "设备"))
_UNIT_IN_HEADER: Final = re.compile(
    r"^(?P<name>.+?)\s*[(（\[【](?P<unit>[^()（）【】]+)[)）\]】]\s*$"
)
_PRESSURES: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[/／]\s*(\d+(?:\.\d+)?)\s*")
_EPOCH: Final = re.compile(r"\d{10}(\d{3})?(\.\d+)?")
_NOT_KNOWN: Final = Text(en="the quantity is not known", zh="未知的指标名称或编码")
_CODECS: Final = {"UTF-8": "utf-8-sig", "UTF-16": "utf-16", "GB18030": "gb18030",
                  "Latin-1": "cp1252"}  # fmt: skip


class _Column(NamedTuple):
    role: str
    unit: str = ""


def claims(head: bytes) -> bool:
    """Say whether the first bytes of a file are those of such a table."""
    shape = _shape(head)
    return shape is not None and shape.readable


class _Shape(NamedTuple):
    codec: str
    delimiter: str
    columns: list[_Column]

    @property
    def readable(self) -> bool:
        roles = {column.role for column in self.columns}
        long = bool(roles & {"name", "code"}) and "value" in roles
        return "time" in roles and (
            long or bool(roles & (quantities().by_key.keys() | {"pressure"}))
        )


def _shape(head: bytes) -> _Shape | None:
    """Return how a table is written and what its columns hold; None when it is none."""
    whole = head.rpartition(b"\n")[0] or head
    found = decode(whole)
    if found is None or found.encoding not in _CODECS:
        return None
    first = next((line for line in found.text.splitlines() if line.strip()), "")
    mark = max(DELIMITERS, key=first.count)
    if not first.count(mark):
        return None
    try:
        header = next(csv.reader([first], delimiter=mark))
    except (csv.Error, StopIteration):
        return None
    return _Shape(_CODECS[found.encoding], mark, [_column(cell) for cell in header])


def _column(cell: str) -> _Column:
    match = _UNIT_IN_HEADER.match(cell.strip())
    text, unit = (match["name"], match["unit"]) if match else (cell, "")
    name, known = plain_name(text.lstrip("\ufeff")), quantities()
    if name in _CODES:
        return _Column("code")
    if name in _DEVICES:
        return _Column("device")
    for role, words in vocabulary().columns.items():
        if name in words:
            return _Column(role, unit)
    if name in known.by_name:
        return _Column(known.by_name[name], unit)
    start, _, end = name.rpartition(" ")
    key = known.by_name.get(start)
    if key is not None and plain_unit(end) in known.by_key[key].units:
        return _Column(key, end)
    return _Column("")


def samples(source: Source, problems: Problems) -> Samples:
    """Yield the samples of a table, in the order of its rows.

    Raises
    ------
    BadInput
        The rows are of several patients, or it is no table from some row on; what came before has
        been yielded.
    """
    with source.open() as file:
        shape = _shape(file.read(HEAD))
    if shape is None:
        raise BadInput("a text that is no table of readings", "time, name, value, unit", "")
    _one_patient(source, shape)
    reader = _Rows(shape, Clock(source.zone, problems, "the table"), problems)
    with _rows(source, shape) as rows:
        for number_, row in rows:
            yield from reader.samples(row, number_)


@contextmanager
def _rows(source: Source, shape: _Shape) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Open the table and give its rows after the header, with their numbers."""
    with source.open() as raw:
        text = io.TextIOWrapper(raw, encoding=shape.codec, errors="replace", newline="")
        yield _numbered(text, shape.delimiter)


def _numbered(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    before = csv.field_size_limit(FIELD_CAP)
    place = 0
    try:
        for row in csv.reader(_lines(text), delimiter=delimiter):
            if any(row):
                place += 1
                if place > 1:
                    yield place, [cell.strip() for cell in row]
    except csv.Error:
        raise BadInput(
            f"a table broken after row {place}", "rows of cells", "export it again"
        ) from None
    finally:
        csv.field_size_limit(before)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines with their ends; one longer than any row is none."""
    while line := text.readline(LINE_CAP):
        if len(line) == LINE_CAP:
            raise BadInput(
                f"a line of {LINE_CAP} characters or more", "a table of readings", "check the file"
            )
        yield line


def _one_patient(source: Source, shape: _Shape) -> None:
    place = next((n for n, column in enumerate(shape.columns) if column.role == "patient"), None)
    if place is None:
        return
    first = ""
    with _rows(source, shape) as rows:
        for _, row in rows:
            name = row[place] if place < len(row) else ""
            first = first or name
            if name and name != first:
                raise BadInput(
                    "a table with the rows of several patients",
                    "the rows of one patient",
                    "split it by patient and import each for its own patient",
                )


class _Rows:
    def __init__(self, shape: _Shape, clock: Clock, problems: Problems) -> None:
        self._columns, self._clock, self._problems = shape.columns, clock, problems

    def samples(self, row: list[str], place: int) -> Iterator[Sample]:
        where = f"row {place}"
        cells: dict[str, tuple[str, str]] = {}
        times = []
        for column, cell in zip(self._columns, row, strict=False):
            if column.role == "time" and cell:
                times.append(cell)
            elif column.role and cell:
                cells.setdefault(column.role, (cell, column.unit))
        at = self._time(" ".join(times), where)
        if at is None:
            return
        device = f"csv/{cells['device'][0][:60]}" if "device" in cells else "csv"
        for key, text, unit in self._values(cells, where):
            value = number(text.replace("，", ".").removesuffix("%"))
            if value is None:
                self._problems.refuse(NOT_A_NUMBER, where)
            else:
                yield Sample(key, at, value, unit, device)

    def _time(self, text: str, where: str) -> datetime | None:
        """Return the moment of a row: ISO, Chinese or with slashes, or seconds since 1970."""
        if _EPOCH.fullmatch(text):
            whole = float(text)
            return since_1970(whole / 1000 if len(text.partition(".")[0]) == 13 else whole)
        try:
            found = datetime.fromisoformat(text) if len(text) > 10 else None
        except ValueError:
            found = None
        if found is None:
            read = read_time(text)
            found = read if isinstance(read, datetime) else None
        if found is None:
            self._problems.refuse(NO_TIME, where)
            return None
        return self._clock.of(found, where)

    def _values(
        self, cells: dict[str, tuple[str, str]], where: str
    ) -> Iterator[tuple[str, str, str]]:
        """Yield (quantity, text, unit) of a row, long or wide."""
        if "value" in cells and ("code" in cells or "name" in cells):
            text, own = cells["value"]
            unit = cells.get("unit", (own, ""))[0]
            code, name = (cells.get(role, ("", ""))[0] for role in ("code", "name"))
            key = quantities().by_code.get(code) or self._named(code) or self._named(name)
            if key is None:
                self._problems.refuse(_NOT_KNOWN, where)
            elif key == "pressure":
                yield from self._pressure(text, unit, where)
            else:
                yield key, text, unit
            return
        for role, (text, unit) in cells.items():
            if role in quantities().by_key:
                yield role, text, unit
            elif role == "pressure":
                yield from self._pressure(text, unit, where)

    def _named(self, name: str) -> str | None:
        plain = plain_name(name)
        if plain in vocabulary().columns["pressure"]:
            return "pressure"
        return quantities().by_name.get(plain)

    def _pressure(self, text: str, unit: str, where: str) -> Iterator[tuple[str, str, str]]:
        match = _PRESSURES.fullmatch(text)
        if match is None:
            self._problems.refuse(NOT_A_NUMBER, where)
            return
        for key, part in zip(PRESSURE, match.groups(), strict=True):
            yield key, part, unit
