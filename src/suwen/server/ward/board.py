"""The ward board: who needs somebody first, and how old everything is that is shown.

A score past its validity is struck through and called expired, here and by the page's own clock
when no message comes any more. A value carries the moment it was measured; its age counts on the
screen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from suwen.core.codes import NEWS2, NEWS2_LEAST, NEWS2_MOST, Language, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Finding, Record
from suwen.core.quantities import number, unit_sign, with_unit
from suwen.core.streams import Channel
from suwen.diagnosis.language import message
from suwen.health.alerts.notices import CHECK
from suwen.health.alerts.trial import Desk
from suwen.health.alerts.watchdog import NO_DATA, Pulse, Standing, pulse, standing, times
from suwen.health.early_warning import vital_set
from suwen.health.early_warning.task import EARLY_WARNING
from suwen.health.facts.measured import CELSIUS, Variable
from suwen.health.readings.doubts import why
from suwen.health.readings.gate import DOUBTED, impossible
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.wards import Place
from suwen.records.documents import finding_of
from suwen.records.streams.seen import Latest
from suwen.server.case.patients import about
from suwen.server.language import say

HEARTBEAT: Final = "alerts"
"""Name of the alarm engine's heartbeat."""
SHOWN: Final = ("pulse", "spo2", "respiratory_rate", "systolic_bp", "temperature")
"""Columns of the board, by key of `knowledge/early_warning.toml`."""
PRIORITIES: Final = {"high": 3, "medium": 2, "low": 1}
WAITING: Final = ("raised", "escalated")
MOST_ALERTS: Final = 4
MOST_CHANNELS: Final = 2


COLUMNS = {
    "pulse": message("Heart rate"),
    "spo2": message("SpO2"),
    "respiratory_rate": message("Resp. rate"),
    "systolic_bp": message("Systolic"),
    "temperature": message("Temperature"),
}
STATES = {
    "raised": message("new"),
    "escalated": message("escalated"),
    "snoozed": message("snoozed"),
    "acknowledged": message("seen"),
    "cleared": message("over"),
}
CLINICAL_RISKS = {"rule-in": "urgent", "grey": "soon", "rule-out": "routine", "abstain": "abstain"}


@dataclass(frozen=True)
class Cell:
    """A value of the board; `at` is in seconds since 1970 for the page's clock, 0 for none."""

    key: str
    text: str = ""
    unit: str = ""
    at: float = 0.0
    state: str = "none"
    """`fresh`, `old`, `gone` (struck through) or `none`."""
    odd: Text | None = None
    """What a newer reading claims that cannot be, or what is doubted about this one, and why."""
    doubted: bool = False
    """Whether the value shown is doubted itself: a sensor that hangs, movement."""


@dataclass(frozen=True)
class ScoreCell:
    """NEWS2 of a patient as it stands; `until` in seconds since 1970, 0 for never valid."""

    text: str = ""
    value: int = -1
    style: str = "none"
    name: str = ""
    until: float = 0.0
    state: str = "none"
    """`current`, `expired` or `none`."""


@dataclass(frozen=True)
class Chip:
    """An alert on the board or in the console."""

    id: str
    name: str
    priority: str
    state: str
    state_name: str
    text: str
    at: float


@dataclass(frozen=True)
class Row:
    """One patient of the board."""

    patient: str
    name: str
    bed: str
    facts: str
    score: ScoreCell
    cells: tuple[Cell, ...]
    alerts: tuple[Chip, ...]
    more: int
    rank: tuple[int, int, int]

    def order(self) -> tuple[tuple[int, ...], bool, list[tuple[int, str]]]:
        """Return what rows are sorted by: need, then who lies here or is measured, then the bed.

        Bed 10 comes after bed 9.
        """
        parts = re.findall(r"\d+|\D+", self.bed)
        bed = [(int(one), "") if one.isdecimal() else (-1, one) for one in parts]
        absent = not self.bed and all(cell.state == "none" for cell in self.cells)
        return tuple(-n for n in self.rank), absent, bed

    @property
    def measured(self) -> bool:
        """Return whether enough is fresh to be scored."""
        counted = [cell for cell in self.cells if cell.state == "fresh" and not cell.doubted]
        return len(counted) >= int(vital_set.rules()["fewest"])

    @property
    def level(self) -> str:
        """Return the colour of the row: that of the highest alert that waits, else of the score."""
        if self.alarmed:
            return self.alarmed
        return self.score.style if self.score.state == "current" else "none"

    @property
    def alarmed(self) -> str:
        """Return the colour of the highest alert that waits, empty without one."""
        for chip in self.alerts:
            if chip.state in WAITING and chip.priority != "low":
                return {"high": "urgent", "medium": "soon"}[chip.priority]
        return ""


@dataclass(frozen=True)
class Board:
    """What the page shows at one moment."""

    rows: tuple[Row, ...]
    pulse: Pulse
    now: datetime
    alerts_today: int = 0
    budget: float | None = None
    """Alerts the ward set itself for a day, None where it set none."""
    ward: str = ""
    """The ward that is shown; empty for everybody the reader cares for."""

    @property
    def waiting(self) -> int:
        """Return how many alerts wait for somebody."""
        return sum(chip.state in WAITING for row in self.rows for chip in row.alerts)


@dataclass
class Watching:
    """One person looking at one ward (empty: everybody they care for), for as long as they look."""

    desk: Desk
    language: Language
    ward: str = ""
    budget: float | None = None
    _people: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def board(self) -> Board:
        """Return the board as it stands now."""
        now = datetime.now(UTC)
        placed = self.desk.alerts.patients(self.ward or None)
        names = list(placed)
        if fresh := [name for name in names if name not in self._people]:
            found = self.desk.alerts.newest("Patient", fresh)
            self._people |= {name: found[name].content if name in found else {} for name in fresh}
        scores = self.desk.alerts.newest("Finding", names, EARLY_WARNING)
        latest = self.desk.streams.latest_of_ward(names) if names else {}
        alerts: dict[str, list[Alert]] = {}
        for one in self.desk.alerts.open(names):
            alerts.setdefault(one.patient, []).append(one)
        rows = [
            self._row(name, placed[name], scores.get(name), latest.get(name, ()),
                      alerts.get(name, ()), now)
            for name in names
        ]  # fmt: skip
        day = now - timedelta(days=1)
        had, lying = self.desk.alerts.count(self.ward, day) if self.ward else (0, 0)
        return Board(
            rows=tuple(sorted(rows, key=Row.order)),
            pulse=pulse(self.desk.alerts.heartbeat(HEARTBEAT), now),
            now=now,
            alerts_today=had,
            budget=None if self.budget is None else self.budget * max(1, lying),
            ward=self.ward,
        )

    def _row(
        self,
        patient: str,
        place: Place | None,
        score: Record | None,
        latest: Sequence[Latest],
        alerts: Sequence[Alert],
        now: datetime,
    ) -> Row:
        person = about(self.language, patient, self._people[patient])
        shown = score_cell(self.language, score, now)
        chips = sorted(
            (chip(self.language, one, now) for one in alerts),
            key=lambda one: (one.state not in WAITING, -PRIORITIES.get(one.priority, 0), one.at),
        )
        silent = {
            str(parts[0])
            for one in alerts
            if one.rule.startswith(NO_DATA) and one.cleared is None
            for parts in one.content["channels"]
        }
        if silent & set(_by_code()):
            shown = without_data(shown, now)
        waiting = [PRIORITIES.get(c.priority, 0) for c in chips if c.state in WAITING]
        return Row(
            patient=patient,
            name=person.name,
            bed=place.bed if place else "",
            facts=" · ".join(value for _, value in person.facts),
            score=shown,
            cells=cells(latest, silent, now, doubted_in(alerts)),
            alerts=tuple(chips[:MOST_ALERTS]),
            more=max(0, len(chips) - MOST_ALERTS),
            rank=(max(waiting, default=0), shown.value, len(waiting)),
        )


def score_cell(language: Language, record: Record | None, now: datetime) -> ScoreCell:
    """Return NEWS2 with its range where values are missing; expired where its time has passed."""
    if record is None:
        return ScoreCell()
    try:
        finding = finding_of(record)
    except BadInput:
        return ScoreCell()
    state = standing(finding.valid_until, now)
    until = finding.valid_until.timestamp() if finding.valid_until else 0.0
    if finding.band is Band.ABSTAIN:
        return ScoreCell("?", -1, "abstain", _name(language, finding), until, state.value)
    low, high = _range(finding)
    text = f"{low}" if low == high else f"{low}–{high}"
    style = CLINICAL_RISKS[finding.band.value] if state is Standing.CURRENT else "none"
    return ScoreCell(text, high, style, _name(language, finding), until, state.value)


def without_data(score: ScoreCell, now: datetime) -> ScoreCell:
    """Return a score whose monitor fell silent: not current, whatever its validity says.

    A low score stands for twelve hours by its chart, which takes for granted that somebody looks.
    """
    if score.state != "current":
        return score
    return replace(score, state="expired", style="none", until=min(score.until, now.timestamp()))


def _name(language: Language, finding: Finding) -> str:
    said = [finding.code.name, *([finding.reason] if finding.reason else [])]
    return " ".join(one.of(language) for one in said)


def _range(finding: Finding) -> tuple[int, int]:
    by_code = {one.code.code: round(one.interval.value) for one in finding.measures}
    if NEWS2.code in by_code:
        return by_code[NEWS2.code], by_code[NEWS2.code]
    return by_code.get(NEWS2_LEAST.code, 0), by_code.get(NEWS2_MOST.code, 0)


@lru_cache(maxsize=1)
def _by_code() -> dict[str, Variable]:
    found = vital_set.variables()
    return {code: found[key] for key in SHOWN for code in found[key].codes}


def doubted_in(alerts: Sequence[Alert]) -> dict[Channel, Text]:
    """Return the channels whose newest readings can be but are doubted, as standing notices say."""
    return {
        Channel(*one.content["channel"]): Text(**one.content["reason"])
        for one in alerts
        if one.rule.startswith(CHECK) and one.cleared is None and one.content["kind"] in DOUBTED
    }


def cells(
    latest: Sequence[Latest],
    silent: set[str],
    now: datetime,
    doubted: Mapping[Channel, Text] | None = None,
) -> tuple[Cell, ...]:
    """Return the newest value of each column; a channel that is silent is never fresh."""
    newest: dict[str, tuple[datetime, float, Channel]] = {}
    odd: dict[str, tuple[datetime, Latest]] = {}
    for one in latest:
        variable = _by_code().get(one.channel.code)
        if variable is None:
            continue
        value = variable.in_unit(one.value, one.channel.unit)
        at = min(one.at, one.received)
        cannot = impossible(one.channel, one.value)
        if value is None or cannot or not variable.low <= value <= variable.high:
            odd[variable.key] = max(odd.get(variable.key, (at, one)), (at, one), key=_first)
        elif variable.key not in newest or at > newest[variable.key][0]:
            newest[variable.key] = at, value, one.channel
    made = []
    for key in SHOWN:
        cell, strange = _cell(key, newest.get(key), silent, now), odd.get(key)
        if strange is not None and (key not in newest or newest[key][0] <= strange[0]):
            cell = replace(cell, odd=_odd(strange[1]))
        elif key in newest and (reason := (doubted or {}).get(newest[key][2])):
            cell = replace(cell, odd=reason, doubted=True)
        made.append(cell)
    return tuple(made)


def _first(pair: tuple[datetime, Latest]) -> datetime:
    return pair[0]


def _odd(one: Latest) -> Text:
    """Say what a reading claims and why it does not count."""
    variable = _by_code()[one.channel.code]
    kind, words = impossible(one.channel, one.value), dict[str, object]()
    if not kind:
        known = variable.in_unit(one.value, one.channel.unit) is not None
        kind = "implausible" if known else "wrong-unit"
        words = {"low": f"{variable.low:g}", "high": f"{variable.high:g}"}
    claimed = with_unit(f"{one.value:g}", one.channel.unit)
    reason = why(kind, one.channel, one.value, **words)
    return Text(en=f"{claimed} {reason.en}", zh=f"{claimed} {reason.zh}")


def _cell(
    key: str, found: tuple[datetime, float, Channel] | None, silent: set[str], now: datetime
) -> Cell:
    if found is None:
        return Cell(key)
    at, value, channel = found
    unit = vital_set.variables()[key].unit
    text = f"{value:.1f}" if unit == CELSIUS else number(value)
    age, table = (now - at).total_seconds(), times()
    state = "gone" if age >= table["gone_s"] else "old" if age >= table["old_s"] else "fresh"
    if channel.code in silent and state == "fresh":
        state = "old"
    return Cell(key, text, unit_sign(unit), at.timestamp(), state)


def chip(language: Language, alert: Alert, now: datetime) -> Chip:
    """Return an alert in a few words."""
    content = alert.content
    name = Text(**content["name"]).of(language)
    if alert.rule.startswith(NO_DATA):
        codes = list(dict.fromkeys(str(parts[0]) for parts in content["channels"]))
        known = [v.name.of(language) for code in codes if (v := _by_code().get(code))]
        shown_names = (known or codes)[:MOST_CHANNELS]
        more = len(codes) - len(shown_names)
        what = ("、" if language == "zh" else ", ").join(shown_names) + (
            f" +{more}" if more else ""
        )
        name = f"{name}{'：' if language == 'zh' else ': '}{what}"
        at = datetime.fromisoformat(str(content["since"]))
        text = ""
    else:
        at = alert.at
        unit = unit_sign(str(content.get("unit", "")))
        text = f"{number(float(content['value']))} {unit}".strip()
    state = alert.state(now)
    shown = say(language, STATES[state])
    return Chip(alert.id, name, alert.priority, state, shown, text, at.timestamp())
