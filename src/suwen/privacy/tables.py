"""Tables that identify nobody: CSV, semicolon- and tab-separated, column by column.

A column's header says what is in it (`knowledge/table_columns.toml`), else its content; the caller
may say it for each column. The first row names the columns. A cell that keeps anything of what
stood in it is searched for what identifies anybody of the folder, not its own patient alone: in
prose it is replaced, another cell that equals somebody's number is withheld and counted, unless the
caller said that its column holds numbers.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final

from suwen.core.errors import BadInput, UnsafeInput
from suwen.privacy import moments, withheld
from suwen.privacy.dicom.profile import KNOWLEDGE
from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.person import Cast, Cleaner, Person, personal
from suwen.privacy.words.postal import zip3

DELIMITERS: Final = ",;\t|"
ROW_CAP: Final = 2_000_000
OLDEST: Final = 89
SAMPLE: Final = 200
HEAD: Final = 1_000_000
"""Characters in which the first lines are looked for."""
PERSONS: Final = 4096
"""People whose rows are worked on at a time; the rest are set up again when their row comes."""
ACTIONS: Final = frozenset(
    {"id", "name", "token", "staff", "birth", "date"}
    | {"age", "zip", "num", "code", "prose", "remove"}
)
MADE: Final = frozenset({"id", "name", "token", "staff", "birth", "zip", "remove"})
"""Actions whose cells hold nothing of what stood there, or three digits of it."""
_MARKS = re.compile(r"[^\w]+|_")
_SENTENCE = re.compile(r"[.。；;!?！？](?:\s|$)|(?:\S+\s+){7}")
"""What no name of a column holds: the end of a sentence, eight words."""
_NUMBER = re.compile(r"[<>]?=?\s?[+-]?\d{1,9}(?:[.,]\d{1,9})?(?:[eE][+-]?\d{1,3})?%?")
_CODE = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][\w./%+:-]{0,15}")


@dataclass(frozen=True)
class Table:
    """A table: its header, how many rows it has, and its text, read row by row."""

    header: list[str]
    count: int
    delimiter: str
    text: str = field(repr=False)

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows that hold anything, each as wide as the header."""
        width = len(self.header)
        for row in islice(_parsed(self.text, self.delimiter), 1, None):
            if any(row):
                yield row if len(row) == width else [*row, *[""] * width][:width]


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends, no copy of the whole."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(_lines(text), delimiter=delimiter, strict=True)


def read(text: str) -> Table | None:
    """Return the table a text holds, None when it is none.

    Raises
    ------
    UnsafeInput
        More than two million rows.
    """
    head = "".join(islice(_lines(text[:HEAD]), 6))
    lines = [line for line in head.splitlines()[:6] if line.strip()]
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
        header = [cell.strip() for cell in next(_parsed(text, delimiter))]
        rows = sum(map(any, islice(_parsed(text, delimiter), 1, None)))
    except csv.Error:
        return None
    if rows > ROW_CAP:
        raise UnsafeInput(f"a table of {rows} rows", f"at most {ROW_CAP}", "split it")
    return Table(header, rows, delimiter, text)


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


def said_of(text: str, said: Mapping[str, str]) -> dict[str, str]:
    """Return of actions by header those on columns of a table."""
    table = read(text)
    return {name: act for name, act in said.items() if table and name in table.header}


def _date(text: str) -> bool:
    from datetime import timedelta

    return moments.written(text, timedelta(0)) is not None


def _by_content(table: Table, place: int) -> str:
    cells = [row[place].strip() for row in islice(table.rows(), SAMPLE) if row[place].strip()]
    if cells and all(_date(cell) for cell in cells):
        return "date"
    if cells and all(_NUMBER.fullmatch(cell) for cell in cells):
        return "num"
    return "prose"


def key_of(actions: Sequence[str], row: Sequence[str]) -> str:
    """Return the patient of a row: their number, else their name; empty without either."""
    for wanted in ("id", "name"):
        if wanted in actions:
            return row[actions.index(wanted)].strip()
    return ""


def known_of(actions: Sequence[str], row: Sequence[str]) -> Known:
    """Return what a row says of its patient."""
    name = " ".join(cell for cell, action in zip(row, actions, strict=True) if action == "name")
    numbers = (
        cell
        for cell, action in zip(row, actions, strict=True)
        if action in ("id", "token", "remove") and cell.strip()
    )
    return Known(frozenset({name.strip()} - {""}), frozenset(numbers))


def deidentify(
    text: str,
    cast: Cast,
    said: Mapping[str, str] | None = None,
    told: Counter[str] | None = None,
) -> str:
    """Return a table without identity, with its header and delimiter.

    What a row says of its patient is searched for in all rows of them.

    Raises
    ------
    BadInput
        It is no table with a header, or `said` does not fit it.
    UnsafeInput
        It has too many rows.
    """
    known: dict[str, list[Known]] = {}
    if (table := read(text)) is not None:
        actions = columns(table, said)
        for row in table.rows():
            known.setdefault(key_of(actions, row), []).append(known_of(actions, row))
    everybody = {key: Known.of_all(several) for key, several in known.items()}

    def of(key: str) -> Person:
        person = cast.of(key)
        return Person(person.subject, person.known | everybody[key], person.clean_text)

    return "".join(pieces(text, Cast(cast.common, of), said, told))


def pieces(
    text: str,
    cast: Cast,
    said: Mapping[str, str] | None = None,
    told: Counter[str] | None = None,
    scrub: Cleaner = lambda text: text,
) -> Iterator[str]:
    """Yield the rows of a table without identity one by one, the header first.

    Parameters
    ----------
    text
        The table.
    cast
        The persons of its keys, with what all rows say of them.
    said
        Actions by header, which go before any guess.
    told
        Counts the cells by action.
    scrub
        Replaces whole names and numbers of anybody in a text.
    """
    table = read(text)
    if table is None:
        raise BadInput("text that is no table", "a header and rows of equal width")
    said, told = said or {}, Counter() if told is None else told
    actions = columns(table, said)
    names = zip(table.header, actions, strict=True)
    yield _written([_header(name, act, cast.common) for name, act in names], table.delimiter)
    numbers = [said.get(name) == "num" for name in table.header]

    @lru_cache(maxsize=PERSONS)
    def work(key: str, known: Known) -> _Work:
        person = cast.of(key) if key else cast.common
        return _Work(person.knowing(known), cast.common)

    for row in table.rows():
        one = work(key_of(actions, row), known_of(actions, row))
        cells = []
        for act, cell, number in zip(actions, row, numbers, strict=True):
            new, made = one.cell(act, cell)
            sound = made or (number and _NUMBER.fullmatch(new))
            cells.append(new if sound else withheld.text(new, scrub, told))
        yield _written(cells, table.delimiter)
    told.update({action: actions.count(action) * table.count for action in set(actions)})


def _written(cells: Sequence[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(cells)
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
            "date": self._prose,
            "age": self._age,
            "zip": zip3,
            "num": lambda text: self._shaped(text, _NUMBER),
            "code": lambda text: self._shaped(text, _CODE),
            "prose": self._prose,
            "remove": lambda _: "",
        }

    def cell(self, action: str, text: str) -> tuple[str, bool]:
        """Return one cell without identity, and whether nothing of what stood there is in it.

        Empty cells stay empty; a date that was moved is another.
        """
        text = text.strip()
        if not text:
            return "", True
        if action == "date" and (moved := moments.written(text, self.person.subject.shift)):
            return moved, True
        return self.actions[action](text), action in MADE

    def _shaped(self, text: str, shape: re.Pattern[str]) -> str:
        if shape.fullmatch(text) and not personal(text) and not self.person.known.found(text):
            return text
        return self._prose(text)

    def _prose(self, text: str) -> str:
        return self.person.prose(text)

    def _age(self, text: str) -> str:
        if not _NUMBER.fullmatch(text):
            return self._prose(text)
        return "90" if float(text.strip("<>=%").replace(",", ".")) > OLDEST else text
