"""Tables that identify nobody: CSV, semicolon- and tab-separated, column by column.

A column's header says what is in it (`knowledge/table_columns.toml`), else its content; the caller
may say it for each column. The first row names the columns.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from suwen.core.errors import BadInput, UnsafeInput
from suwen.privacy import moments
from suwen.privacy.dicom_profile import KNOWLEDGE
from suwen.privacy.known import Known
from suwen.privacy.person import Cast, Person, personal
from suwen.privacy.postal import zip3

DELIMITERS: Final = ",;\t|"
ROW_CAP: Final = 2_000_000
OLDEST: Final = 89
SAMPLE: Final = 200
ACTIONS: Final = frozenset(
    {"id", "name", "token", "staff", "birth", "date"}
    | {"age", "zip", "num", "code", "prose", "remove"}
)
_MARKS = re.compile(r"[^\w]+|_")
_SENTENCE = re.compile(r"[.。；;!?！？](?:\s|$)|(?:\S+\s+){7}")
"""What no name of a column holds: the end of a sentence, eight words."""
_NUMBER = re.compile(r"[<>]?=?\s?[+-]?\d{1,9}(?:[.,]\d{1,9})?(?:[eE][+-]?\d{1,3})?%?")
_CODE = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][\w./%+:-]{0,15}")


@dataclass(frozen=True)
class Table:
    """A table: header and rows of equal width, and the delimiter."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str


def read(text: str) -> Table | None:
    """Return the table a text holds, None when it is none.

    Raises
    ------
    UnsafeInput
        More than two million rows.
    """
    lines = [line for line in text.splitlines()[:6] if line.strip()]
    if len(lines) < 2:
        return None
    delimiter = max(DELIMITERS, key=lines[0].count)
    count = lines[0].count(delimiter)
    even = all(line.count(delimiter) == count for line in lines if '"' not in line)
    heads = lines[0].split(delimiter)
    short = all(len(cell) <= 60 and not _SENTENCE.search(cell) for cell in heads)
    if not count or not even or not short:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(rows) > ROW_CAP:
        raise UnsafeInput(f"a table of {len(rows)} rows", f"at most {ROW_CAP}", "split it")
    header = [cell.strip() for cell in rows[0]]
    body = [[*row, *[""] * len(header)][: len(header)] for row in rows[1:] if any(row)]
    return Table(header, body, delimiter)


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    content = tomllib.loads((KNOWLEDGE / "table_columns.toml").read_text(encoding="utf-8"))
    return {word: action for action, words in content["columns"].items() for word in words}


def columns(table: Table, said: Mapping[str, str] | None = None) -> list[str]:
    """Return the action on each column.

    Parameters
    ----------
    table
        The table.
    said
        Actions by header, which go before any guess.

    Raises
    ------
    BadInput
        An action or a header is not known, or the first row names no columns.
    """
    said = said or {}
    if unknown := set(said.values()) - ACTIONS:
        raise BadInput(f"no action {sorted(unknown)[0]!r}", f"one of {', '.join(sorted(ACTIONS))}")
    if set(said) - set(table.header):
        raise BadInput("a column that the table has not", "headers of the table", "correct it")
    if any(_NUMBER.fullmatch(cell) or _date(cell) for cell in table.header if cell):
        raise BadInput("a table without a header", "names of the columns in the first row")
    return [
        said.get(name) or _words().get(_MARKS.sub("", name).lower()) or _by_content(table, place)
        for place, name in enumerate(table.header)
    ]


def _date(text: str) -> bool:
    from datetime import timedelta

    return moments.written(text, timedelta(0)) is not None


def _by_content(table: Table, place: int) -> str:
    cells = [row[place].strip() for row in table.rows[:SAMPLE] if row[place].strip()]
    if cells and all(_date(cell) for cell in cells):
        return "date"
    if cells and all(_NUMBER.fullmatch(cell) for cell in cells):
        return "num"
    return "prose"


def keys(table: Table, actions: Sequence[str]) -> list[str]:
    """Return the patient of each row: their number, else their name; empty without either."""
    for wanted in ("id", "name"):
        if wanted in actions:
            place = actions.index(wanted)
            return [row[place].strip() for row in table.rows]
    return [""] * len(table.rows)


def known_of(table: Table, actions: Sequence[str], row: Sequence[str]) -> Known:
    """Return what one row says of its patient."""
    names = [cell for cell, action in zip(row, actions, strict=True) if action == "name"]
    whole = {" ".join(names)} if names and " ".join(names).strip() else set()
    numbers = {
        cell
        for cell, action in zip(row, actions, strict=True)
        if action in ("id", "token", "remove") and cell.strip()
    }
    return Known(frozenset(whole), frozenset(numbers))


def deidentify(
    text: str,
    cast: Cast,
    said: Mapping[str, str] | None = None,
    told: Counter[str] | None = None,
) -> str:
    """Return a table without identity, with its header and delimiter.

    Raises
    ------
    BadInput
        It is no table with a header, or `said` does not fit it.
    UnsafeInput
        It has too many rows.
    """
    table = read(text)
    if table is None:
        raise BadInput("text that is no table", "a header and rows of equal width")
    actions = columns(table, said)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=table.delimiter, lineterminator="\n")
    writer.writerow(
        [
            _header(name, action, cast.common)
            for name, action in zip(table.header, actions, strict=True)
        ]
    )
    named = keys(table, actions)
    known: dict[str, Known] = {}
    for key, row in zip(named, table.rows, strict=True):
        known[key] = known.get(key, Known()) | known_of(table, actions, row)
    works: dict[str, _Work] = {}
    for key, row in zip(named, table.rows, strict=True):
        if (work := works.get(key)) is None:
            person = cast.of(key) if key else cast.common
            own = Person(person.subject, person.known | known[key], person.clean_text)
            work = works[key] = _Work(own, cast.common)
        writer.writerow([work.cell(a, cell) for a, cell in zip(actions, row, strict=True)])
    if told is not None:
        told.update({action: actions.count(action) * len(table.rows) for action in set(actions)})
    return out.getvalue()


def _header(name: str, action: str, common: Person) -> str:
    """Return a header as it may stay: one that nothing knows could be anything, even a name."""
    if _MARKS.sub("", name).lower() in _words():
        return name
    plain = re.fullmatch(r"[^\d@]{1,40}\d{0,2}[^\d@]{0,20}", name) is not None
    return name if plain and common.prose(name) == name else action


class _Work:
    """The de-identification of one row."""

    def __init__(self, person: Person, common: Person) -> None:
        self.person, self.common = person, common
        self.actions: dict[str, Callable[[str], str]] = {
            "id": lambda _: person.subject.pseudonym,
            "name": lambda _: person.subject.pseudonym,
            "token": lambda text: common.subject.token("id", text),
            "staff": lambda text: f"N-{common.subject.token('name', text)[:8].upper()}",
            "birth": lambda text: moments.birth_year(text, person.subject.shift) or "",
            "date": self._date,
            "age": self._age,
            "zip": zip3,
            "num": lambda text: self._shaped(text, _NUMBER),
            "code": lambda text: self._shaped(text, _CODE),
            "prose": self._prose,
            "remove": lambda _: "",
        }

    def cell(self, action: str, text: str) -> str:
        """Return one cell without identity; empty cells stay empty."""
        return self.actions[action](text.strip()) if text.strip() else ""

    def _shaped(self, text: str, shape: re.Pattern[str]) -> str:
        if shape.fullmatch(text) and not personal(text) and not self.person.known.found(text):
            return text
        return self._prose(text)

    def _prose(self, text: str) -> str:
        return self.person.prose(text)

    def _date(self, text: str) -> str:
        return moments.written(text, self.person.subject.shift) or self._prose(text)

    def _age(self, text: str) -> str:
        if not _NUMBER.fullmatch(text):
            return self._prose(text)
        return "90" if float(text.strip("<>=%").replace(",", ".")) > OLDEST else text
