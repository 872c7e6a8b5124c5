"""Alert rules over sustained windows: "at or below 91 % for one minute", with hysteresis.

A rule is looked at reading by reading by a small state machine that keeps nothing but sums, so
that what is said live, in a dry run and on replay is the same. Time counts only between two
readings that are close enough together and on the same side: a gap is neither alarm nor calm. A
value that no living person shows is no value.

References: IEC 60601-1-8 (priorities; conditions with delays); limits and their sources stand in
`knowledge/alert_rules.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from heapq import merge
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator, model_validator

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Noun, canonical, digest_of
from suwen.core.quantities import unit_sign
from suwen.core.streams import MICROSECONDS, Channel, Stretch

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "alert_rules.toml"
FORGET: Final = 4.0
"""A run that was broken by a gap of so many windows (`sustained_s + gap_s`) begins anew."""
KEY: Final = r"^[a-z0-9][a-z0-9\-]{0,63}$"
Seconds = Annotated[float, Field(ge=0, le=7 * 86_400, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Priority(StrEnum):
    """How soon somebody has to come (IEC 60601-1-8); high is the red rule, which pages at once."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Rule(Noun):
    """When an alert is raised and when it is over.

    Parameters
    ----------
    key, name
        Short name in the log, name for people.
    codes, unit, units
        LOINC codes it looks at, the UCUM unit of its limits, other units with their factors.
    side, limit, sustained_s
        Raised once readings were `at or above` or `at or below` the limit for so many seconds.
    clear, calm_s
        Over once readings were at the calm limit or beyond it for so many seconds.
    gap_s
        Longest time between two readings that still count as one course.
    low, high
        What a living person can show, in `unit`.
    source
        Where the limit stands.
    """

    key: str = Field(pattern=KEY)
    name: Text
    codes: tuple[str, ...] = Field(min_length=1)
    unit: str
    units: tuple[tuple[str, float], ...] = ()
    side: Literal["above", "below"]
    limit: Finite
    clear: Finite
    sustained_s: Seconds
    calm_s: Seconds
    gap_s: Annotated[float, Field(gt=0, le=7 * 86_400)]
    low: Finite
    high: Finite
    priority: Priority
    source: Text = Text(en="", zh="")

    @field_validator("source", mode="before")
    @classmethod
    def _told(cls, source: object) -> object:
        """Take a source in one language, as rules were kept before."""
        return Text(en=source, zh=source) if isinstance(source, str) else source

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        calmer = self.clear <= self.limit if self.side == "above" else self.clear >= self.limit
        if not calmer:
            raise ValueError("a Rule clears on the calm side of its limit")
        if not self.low <= self.limit <= self.high or not self.low <= self.clear <= self.high:
            raise ValueError("a Rule needs its limits among the values a living person can show")
        return self

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what decides when it sounds: another limit or time is another rule."""
        return digest_of(canonical(self.model_dump(mode="json", exclude={"name", "source"})))

    @cached_property
    def window(self) -> int:
        """How long before a reading that raises it its run may begin, in microseconds."""
        return round((self.sustained_s + self.gap_s) * MICROSECONDS)

    @cached_property
    def factors(self) -> Mapping[str, float]:
        """Factors from units to its own."""
        return {self.unit: 1.0} | dict(self.units)

    def reads(self, channel: Channel) -> bool:
        """Whether it looks at a channel: its code and a unit that it knows."""
        return channel.code in self.codes and channel.unit in self.factors

    def naive(self) -> Rule:
        """Return the bare threshold: raised by one reading, over with the next calm one."""
        return Rule(**self.model_dump() | {"clear": self.limit, "sustained_s": 0.0, "calm_s": 0.0})

    def zone(self, value: float) -> int:
        """Return 1 beyond the limit, -1 calm, 0 between the two, in `unit`."""
        if self.side == "above":
            return 1 if value >= self.limit else -1 if self._calm(value) else 0
        return 1 if value <= self.limit else -1 if self._calm(value) else 0

    def _calm(self, value: float) -> bool:
        return value <= self.clear if self.side == "above" else value >= self.clear


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Rule]:
    """Return the rules of the knowledge file by key."""
    rows = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["rule"]
    return {row["key"]: Rule(**row | {"name": Text(**row["name"])}) for row in rows}


class State(NamedTuple):
    """What the machine remembers of one channel; times in microseconds.

    Parameters
    ----------
    raised
        Whether the alert stands.
    tick, zone
        Time of the last reading and the side it was on; `tick` is -1 before the first.
    run
        Time known to be beyond the limit, or calm where the alert stands.
    since
        When that run began.
    """

    raised: bool = False
    tick: int = -1
    zone: int = 0
    run: int = 0
    since: int = -1


def step(rule: Rule, state: State, tick: int, value: float) -> State:
    """Return the state after one reading (its value in the rule's unit, later than the last).

    Beyond the limit runs towards the alert, calm runs to its end. A reading of the other kind ends
    a run; where the time before it is longer than `gap_s`, the run neither grows nor ends.
    """
    zone = rule.zone(value)
    wanted = -1 if state.raised else 1
    if zone != wanted:
        return State(state.raised, tick, zone)
    apart = tick - state.tick
    joined = state.zone == wanted and state.tick >= 0
    forgotten = apart > FORGET * MICROSECONDS * (rule.sustained_s + rule.gap_s)
    if not joined or forgotten:
        run, since = 0, tick
    else:
        known = apart <= rule.gap_s * MICROSECONDS
        run, since = state.run + (apart if known else 0), state.since
    needed = rule.calm_s if state.raised else rule.sustained_s
    if run >= needed * MICROSECONDS:
        return State(not state.raised, tick, zone, 0, since)
    return State(state.raised, tick, zone, run, since)


@dataclass(frozen=True)
class Change:
    """An alert of a rule begins or ends.

    Parameters
    ----------
    rule, kind, channel
        Key of the rule, `raised` or `cleared`, and the channel that did it.
    at, since
        Times of the reading that did it and of the first of its run, microseconds.
    value
        That reading, in the rule's unit.
    """

    rule: str
    kind: Literal["raised", "cleared"]
    channel: Channel
    at: int
    since: int
    value: float


@dataclass
class Machine:
    """One rule watching one patient: a state for each channel, one alert for all of them.

    The alert stands while any channel's does: two probes on one person are one alert.

    Parameters
    ----------
    looked
        Readings up to here (microseconds) were looked at before a restart.
    late, strange
        How many readings came after a newer one of their channel, or were what no living person
        shows: they are passed over and counted.
    """

    rule: Rule
    states: dict[Channel, State] = field(default_factory=dict)
    looked: int = -1
    late: int = 0
    strange: int = 0

    @property
    def raised(self) -> bool:
        """Whether the alert stands."""
        return any(state.raised for state in self.states.values())

    def beyond(self, channel: Channel, value: float) -> bool:
        """Whether a reading lies beyond the limit."""
        return self.rule.zone(value * self.rule.factors[channel.unit]) > 0

    def feed(self, channel: Channel, tick: int, value: float) -> Change | None:
        """Take one reading, as its channel gives it; return what changed."""
        before = self.states.get(channel, State(tick=self.looked))
        own = value * self.rule.factors[channel.unit]
        if tick <= before.tick:
            self.late += tick > self.looked
            return None
        if not self.rule.low <= own <= self.rule.high:
            self.strange += 1
            return None
        after = self.states[channel] = step(self.rule, before, tick, own)
        if after.raised == before.raised:
            return None
        if any(one.raised for key, one in self.states.items() if key != channel):
            return None
        kind: Literal["raised", "cleared"] = "raised" if after.raised else "cleared"
        return Change(self.rule.key, kind, channel, tick, after.since, own)

    def resume(self, channel: Channel, tick: int) -> None:
        """Stand as raised by a channel at a time: how an alert goes on after a restart."""
        self.states[channel] = State(True, tick, 1)
        self.looked = max(self.looked, tick)


def changes(rule: Rule, stretches: Sequence[Stretch]) -> Iterator[Change]:
    """Yield what a rule would have said of one patient's history, oldest first.

    The same as a `Machine` fed reading by reading (a test compares the two), but whole runs of
    readings on one side of the limits are looked at together: months at one a second take a second.

    Parameters
    ----------
    rule
        The rule.
    stretches
        The patient's readings; those the rule does not look at are passed over.
    """
    wanted = [one for one in stretches if rule.reads(one.channel) and len(one)]
    flips = [_flips(rule, one, number) for number, one in enumerate(wanted)]
    standing: set[int] = set()
    for at, number, raised, since, value in merge(*flips):
        alone = not standing - {number}
        standing = standing | {number} if raised else standing - {number}
        if alone:
            kind: Literal["raised", "cleared"] = "raised" if raised else "cleared"
            yield Change(rule.key, kind, wanted[number].channel, at, since, value)


Flip = tuple[int, int, bool, int, float]
"""Time, number of the channel, whether raised, when the run began, value."""


def _flips(rule: Rule, stretch: Stretch, number: int) -> Iterator[Flip]:
    """Yield when one channel's alert begins and ends."""
    values = stretch.values * rule.factors[stretch.channel.unit]
    kept = (values >= rule.low) & (values <= rule.high)
    at, values = stretch.at[kept], values[kept]
    if not len(at):
        return
    later = np.concatenate([[True], np.diff(np.maximum.accumulate(at)) > 0])
    at, values = at[later], values[later]
    over, calm = _beyond(rule, values)
    zone = np.where(over, 1, np.where(calm, -1, 0))
    edges = np.flatnonzero(np.diff(zone)) + 1
    raised = False
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(zone)], strict=True):
        if zone[start] != (-1 if raised else 1):
            continue
        needed = rule.calm_s if raised else rule.sustained_s
        found = _reached(rule, at[start:end], needed)
        if found is not None:
            first, last = start + found[0], start + found[1]
            raised = not raised
            yield int(at[last]), number, raised, int(at[first]), float(values[last])


def _beyond(rule: Rule, values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which values are beyond the limit, and which are calm where they are not."""
    if rule.side == "above":
        return values >= rule.limit, values <= rule.clear
    return values <= rule.limit, values >= rule.clear


def _reached(rule: Rule, at: NDArray[np.int64], needed: float) -> tuple[int, int] | None:
    """Return where a run that is long enough begins and where it becomes so; None for none."""
    apart = np.diff(at)
    forget = FORGET * MICROSECONDS * (rule.sustained_s + rule.gap_s)
    begins = [0, *(np.flatnonzero(apart > forget) + 1).tolist(), len(at)]
    for first, end in pairwise(begins):
        known = apart[first : end - 1]
        sums = np.cumsum(np.where(known <= rule.gap_s * MICROSECONDS, known, 0))
        sums = np.concatenate([[0], sums])
        long = int(np.searchsorted(sums, needed * MICROSECONDS))
        if long < len(sums):
            return first, first + long
    return None


def in_words(rule: Rule) -> Text:
    """Return what a rule waits for, in words."""
    en = {"above": "at or above", "below": "at or below"}[rule.side]
    zh = {"above": "≥", "below": "≤"}[rule.side]
    unit = unit_sign(rule.unit)
    held, calm = duration(rule.sustained_s), duration(rule.calm_s)
    limit, clear = (f"{value:g} {unit}".strip() for value in (rule.limit, rule.clear))
    return Text(
        en=f"{en} {limit} for {held.en}; over at {clear} for {calm.en}",
        zh=f"{zh} {limit} 持续 {held.zh}；恢复至 {clear} 持续 {calm.zh} 后解除",
    )


def duration(seconds: float) -> Text:
    """Return a length of time in words: `90 s`, `5 min`, `1.5 h`."""
    if seconds < 1:
        return Text(en="one reading", zh="单次读数")
    for size, en, zh in ((3600, "h", "小时"), (60, "min", "分钟")):
        if seconds >= size and seconds * 2 % size == 0:
            return Text(en=f"{seconds / size:g} {en}", zh=f"{seconds / size:g} {zh}")
    return Text(en=f"{seconds:g} s", zh=f"{seconds:g} 秒")


def stretch(channel: Channel, readings: Iterable[tuple[int, float]]) -> Stretch:
    """Return pairs of time and value as a stretch in order of time; of equal times the first."""
    pairs: dict[int, float] = {}
    for tick, value in sorted(readings, key=lambda pair: pair[0]):
        pairs.setdefault(tick, value)
    at = np.fromiter(pairs.keys(), np.int64, len(pairs))
    return Stretch(channel, at, np.fromiter(pairs.values(), np.float64, len(pairs)))


def changed(rule: Rule, settings: Mapping[str, Any]) -> Rule:
    """Return a rule with other limits or times: a ward's or a patient's own.

    Raises
    ------
    BadInput
        A setting is none of a rule, or they do not fit together.
    """
    try:
        return Rule.model_validate(rule.model_dump() | dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the rule"
        raise BadInput(
            f"{where} cannot be used: {first['msg'].removeprefix('Value error, ')}",
            "limits and times of one rule that fit together",
            "correct them",
        ) from None
