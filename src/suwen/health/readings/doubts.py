"""Which measured values a score may count, and why it may not count the others.

What `health.readings.plausible` says of readings, for the Observations of a Case: values are
checked in the unit they claim, device by device, in the light of what was measured around them.
Nothing is converted by guess and nothing dropped without its reason. Where a stream told more than
a record does (a sensor that hung, movement), the Observation carries the state it had there.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Case, RecordValue, Reference
from suwen.core.quantities import unit_sign, with_unit
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.health.facts.measured import MISSING, Claim, Value, Variable, claims_of
from suwen.health.readings import plausible
from suwen.health.readings.acceleration import stretch_of
from suwen.health.readings.movement import LONGEST, Span, joined, moved, movement, movements, spans
from suwen.health.readings.plausible import ACCEPTED, KNOWLEDGE, REFUSED, Movement

LOOKED_BACK: Final = timedelta(hours=4)
"""Readings so long before one are looked at to judge it: longer than any sensor that hangs."""
HARMLESS: Final = ("duplicate", "conflict")
"""States beside which another reading of that very moment counts."""


@dataclass(frozen=True)
class Doubt:
    """A value that does not count.

    Parameters
    ----------
    variable
        Its key.
    at
        When it was measured, as it claims.
    claimed
        The value as it claims to be, with its unit.
    kind
        One of `plausible.REFUSED`, or `dropout`.
    why
        What is wrong with it.
    record
        Where it stands.
    context
        Records it was judged in the light of.
    """

    variable: str
    at: datetime
    claimed: str
    kind: str
    why: Text
    record: Reference
    context: tuple[Reference, ...] = field(default=(), repr=False)

    def told(self, name: Text) -> Text:
        """Return it in words: `temperature 98.6 °C looks like °F, not °C as claimed`."""
        return Text(
            en=f"{name.en} {self.claimed} {self.why.en}",
            zh=f"{name.zh} {self.claimed} {self.why.zh}",
        )

    def evidence(self, name: Text) -> RecordValue:
        """Return it as evidence."""
        told = self.told(name)
        note = Text(en=f"Not counted: {told.en}", zh=f"未计入：{told.zh}")
        return RecordValue(record=self.record, path="Observation.value", note=note)


class Sorted(NamedTuple):
    """Values that count, and those that do not."""

    values: list[Value]
    doubts: list[Doubt]


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    found: Mapping[str, Any] = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["doubt"]
    return found


def why(kind: str, channel: Channel, value: float | None = None, **words: object) -> Text:
    """Return in words why one reading of a channel does not count."""
    known, _ = plausible.quantity_of(channel)
    told: dict[str, object] = {"unit": unit_sign(channel.unit)}
    if known is not None:
        told |= {"low": f"{known.low:g}", "high": f"{known.high:g}"}
    if known is not None and kind == "implausible":
        told["unit"] = unit_sign(known.unit)
    told |= words
    like = plausible.likely_unit(channel, value)
    signs = dict.fromkeys(unit_sign(one) for one in like.split(" / "))
    told.setdefault("like", " / ".join(signs) or "?")
    said = _words()[kind]
    return Text(en=said["en"].format(**told), zh=said["zh"].format(**told))


def sorted_out(case: Case, variables: Mapping[str, Variable]) -> Sorted:
    """Return the values of a Case's Observations that count, and those that do not with the reason.

    Parameters
    ----------
    case
        What lies after its moment is left alone: it is told by nobody.
    variables
        By key. Values in a unit that is neither theirs nor one of theirs are doubted, as are those
        beyond what a living person shows.
    """
    claims = [one for one in claims_of(case, variables) if one.at <= case.at]
    motion = movement_of(case)
    by_channel: dict[Channel, list[Claim]] = defaultdict(list)
    for one in claims:
        by_channel[_checked_as(one, variables[one.variable])].append(one)
    found = Sorted([], [])
    for channel, own in by_channel.items():
        _judge(found, channel, own, variables[own[0].variable], case.at, motion)
    return found


def _checked_as(claim: Claim, variable: Variable) -> Channel:
    """Return the channel a value is checked as: in its own unit where limits are known of that."""
    if (claim.code, claim.unit) in plausible.quantities():
        return Channel(claim.code, claim.unit, claim.device)
    convertible = variable.in_unit(claim.value, claim.unit) is not None
    return Channel(claim.code, variable.unit if convertible else claim.unit, claim.device)


def _judge(
    found: Sorted,
    channel: Channel,
    claims: Sequence[Claim],
    variable: Variable,
    now: datetime,
    motion: Moved,
) -> None:
    at = np.array([ticks(one.at) for one in claims], dtype=np.int64)
    shown = [
        one.value if channel.unit == one.unit else variable.in_unit(one.value, one.unit)
        for one in claims
    ]
    values = np.array([MISSING if one is None else one for one in shown], dtype=np.float64)
    kinds = plausible.check(channel, at, values, now, motion.movement).kinds
    for k, one in enumerate(claims):
        own = variable.in_unit(one.value, one.unit)
        kind = one.state or str(kinds[k])
        if kind == ACCEPTED and own is None:
            kind = "wrong-unit"
        if kind == ACCEPTED and own is not None and not variable.low <= own <= variable.high:
            kind = "implausible"
        if kind == ACCEPTED and own is not None:
            found.values.append(Value(one.variable, one.at, own, one.record))
        elif kind not in HARMLESS:
            found.doubts.append(_doubt(one, kind, channel, variable, claims, motion))


def _doubt(
    claim: Claim,
    kind: str,
    channel: Channel,
    variable: Variable,
    claims: Sequence[Claim],
    motion: Moved,
) -> Doubt:
    words: dict[str, object] = {}
    if kind == "implausible" and (channel.code, channel.unit) not in plausible.quantities():
        words = {"low": f"{variable.low:g}", "high": f"{variable.high:g}"}
    if kind == "wrong-unit":
        words = {"like": unit_sign(variable.unit)}
    channel = channel._replace(unit=claim.unit) if kind == "wrong-unit" else channel
    around: Iterable[Reference] = ()
    if kind in ("stuck", "spike"):
        near = (one for one in claims if abs(one.at - claim.at) <= LOOKED_BACK)
        around = (one.record for one in near)
    elif kind == "motion":
        around = motion.records
    claimed = with_unit(f"{claim.value:g}", claim.unit)
    context = tuple(dict.fromkeys(around))
    reason = why(kind, channel, claim.value, **words)
    return Doubt(claim.variable, claim.at, claimed, kind, reason, claim.record, context)


class Moved(NamedTuple):
    """When somebody moved, and the records that say so."""

    movement: Movement | None
    records: tuple[Reference, ...]
    spans: tuple[Span, ...] = ()

    def during(self, start: datetime | None, first: float, last: float) -> float:
        """Return for how many seconds somebody moved between two seconds of a recording.

        0 where nobody knows when the recording began.
        """
        if start is None or start.tzinfo is None:
            return 0.0
        begun = ticks(start)
        low, high = begun + first * MICROSECONDS, begun + last * MICROSECONDS
        inside = (min(end, high) - max(one, low) for one, end in self.spans)
        return sum(max(0.0, each) for each in inside) / MICROSECONDS


def moved_meanwhile(seconds: float) -> Text:
    """Return a sentence for the reason of what cannot be read; empty where nobody moved."""
    if not seconds:
        return Text(en="", zh="")
    said = _words()["meanwhile"]
    shown = f"{seconds:.0f}"
    return Text(en=said["en"].format(seconds=shown), zh=said["zh"].format(seconds=shown))


def movement_of(case: Case) -> Moved:
    """Return when the person of a Case moved: by steps, exercise and accelerometers."""
    variables = {
        code: Variable(code, Text(en=code, zh=code), unit, (code,), {unit: 1.0}, 0, LONGEST)
        for code, unit in movements()
    }
    told = [one for one in claims_of(case, variables) if one.at <= case.at]
    found = [
        span
        for one in told
        if (span := moved(Channel(one.code, one.unit, ""), ticks(one.at), one.value)) is not None
    ]
    records = [one.record for one in told]
    for record in case.records:
        if record.type == "Observation" and (wave := stretch_of(record.content)) is not None:
            found += spans([wave])
            records.append(record.reference)
    known = joined(sorted(found))
    return Moved(movement(known), tuple(dict.fromkeys(records)), tuple(known))


def newest_state(stretch: Stretch, now: datetime, motion: Movement | None = None) -> str:
    """Return the state of the newest reading of a stretch in the light of those before it."""
    if not len(stretch):
        return ACCEPTED
    kinds = plausible.check(stretch.channel, stretch.at, stretch.values, now, motion).kinds
    kind = str(kinds[-1])
    return kind if kind in REFUSED else ACCEPTED
