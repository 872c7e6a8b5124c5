"""Everything that is watched now: a machine for each rule of each patient, and the watchdog.

Kept in memory and told the time; what it says is written elsewhere. A patient's own rule stands in
place of the ward's rule of the same key, and a ward's in place of that of all wards.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.alerts import lateness, watchdog
from suwen.health.alerts import notices as alert_notices
from suwen.health.alerts.lateness import Clocks
from suwen.health.alerts.notices import Notice, Notices, content_of
from suwen.health.alerts.rules import Change, Machine, Rule
from suwen.health.alerts.watchdog import Limits, Watchdog

READINGS: Final = 5
"""Last readings of a channel that an alert tells."""


class Ruled(NamedTuple):
    """A rule and whom it is for: one patient, the patients of a ward, or (both empty) everybody."""

    rule: Rule
    patient: str = ""
    ward: str = ""


@dataclass(frozen=True)
class Said:
    """A condition began or ended.

    Parameters
    ----------
    rule, fingerprint, priority
        Of the rule, or of the watchdog (`no-data-<device>`).
    at
        Time of the reading that did it; of silence, when it was noticed.
    content
        What was measured, for the alert.
    """

    kind: Literal["raised", "cleared"]
    patient: str
    rule: str
    fingerprint: str
    priority: str
    at: datetime
    content: Mapping[str, Any]


@dataclass
class Watch:
    """The rules of all patients and the watchdog.

    Parameters
    ----------
    rules
        Those that are enabled.
    wards
        Ward of each patient who lies in one.
    silence
        Set times of silence by ward.
    passed_over
        Readings no rule could use, by ward and reason: `late`, `old` (`lateness`), `ahead`,
        `strange`, and the states of `health.readings.gate` (`unit`, also of a unit no rule knows).
    notices, clocks
        What is said of devices, and of their clocks.
    """

    rules: Sequence[Ruled] = ()
    wards: Mapping[str, str] = field(default_factory=dict)
    silence: Mapping[str, Limits] = field(default_factory=dict)
    dog: Watchdog = field(default_factory=Watchdog)
    passed_over: Counter[tuple[str, str]] = field(default_factory=Counter)
    notices: Notices = field(default_factory=Notices)
    clocks: Clocks = field(default_factory=Clocks)

    def __post_init__(self) -> None:
        self._machines: dict[str, list[Machine]] = {}
        self._last: dict[tuple[str, Channel], deque[tuple[int, float]]] = {}

    def take(
        self, patient: str, stretches: Sequence[Stretch], received: int, sends: bool = True
    ) -> list[Said]:
        """Take readings of one patient.

        Parameters
        ----------
        patient, stretches
            Whose they are, each channel's in order of time.
        received
            When they arrived, microseconds. What is history by then raises and ends nothing.
        sends
            Whether devices send them, whose silence is missed; False: they were read from files.
        """
        said: list[Said] = []
        machines = self._of(patient)
        for stretch in stretches:
            wanted = [one for one in machines if one.rule.reads(stretch.channel)]
            rules = [one.rule for one in wanted]
            old, recent, begins = lateness.parted(stretch, rules, received)
            if sends and old is not None:
                said += self._late(patient, old, wanted, received, alone=not len(recent))
            if not wanted and any(stretch.channel.code in one.rule.codes for one in machines):
                self._pass(patient, "unit", len(recent))
            timed = list(zip(wanted, begins, strict=True))
            said += self._stretch(patient, recent, timed, received, sends)
        return said

    def _late(
        self,
        patient: str,
        old: Stretch,
        machines: Sequence[Machine],
        received: int,
        alone: bool,
    ) -> Iterator[Said]:
        """Take note of what a device sent too late for any rule; `alone`: with nothing timely."""
        channel, tick, value = old.channel, int(old.at[-1]), float(old.values[-1])
        if again := self.dog.heard(patient, channel, tick, received):
            yield self._silence(patient, channel.device, again.at)
        if not machines:
            return
        self._pass(patient, "old", len(old))
        if alone and (notice := self.clocks.late(patient, channel, tick, received)):
            key = lateness.key_of(channel)
            yield _noticed(patient, key, channel, notice, value, [(received, value)])

    def _stretch(
        self,
        patient: str,
        stretch: Stretch,
        timed: Sequence[tuple[Machine, int]],
        received: int,
        sends: bool,
    ) -> Iterator[Said]:
        """Take readings of one channel; each machine from the time on from which it counts them."""
        channel, machines = stretch.channel, [one for one, _ in timed]
        last = self._last.setdefault((patient, channel), deque(maxlen=READINGS))
        judge, beyond = self.notices.judge, 0.0

        def over() -> bool:
            return any(one.beyond(channel, beyond) for one in machines)

        before = sum(one.late for one in machines), sum(one.strange for one in machines)
        for tick, value in zip(stretch.at.tolist(), stretch.values.tolist(), strict=True):
            if sends and (again := self.dog.heard(patient, channel, tick, received)):
                yield self._silence(patient, channel.device, again.at)
            if not watchdog.timely(tick, received):
                self._pass(patient, "ahead")
                continue
            if last and tick <= last[-1][0]:
                self._pass(patient, "late", bool(machines))
                continue
            last.append((tick, value))
            beyond = value
            judged = judge(patient, channel, (tick, value), received, over)
            if judged.notice is not None:
                key = alert_notices.key_of(channel)
                yield _noticed(patient, key, channel, judged.notice, value, last)
            if judged.held:
                self._pass(patient, judged.kind, bool(machines))
                continue
            for machine, since in timed:
                if tick >= since and (change := machine.feed(channel, tick, value)):
                    yield _changed(patient, machine.rule, change, last)
        if last and len(stretch) and (ended := self.clocks.timely(patient, channel)):
            key = lateness.key_of(channel)
            yield _noticed(patient, key, channel, ended, last[-1][1], last)
        self._pass(patient, "late", sum(one.late for one in machines) - before[0])
        self._pass(patient, "strange", sum(one.strange for one in machines) - before[1])

    def _pass(self, patient: str, reason: str, count: int = 1) -> None:
        if count:
            self.passed_over[self.wards.get(patient, ""), reason] += count

    def check(self, now: int) -> list[Said]:
        """Return which devices fell silent, one word for all channels of a device."""
        limits = {
            patient: self.silence[ward]
            for patient, ward in self.wards.items()
            if ward in self.silence
        }
        fallen = {(one.patient, one.channel.device) for one in self.dog.check(now, limits)}
        return [self._silence(patient, device, now) for patient, device in sorted(fallen)]

    def change(
        self,
        rules: Sequence[Ruled],
        wards: Mapping[str, str],
        silence: Mapping[str, Limits] | None = None,
    ) -> list[Said]:
        """Go on with other rules and wards; return alerts whose rule is gone."""
        self.rules, self.wards, self.silence = list(rules), dict(wards), dict(silence or {})
        ended: list[Said] = []
        for patient, machines in self._machines.items():
            fresh = {rule.key: rule for rule in self._rules(patient)}
            kept = {
                one.rule.key: one
                for one in machines
                if one.rule.key in fresh and fresh[one.rule.key].fingerprint == one.rule.fingerprint
            }
            ended += [
                _over(patient, one.rule)
                for one in machines
                if one.rule.key not in kept and one.raised
            ]
            self._machines[patient] = [kept.get(key) or Machine(fresh[key]) for key in fresh]
        return ended

    def resume(self, patient: str, rule: str, channel: Channel, tick: int) -> bool:
        """Go on with an alert that stood before a restart; False where its rule is gone."""
        for machine in self._of(patient):
            if machine.rule.key == rule and machine.rule.reads(channel):
                machine.resume(channel, tick)
                return True
        return False

    def settled(self, patient: str, rule: str, tick: int) -> None:
        """Go on after an alert that was over before a restart: it is not raised once more."""
        for machine in self._of(patient):
            if machine.rule.key == rule:
                machine.looked = max(machine.looked, tick)

    @property
    def longest_run(self) -> timedelta:
        """How far back a run may begin that no reading has completed yet."""
        longest = max((one.rule.window for one in self.rules), default=0)
        return timedelta(microseconds=longest)

    @property
    def history(self) -> int:
        """Age on arrival, microseconds, from which on no rule looks at a reading."""
        return lateness.late() + max((one.rule.window for one in self.rules), default=0)

    def _of(self, patient: str) -> list[Machine]:
        found = self._machines.get(patient)
        if found is None:
            found = self._machines[patient] = [Machine(rule) for rule in self._rules(patient)]
        return found

    def _rules(self, patient: str) -> list[Rule]:
        ward, chosen = self.wards.get(patient, ""), dict[str, tuple[int, Rule]]()
        for one in self.rules:
            if one.patient not in ("", patient) or one.ward not in ("", ward):
                continue
            rank = 2 if one.patient else 1 if one.ward else 0
            if rank >= chosen.get(one.rule.key, (0, None))[0]:
                chosen[one.rule.key] = rank, one.rule
        return [rule for _, rule in chosen.values()]

    def _silence(self, patient: str, device: str, at: int) -> Said:
        """Return which channels of a device are silent, or that it speaks again as a whole."""
        silent = self.dog.silent_of(patient, device)
        channels = sorted(silent)
        content = {
            "name": watchdog.NAME.model_dump(),
            "since": stamped(min((one.received for one in silent.values()), default=at)),
            "channels": [list(one) for one in channels],
        }
        kind: Literal["raised", "cleared"] = "raised" if silent else "cleared"
        priority = str(watchdog.times()["priority"])
        key = watchdog.key_of(device)
        return Said(kind, patient, key, "", priority, moment(at), content)


def _changed(patient: str, rule: Rule, change: Change, last: Sequence[tuple[int, float]]) -> Said:
    channel = change.channel
    content = {
        "name": rule.name.model_dump(),
        "value": round(change.value, 3),
        "unit": rule.unit,
        "limit": rule.limit,
        "side": rule.side,
        "since": stamped(change.since),
        "channel": list(channel),
        "readings": [[stamped(tick), value] for tick, value in last],
    }
    return Said(
        change.kind, patient, rule.key, rule.fingerprint, rule.priority.value,
        moment(change.at), content,
    )  # fmt: skip


def _noticed(
    patient: str,
    key: str,
    channel: Channel,
    notice: Notice,
    value: float,
    last: Sequence[tuple[int, float]],
) -> Said:
    readings = [[stamped(tick), value] for tick, value in last]
    content: dict[str, Any] = {}
    if notice.standing:
        content = content_of(notice, channel, value, readings)
        content["since"] = stamped(notice.since)
    kind: Literal["raised", "cleared"] = "raised" if notice.standing else "cleared"
    return Said(kind, patient, key, "", notice.priority, moment(last[-1][0]), content)


def _over(patient: str, rule: Rule) -> Said:
    now = datetime.now(UTC)
    return Said("cleared", patient, rule.key, rule.fingerprint, rule.priority.value, now, {})


def moment(tick: int) -> datetime:
    """Return microseconds since 1970 as a moment; what no calendar holds as its last one."""
    try:
        return datetime.fromtimestamp(tick / MICROSECONDS, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def stamped(tick: int) -> str:
    """Return microseconds since 1970 as FHIR writes a moment."""
    return moment(tick).isoformat(timespec="seconds").replace("+00:00", "Z")
