"""A ward bay: four patients with devices, scores of different age, alerts in every state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import scene

from suwen.core.codes import NEWS2, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, RecordValue
from suwen.core.streams import MICROSECONDS, Channel, ticks
from suwen.health.alerts.rules import shipped, stretch
from suwen.health.early_warning.task import EARLY_WARNING
from suwen.records.alerts.book import AlertBook, Begun
from suwen.records.alerts.seen import Alerts
from suwen.records.alerts.wards import Rung, Ward, Wards
from suwen.records.streams.seen import Streams

CODES = {
    "pulse": ("8867-4", "/min"),
    "spo2": ("59408-5", "%"),
    "respiratory_rate": ("9279-1", "/min"),
    "systolic_bp": ("8480-6", "mm[Hg]"),
    "temperature": ("8310-5", "Cel"),
}
PACK = "early-warning@1.0.0+" + "0" * 64


@dataclass
class Bay:
    """The clinic, its ward and the patients by name."""

    clinic: scene.Clinic
    book: AlertBook
    patients: dict[str, str] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)


def furnish(clinic: scene.Clinic) -> Bay:
    """Fill a clinic's ward."""
    now = datetime.now(UTC)
    bay = Bay(clinic, AlertBook(clinic.store))
    wards = Wards(clinic.store, scene.CLINICIAN, "treatment")
    ladder = (Rung(0, (scene.NURSE.id,)), Rung(120, (scene.CLINICIAN.id,)), Rung(300, ("*",)))
    wards.define(Ward("icu", "Intensive care 2", ladder, budget=1))
    people = (("Li, Na", "1968-03-02"), ("Wang, Wei", "1950-07-11"), ("Smith, John", "1981-01-30"),
              ("Zhao, Min", "1994-12-05"))  # fmt: skip
    for i, (name, born) in enumerate(people):
        patient = bay.patients[name[:2]] = scene.admit(clinic, name, born, f"W-{i}")
        wards.place(patient, "icu", f"{i + 1}")
    li, wang, smith, zhao = bay.patients.values()
    measured(clinic, li, now, pulse=128, spo2=86, respiratory_rate=27, systolic_bp=97,
             temperature=38.6)  # fmt: skip
    measured(clinic, wang, now - timedelta(minutes=22), pulse=118, spo2=92, systolic_bp=101)
    measured(clinic, smith, now - timedelta(seconds=40), pulse=74, spo2=97, temperature=36.8,
             respiratory_rate=15, systolic_bp=124)  # fmt: skip
    measured(clinic, zhao, now - timedelta(hours=3), temperature=37.0)
    scored(clinic, li, 9, Band.RULE_IN, now + timedelta(minutes=14))
    scored(clinic, wang, 7, Band.RULE_IN, now - timedelta(minutes=6))
    scored(clinic, smith, 1, Band.RULE_OUT, now + timedelta(hours=5))
    bay.alerts["red"] = begun(bay, li, "spo2-low", 86, now)
    bay.alerts["silent"] = begun(bay, wang, "no-data-monitor", None, now - timedelta(minutes=17))
    bay.alerts["snoozed"] = begun(bay, smith, "heart-rate-high", 133, now - timedelta(minutes=9))
    bay.alerts["seen"] = begun(bay, zhao, "temperature-low", 34.9, now - timedelta(hours=3))
    alerts = Alerts(clinic.store, scene.CLINICIAN, "treatment")
    alerts.snooze(bay.alerts["snoozed"], 30, "mobilising with physiotherapy")
    alerts.acknowledge(bay.alerts["seen"], "equipment", "axillary probe had slipped")
    bay.book.beat("alerts")
    return bay


def measured(clinic: scene.Clinic, patient: str, at: datetime, **values: float) -> None:
    """Store an hour of readings, one a minute, that ends with these values."""
    streams = Streams(clinic.store, scene.CLINICIAN, "treatment")
    stretches = []
    for key, value in values.items():
        code, unit = CODES[key]
        channel = Channel(code, unit, f"monitor-{patient[-3:]}")
        last = ticks(at)
        pairs = [(last - 60 * i * MICROSECONDS, value + (i % 5) * 0.2 * bool(i)) for i in range(60)]
        stretches.append(stretch(channel, pairs))
    streams.put(patient, stretches)


def scored(clinic: scene.Clinic, patient: str, value: int, band: Band, until: datetime) -> None:
    """Store a NEWS2 score that stands until then."""
    access = clinic.access()
    person = access.search("Patient", patient)[-1]
    risk = {Band.RULE_IN: ("high", "高"), Band.RULE_OUT: ("low", "低")}[band]
    name = Text(en=f"NEWS2 (clinical risk {risk[0]})", zh=f"NEWS2（临床风险{risk[1]}）")
    point = Interval(value=value, low=value, high=value, level=1.0)
    finding = Finding(
        task=EARLY_WARNING,
        pack=PACK,
        code=NEWS2.model_copy(update={"name": name}),
        band=band,
        measures=(Measure(code=NEWS2, interval=point, unit="{score}"),),
        evidence=(RecordValue(record=person.reference, path="Patient.birthDate"),),
        valid_until=until,
    )
    access.put([finding], patient)


def begun(bay: Bay, patient: str, rule: str, value: float | None, at: datetime) -> str:
    """Raise an alert as the engine does."""
    known = shipped().get(rule)
    content = {"name": {"en": "No data", "zh": "无数据"}, "unit": "/min", "since": at.isoformat(),
               "channels": [["8867-4", "/min", "monitor"]]}  # fmt: skip
    if known is not None:
        content |= {
            "name": known.name.model_dump(),
            "value": value,
            "unit": known.unit,
            "limit": known.limit,
            "side": known.side,
            "channel": [known.codes[0], known.unit, "monitor"],
            "readings": [[at.isoformat(), value], [at.isoformat(), value]],
        }
    priority = known.priority.value if known else "medium"
    fingerprint = known.fingerprint if known else ""
    (made,) = bay.book.note([Begun(patient, rule, fingerprint, priority, at, content)], [], at)
    return made
