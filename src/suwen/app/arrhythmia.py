"""Arrhythmia alarms of monitors, held against the waves around them.

A monitor says asystole or ventricular tachycardia; what the waves stored of these seconds say is
asked at once (`health.alerts.truth`). Contradicted, the alert stands as amber with the reason and
pages nobody at once; it is asked again while it stands, and what is not contradicted any more is
red. Nothing is silenced: without a readable wave that speaks against it an alarm stays as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.alerts import truth as alarm_truth
from suwen.health.alerts.rules import shipped
from suwen.health.alerts.truth import LOOKED_BACK, Alarm, Heard
from suwen.health.alerts.watch import Said, stamped
from suwen.health.beats.streamed import LEAST_RATE, evenly, step_of
from suwen.health.readings.movement import movements, spans
from suwen.health.signals.quality import WINDOW
from suwen.health.signals.recording import PPG_CODES, is_ecg_code
from suwen.records.streams.tap import Tap

ALARMS: Final[tuple[Alarm, ...]] = ("asystole", "ventricular-tachycardia")
"""Keys of the rules that watch a monitor's own alarms."""
LOWERED: Final = "medium"
AGAIN: Final = 2 * MICROSECONDS
"""How often an alarm that was contradicted is asked again."""
STEPS: Final = 60 * MICROSECONDS
LATE: Final = 5 * MICROSECONDS
"""A wave may lag so far behind its monitor's alarm."""


@dataclass
class Doubted:
    """Alarms that waves contradict, by patient and rule: as they came, and when asked last."""

    tap: Tap
    _standing: dict[tuple[str, str], tuple[Said, int]] = field(default_factory=dict)

    def checked(self, said: Iterable[Said], channels: Sequence[tuple[str, Channel]]) -> list[Said]:
        """Return what is said with contradicted alarms lowered.

        Parameters
        ----------
        said
            What the rules said.
        channels
            Channels that were ever heard, each with its patient.
        """
        found = []
        for one in said:
            key = one.patient, one.rule
            if one.rule not in ALARMS:
                found.append(one)
            elif one.kind == "cleared":
                self._standing.pop(key, None)
                found.append(one)
            else:
                at = round(one.at.timestamp() * MICROSECONDS)
                found.append(self._asked(one, at, channels))
        return found

    def resume(
        self, patient: str, rule: str, priority: str, at: datetime, content: Mapping[str, Any]
    ) -> None:
        """Go on asking about an alarm that stood lowered before a restart."""
        if rule in ALARMS and priority == LOWERED:
            known = shipped()[rule]
            one = Said(
                "raised", patient, rule, known.fingerprint, known.priority.value, at, content
            )
            self._standing[patient, rule] = one, 0

    def again(self, now: int, channels: Sequence[tuple[str, Channel]]) -> list[Said]:
        """Return the alarms that stand and are not contradicted any more, as red as they came."""
        found = []
        for key, (one, asked) in list(self._standing.items()):
            if now - asked < AGAIN:
                continue
            told = self._asked(one, now, channels)
            if key not in self._standing:
                found.append(told)
        return found

    def _asked(self, one: Said, at: int, channels: Sequence[tuple[str, Channel]]) -> Said:
        own = [channel for patient, channel in channels if patient == one.patient]
        waves = [wave for wave in self._waves(one.patient, own, at) if wave is not None]
        verdict = alarm_truth.verdict(_alarm(one.rule), waves)
        content = {**one.content, "waves": verdict.reason.model_dump(), "asked": stamped(at)}
        if not verdict.contradicted:
            self._standing.pop((one.patient, one.rule), None)
            return replace(one, content=content)
        self._standing[one.patient, one.rule] = one, at
        return replace(one, content=content, priority=LOWERED)

    def _waves(self, patient: str, channels: Sequence[Channel], at: int) -> Iterable[Heard | None]:
        since = at - round(LOOKED_BACK * MICROSECONDS) - LATE
        wanted = [one for one in channels if _kind(one)]
        telling = [one for one in channels if one[:2] in movements()]
        # steps stand at the beginning of their minute
        moving = spans(self.tap.read(patient, telling, since - STEPS, at + 1))
        first = at - round(WINDOW * MICROSECONDS) - LATE
        moved = any(begun <= at and ended >= first for begun, ended in moving)
        for stretch in self.tap.read(patient, wanted, since, at + 1):
            heard = _heard(stretch, at)
            yield None if heard is None else replace(heard, moving=moved)


def _alarm(rule: str) -> Alarm:
    return next(one for one in ALARMS if one == rule)


def _kind(channel: Channel) -> str:
    if is_ecg_code(channel.code):
        return "ecg"
    return "ppg" if channel.code in PPG_CODES else ""


def _heard(stretch: Stretch, at: int) -> Heard | None:
    """Return a wave with its gaps as NaN; None where it is none, or ended before the alarm."""
    if len(stretch) < 2 or at - int(stretch.at[-1]) > LATE:
        return None
    step = step_of(stretch.at)
    rate = MICROSECONDS / step if step > 0 else 0.0
    if rate < LEAST_RATE or len(stretch) < LOOKED_BACK * rate / 2:
        return None
    values = evenly(stretch.at, stretch.values, int(stretch.at[0]), step)
    if _kind(stretch.channel) == "ecg":
        return Heard("ECG", "ecg", values, rate)
    return Heard("PLETH", "ppg", values, rate)
