"""Local times as moments: zones, the hour that never was, the hour that came twice.

Where clocks go forward an hour of local time does not exist: such a time is refused. Where they go
back it exists twice: a log that is in order tells which one is meant, because its times never run
back; otherwise the first is taken.

Reference: PEP 495 (`fold`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.gateway.devices.sample import NO_TIME, Problems, zone_needed

NEVER_WAS: Final = Text(
    en="a local time that never was (clocks went forward)", zh="夏令时拨快而不存在的当地时间"
)
_CAME_TWICE: Final = Text(
    en="a local time that came twice (clocks went back); taken in the order of the file",
    zh="夏令时拨回而出现两次的当地时间；按文件顺序判定",
)
EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
LATEST: Final = timedelta(days=2)
"""How far into the future a time may be before it is taken for a wrong clock."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = len("2026-11-27")
_OFFSET: Final = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})")


def zone_of(name: str) -> tzinfo:
    """Return the zone of that IANA name.

    Raises
    ------
    BadInput
        No such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            "an unknown time zone", "an IANA name such as Asia/Shanghai", "correct it"
        ) from None


def offset_of(text: str) -> tzinfo | None:
    """Return the zone of `+0800`, `-07:00`, `GMT-0600` or an IANA name; None when it is neither."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        try:
            return zone_of(text) if text else None
        except BadInput:
            return None
    sign, hours, minutes = match.groups()
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    if shift >= timedelta(hours=24):
        return None
    return timezone(-shift if sign == "-" else shift)


def since_1970(seconds: float | None) -> datetime | None:
    """Return the moment so many seconds after 1970-01-01 UTC; None where no calendar reaches."""
    try:
        return None if seconds is None else _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


class Clock:
    """The local times of one series, in the order of its file.

    Parameters
    ----------
    zone
        The zone they are in; None: nobody knows.
    problems
        Where times that cannot be are noted.
    what
        Whose times they are, for the error.
    """

    def __init__(self, zone: tzinfo | None, problems: Problems, what: str) -> None:
        self._zone, self._problems, self._what = zone, problems, what
        self._last = EARLIEST

    def at(self, text: str, where: str) -> datetime | None:
        """Return the moment of an ISO text; a text with its own offset needs no zone.

        Raises
        ------
        BadInput
            The time is a local one and no zone was given.
        """
        try:
            found = datetime.fromisoformat(text) if len(text) > _DATE else None
        except ValueError:
            found = None
        if found is None:
            self._problems.refuse(NO_TIME, where)
            return None
        return self.of(found, where)

    def of(self, local: datetime, where: str) -> datetime | None:
        """Return the moment of a local time, or of one that has its zone already.

        Raises
        ------
        BadInput
            The time is a local one and no zone was given.
        """
        if local.tzinfo is not None:
            return local
        if self._zone is None:
            raise zone_needed(self._what)
        try:
            first = local.replace(tzinfo=self._zone, fold=0)
            second = first.replace(fold=1)
            if first.utcoffset() == second.utcoffset():
                self._last = first
                return first
            back = first.astimezone(UTC).astimezone(self._zone)
        except (OverflowError, ValueError):
            self._problems.refuse(NO_TIME, where)
            return None
        if back.replace(tzinfo=None) != local:
            self._problems.refuse(NEVER_WAS, where)
            return None
        self._problems.leave(_CAME_TWICE, where)
        moment = first.astimezone(UTC)
        if moment < self._last.astimezone(UTC):
            moment = second.astimezone(UTC)
        self._last = moment
        return moment.astimezone(self._zone)

    def day(self, text: str, where: str) -> datetime | None:
        """Return the first moment of a local day.

        Raises
        ------
        BadInput
            No zone was given.
        """
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._problems.refuse(NO_TIME, where)
            return None
        if self._zone is None:
            raise zone_needed(self._what)
        try:
            start = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            return start.astimezone(UTC).astimezone(self._zone)
        except (OverflowError, ValueError):
            self._problems.refuse(NO_TIME, where)
            return None
