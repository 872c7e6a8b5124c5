"""The newest set of vital signs of a Case: what was measured together, each with its record."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from suwen.core.codes import LOINC, SUWEN, Text
from suwen.core.nouns import Case, RecordValue, Reference
from suwen.core.quantities import number, with_unit
from suwen.core.streams import Channel
from suwen.health.early_warning.news2 import Observed
from suwen.health.facts.measured import (
    MISSING,
    NOT_SAID,
    Value,
    Variable,
    age_at,
    moment,
    variables_in,
)
from suwen.health.readings.doubts import Doubt, sorted_out, why

RULES: Final = Path(__file__).parents[1] / "knowledge" / "early_warning.toml"
AIR: Final = 22.0
"""Share of oxygen in per cent up to which somebody breathes air."""
ALERT: Final = 15.0
"""Glasgow score of somebody who is alert."""
STALE: Final = timedelta(hours=6)
"""Values so long before a set are told as no longer counting; older ones are not mentioned."""
DROPOUT: Final = "dropout"
DIRECT: Final = ("respiratory_rate", "spo2", "systolic_bp", "pulse", "temperature")
"""Variables that NEWS2 takes as they are."""


@dataclass(frozen=True)
class VitalSet:
    """Vital signs of one moment.

    Parameters
    ----------
    observed
        What NEWS2 asks for.
    age
        Years at that time, NaN where unknown.
    at
        Time of the newest value; None in a made-up set.
    sources
        Record of each parameter of NEWS2, with its value in words.
    glasgow
        Glasgow score, None where it was not recorded.
    inputs
        Every record that anything here was read from.
    doubts
        Values newer than what counts, or in its place, that do not count.
    """

    observed: Observed
    age: float
    at: datetime | None = None
    sources: Mapping[str, RecordValue] = field(default_factory=dict)
    glasgow: float | None = None
    inputs: tuple[Reference, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether so much was measured that there is a set to be scored."""
        return self.at is None or len(self.sources) >= rules()["fewest"]

    @property
    def for_qsofa(self) -> tuple[float, float, float] | None:
        """Respiratory rate, systolic pressure and Glasgow score; None where one is missing."""
        rate, pressure = self.observed.respiratory_rate, self.observed.systolic_bp
        glasgow = self.glasgow
        if glasgow is None and self.observed.consciousness is not None:
            glasgow = ALERT if self.observed.consciousness == "A" else ALERT - 1
        if rate is None or pressure is None or glasgow is None:
            return None
        return rate, pressure, glasgow


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Any]:
    """Return the knowledge file, read once."""
    return tomllib.loads(RULES.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def variables() -> Mapping[str, Variable]:
    """Return what is measured by its key."""
    return {one.key: one for one in variables_in(RULES)}


def newest_set(case: Case) -> VitalSet | None:
    """Return the newest set of vital signs that an answer can still stand on.

    None where nothing was measured with a clear time that an answer could still stand on, or, with
    nothing doubted, fewer parameters than make a set.
    """
    values, doubted = sorted_out(case, variables())
    states = [one for one in _states(case) if one[0] <= case.at]
    direct = [one.at for one in values if one.variable in DIRECT]
    direct += [one.at for one in doubted if one.variable in DIRECT]
    times = [*direct, *(one[0] for one in states)]
    if not times:
        return None
    at = max(times)
    if case.at - at > timedelta(minutes=max(rules()["valid_minutes"].values())):
        return None
    since = at - timedelta(minutes=rules()["together_minutes"])
    newest = {one.variable: one for one in sorted(values, key=_by_time) if since <= one.at <= at}
    state = max((one for one in states if one[0] >= since), default=None, key=lambda one: one[0])
    doubts = _doubts(values, [one for one in doubted if since <= one.at <= at], newest, since)
    found = _set(case, at, newest, state, doubts)
    spoilt = any(one.kind != DROPOUT for one in doubts)
    return found if found.enough or spoilt else None


def _doubts(
    values: Sequence[Value],
    doubted: Sequence[Doubt],
    newest: Mapping[str, Value],
    since: datetime,
) -> tuple[Doubt, ...]:
    """Return the newest doubted value of each variable where none that counts is newer.

    Of a variable of which nothing came in time the last value before is told as too old.
    """
    found = {one.variable: one for one in sorted(doubted, key=lambda one: one.at)}
    found = {
        key: one for key, one in found.items() if key not in newest or newest[key].at <= one.at
    }
    before = {
        one.variable: one
        for one in sorted(values, key=_by_time)
        if since - STALE <= one.at < since and one.variable in DIRECT
    }
    for key, one in before.items():
        if key not in newest and key not in found:
            found[key] = _last(one, since)
    return tuple(found[key] for key in variables() if key in found)


def _last(value: Value, since: datetime) -> Doubt:
    variable = variables()[value.variable]
    together = timedelta(minutes=rules()["together_minutes"])
    minutes = (since + together - value.at).total_seconds() / 60
    claimed = with_unit(number(value.value), variable.unit)
    channel = Channel(variable.codes[0], variable.unit, "")
    reason = why(DROPOUT, channel, minutes=f"{minutes:.0f}")
    return Doubt(value.variable, value.at, claimed, DROPOUT, reason, value.record)


def _by_time(value: Value) -> tuple[datetime, Reference]:
    return value.at, value.record


def _set(
    case: Case,
    at: datetime,
    newest: Mapping[str, Value],
    state: tuple[datetime, str, Reference] | None,
    doubts: tuple[Doubt, ...] = (),
) -> VitalSet:
    observed: dict[str, Any] = {name: newest[name].value for name in DIRECT if name in newest}
    sources = {name: _source(newest[name]) for name in observed}
    given = [newest[name] for name in ("oxygen_flow", "oxygen_share") if name in newest]
    if given:
        flow, share = newest.get("oxygen_flow"), newest.get("oxygen_share")
        observed["oxygen"] = bool(
            (flow is not None and flow.value > 0) or (share is not None and share.value > AIR)
        )
        sources["oxygen"] = _source(given[0])
    glasgow = newest.get("glasgow")
    if state is not None:
        observed["consciousness"] = state[1]
        note = Text(en=f"Consciousness {state[1]} (ACVPU)", zh=f"意识 {state[1]}（ACVPU）")
        path = "Observation.value"
        sources["consciousness"] = RecordValue(record=state[2], path=path, note=note)
    elif glasgow is not None:
        observed["consciousness"] = "A" if glasgow.value >= ALERT else "V"
        sources["consciousness"] = _source(glasgow)
    chosen = _scale_2(case)
    people = case.of("Patient")[:1]
    born = people[0].content.get("birthDate") if people else None
    read = [one.record for one in sources.values()] + [one.reference for one in people]
    read += [name for one in doubts for name in (one.record, *one.context)]
    return VitalSet(
        at=at,
        age=age_at(born, at) if born else MISSING,
        observed=Observed(**observed, scale=2 if chosen else 1),
        sources=sources,
        glasgow=None if glasgow is None else glasgow.value,
        inputs=tuple(dict.fromkeys([*read, *chosen, *(one.record for one in newest.values())])),
        doubts=doubts,
    )


def _source(value: Value) -> RecordValue:
    variable = variables()[value.variable]
    shown = with_unit(number(value.value), variable.unit)
    note = Text(en=f"{variable.name.en} {shown}", zh=f"{variable.name.zh} {shown}")
    return RecordValue(record=value.record, path="Observation.value", note=note)


def _states(case: Case) -> Iterator[tuple[datetime, str, Reference]]:
    """Yield when, what and where a level of consciousness was recorded: A, C, V, P or U."""
    table = rules()["consciousness"]
    for record in case.of("Observation"):
        content = record.content
        at = moment(content.get("effectiveDateTime"))
        if at is None or content.get("status") in NOT_SAID:
            continue
        asked = content.get("code", {}).get("coding", ())
        if not any(c.get("system") == LOINC and c.get("code") in table["loinc"] for c in asked):
            continue
        value = content.get("valueCodeableConcept", {})
        words = {str(value.get("text", content.get("valueString", ""))).strip().lower()}
        for coding in value.get("coding", ()):
            words |= {str(coding.get("code")), str(coding.get("display", "")).lower()}
        for state in "UPVCA":
            if words & set(table[state]):
                yield at, state, record.reference
                break


def _scale_2(case: Case) -> tuple[Reference, ...]:
    """Return the records that say a clinician chose SpO2 scale 2."""
    wanted = f"{SUWEN}/codes", rules()["scale_2"]["code"]
    found = []
    for record in (*case.of("Flag"), *case.of("Observation")):
        coded = {
            (one.get("system"), one.get("code"))
            for one in record.content.get("code", {}).get("coding", ())
        }
        state = record.content.get("status")
        if wanted in coded and state not in (*NOT_SAID, "inactive"):
            found.append(record.reference)
    return tuple(found)
