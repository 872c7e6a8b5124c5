"""What a parser hands over: samples as the source gave them, and what it could not use.

A parser yields `Sample`s one after the other and never holds a file of readings in memory. What is
refused is counted by reason, with the place of the first one and never its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import BinaryIO, Final, NamedTuple

from suwen.core.codes import Text
from suwen.core.errors import BadInput, UnsafeInput

REASONS_CAP: Final = 200
"""Most different reasons told of one import; what comes after is counted together."""
WHOLE_CAP: Final = 64 * 1024 * 1024
"""Largest file that has to be read as a whole, in bytes; a parsed JSON takes about eight times."""

LOOK: Final = Text(
    en="look there in the file; correct it at its source and send it again, or leave it out",
    zh="请查看文件中该处；在来源处更正后重新发送，或不予收录",
)


class Sample(NamedTuple):
    """One value as the source gave it.

    `key` names a quantity of `quantities()`, `at` has its zone, `unit` is as it was written,
    `device` says by what it was measured and `source` is its id there, empty where it has none.
    An amount over a time (steps, sleep) stands at its beginning.
    """

    key: str
    at: datetime
    value: float
    unit: str
    device: str
    source: str = ""


@dataclass
class Told:
    """How often something was refused for one reason, where it was met first, and what to do."""

    count: int
    first: str
    todo: Text


@dataclass
class Problems:
    """What was not taken and why."""

    refused: dict[Text, Told] = field(default_factory=dict)
    left: dict[Text, Told] = field(default_factory=dict)
    file: str = ""
    """Name of the file that is being read; stands before each place."""
    born: str = ""
    """Date of birth of the patient whose they are said to be (FHIR date); empty: not known."""

    def born_on(self, date: str) -> None:
        """Compare the date of birth that a file states with the patient's; either may be partial.

        Raises
        ------
        BadInput
            They contradict each other.
        """
        length = min(len(date), len(self.born))
        if date[:length] != self.born[:length]:
            raise BadInput(
                "an export of somebody with another date of birth than the patient's",
                "the patient's own export",
                "check whose export it is, and the date of birth in the record",
            )

    def refuse(self, reason: Text, where: str, todo: Text = LOOK) -> None:
        """Note a value that cannot be right, or cannot be read, and what to do about it."""
        _add(self.refused, reason, self._place(where), todo)

    def leave(self, what: Text, where: str = "") -> None:
        """Note something sound that is not kept: a quantity without a place here."""
        _add(self.left, what, self._place(where), LOOK)

    def _place(self, where: str) -> str:
        return ", ".join(part for part in (self.file, where) if part)


_MORE: Final = Text(en="other reasons", zh="其他原因")


def _add(kept: dict[Text, Told], reason: Text, where: str, todo: Text) -> None:
    told = kept.get(reason)
    if told is None and len(kept) >= REASONS_CAP:
        told = kept.get(_MORE)
        reason = _MORE
    if told is None:
        kept[reason] = Told(1, where, todo)
    else:
        told.count += 1


@dataclass(frozen=True)
class Source:
    """One file: its name (a hint only), its size, how to open it, and the zone of local times."""

    name: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)
    zone: tzinfo | None = None

    def whole(self) -> bytes:
        """Return all its bytes.

        Raises
        ------
        UnsafeInput
            It is larger than `WHOLE_CAP`.
        """
        if self.size > WHOLE_CAP:
            raise UnsafeInput(
                f"a JSON file of more than {WHOLE_CAP // 2**20} MB",
                "smaller files, or one JSON object a line",
                "split it, or export a shorter time",
            )
        with self.open() as file:
            data = file.read(WHOLE_CAP + 1)
        if len(data) > WHOLE_CAP:
            raise UnsafeInput("a file that grew while it was read", "a file that rests", "")
        return data


Samples = Iterator[Sample]

NOT_A_NUMBER: Final = Text(en="the value is not a number", zh="数值不是数字")
NO_TIME: Final = Text(en="the time is missing or not clear", zh="时间缺失或不明确")
MALFORMED: Final = Text(en="an entry is not as its format says", zh="条目不符合其格式")
NOT_MEASURED: Final = Text(
    en="zero stands where nothing was measured", zh="零表示未测量，不是测量值"
)


def number(value: object) -> float | None:
    """Return a JSON number, or a number in a text, as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


class ZoneNeeded(BadInput):
    """The file gives local times, and nobody said of which zone."""


def zone_needed(what: str) -> ZoneNeeded:
    """Return the error for local times of which nobody knows where."""
    return ZoneNeeded(
        f"{what} gives local times without their zone",
        "the zone the device was in",
        "give it: --zone Area/City, such as --zone Europe/Paris",
    )
