"""A patient with half an hour of two leads, what was found in it, a strip of a watch, a stream."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import scene
from tests.unit.health.ecgs import ecg, rhythm, wfdb

from suwen.app.demo_patients.ecg import observation
from suwen.core.codes import SNOMED, SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, TimeInterval
from suwen.health.beats.streamed import PREFIX
from suwen.health.readings.acceleration import derived
from suwen.health.signals.recording import WFDB_HEADER, WFDB_SIGNAL
from suwen.health.signals.tables import (
    LETTERS,
    BeatTable,
    Stretch,
    beats_attachment,
    stretches_attachment,
)
from suwen.records.alerts.book import AlertBook, Begun
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message

RATE, MINUTES = 200, 30
PACK = "health.ecg_beats@1+" + "0" * 64
WIDE = {300: "V", 700: "V", 900: "V", 901: "V", 902: "V"}
EARLY = {400: "S"}
FIBRILLATION = Stretch(1200.0, 1500.0, 0.9)
LOST = (600.0, 640.0)
OPENED = "2025-12-24T10:00:00+00:00"


@dataclass(frozen=True)
class Furnished:
    """References of what was recorded, and the beats as they were told."""

    holter: str
    watch: str
    table: BeatTable


def furnish(clinic: scene.Clinic, patient: str) -> Furnished:
    """Record both and report on the long one."""
    beats = rhythm(60 * MINUTES, jitter=0.015)
    kinds = {**WIDE, **EARLY}
    for k in kinds:
        beats[k] -= 0.3 if k - 1 not in kinds else 0.35
    letters = [kinds.get(k, "N") for k in range(len(beats))]
    lead = ecg(beats, letters, RATE, 60 * MINUTES, noise=0.02)
    lead[round(LOST[0] * RATE) : round(LOST[1] * RATE)] = 0.0
    files = wfdb(np.stack([lead, -0.6 * lead]), RATE, ("II", "V1"))
    access = clinic.access()
    digests = access.put_blobs(
        patient, [(data, "application/octet-stream") for data in files.values()]
    )
    kinds_of = (WFDB_HEADER, WFDB_SIGNAL)
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "date": OPENED,
        "content": [
            {"attachment": {"contentType": kind, "url": f"blob/{digest}", "title": name}}
            for kind, digest, name in zip(kinds_of, digests, files, strict=True)
        ],
    }
    strip = observation("fibrillation", 202, "2025-12-20T09:40:00+08:00")
    watch, holter = access.put([strip, document], patient)
    there = (beats < LOST[0]) | (beats > LOST[1])
    named = np.array([LETTERS.index(letter) for letter in letters])
    table = BeatTable(beats[there], named[there], np.full(int(there.sum()), 0.95))
    findings = told(holter.reference, table)
    blobs = [(a.data or b"", a.media_type) for one in findings for a in one.attachments]
    access.put_blobs(patient, blobs)
    scene.report_on(clinic, patient, findings)
    return Furnished(holter.reference, watch.reference, table)


def told(record: str, table: BeatTable) -> list[Finding]:
    """What the tasks say of the long recording."""
    run = table.at[np.flatnonzero(table.kind == LETTERS.index("V"))[-3:]]
    count = Interval(value=5, low=4, high=6)
    return [
        Finding(
            task="health.af",
            pack=PACK.replace("ecg_beats", "af"),
            code=Code(
                system=SNOMED, code="164889003", name=Text(en="AF on ECG", zh="心电图示房颤")
            ),
            band=Band.RULE_IN,
            probability=Interval(value=0.9, low=0.8, high=0.95),
            evidence=(TimeInterval(record=record, start=FIBRILLATION.start, end=FIBRILLATION.end),),
            attachments=(stretches_attachment([FIBRILLATION]),),
        ),
        Finding(
            task="health.ecg_beats",
            pack=PACK,
            code=Code(
                system=f"{SUWEN}/codes",
                code="ectopic-beats",
                name=Text(en="Ectopic beats", zh="异位搏动"),
            ),
            band=Band.RULE_IN,
            measures=(
                Measure(
                    code=Code(system=f"{SUWEN}/codes", code="v", name=Text(en="V", zh="室性")),
                    interval=count,
                    unit="1",
                ),
            ),
            evidence=(
                TimeInterval(
                    record=record,
                    start=float(run[0]) - 0.4,
                    end=float(run[-1]) + 0.4,
                    note=Text(en="3 ventricular beats in a row", zh="连续 3 个室性搏动"),
                ),
            ),
            attachments=(beats_attachment(table),),
        ),
    ]


STRAP, STRAP_RATE, STRAP_S = "strap-1", 250, 80
NOT_SENT = (30, 40)
"""Seconds of the strap's recording that never arrived."""
ALARM_S, WALKED = 60, (10, 20)


@dataclass(frozen=True)
class Streamed:
    """What a strap sent: its token, the reference of the recording, its beats, when it began."""

    token: str
    record: str
    beats: np.ndarray
    began: datetime


def stream(clinic: scene.Clinic, patient: str) -> Streamed:
    """A strap sends two leads for eighty seconds, ten of which are lost, and how its bearer moved.

    A monitor alarms in it.
    """
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    token = Devices(clinic.store, scene.CLINICIAN, "treatment").add(STRAP, patient)
    beats = rhythm(STRAP_S)
    lead = ecg(beats, ["N"] * len(beats), STRAP_RATE, STRAP_S, noise=0.02)
    door = Door(clinic.store, derive=derived)
    for second in range(0, STRAP_S, 10):
        if not NOT_SENT[0] <= second < NOT_SENT[1]:
            part = lead[second * STRAP_RATE : (second + 10) * STRAP_RATE]
            at = began + timedelta(seconds=second)
            door.receive([chunk(token, part, at), moved(token, second == WALKED[0], at)])
    first = round(began.timestamp() * 1e6)
    last = first + round((STRAP_S - 1 / STRAP_RATE) * 1e6)
    at = began + timedelta(seconds=ALARM_S)
    AlertBook(clinic.store).note(
        [Begun(patient, "asystole", "", "high", at, alarmed(at))], [], datetime.now(UTC)
    )
    return Streamed(token, f"{PREFIX}{STRAP}/{first}-{last}", beats, began)


def chunk(token: str, values: np.ndarray, at: datetime) -> Message:
    """One message of the strap, as it comes over MQTT."""
    block = {"unit": "mV", "at": at.isoformat(), "hz": STRAP_RATE}
    leads = [
        {**block, "code": code, "values": np.round(values, 3).tolist()}
        for code in ("131329", "131330")
    ]
    return Message(STRAP, json.dumps({"token": token, "readings": leads}).encode())


def moved(token: str, walks: bool, at: datetime) -> Message:
    """Ten seconds of the strap's accelerometer: rest, or steps."""
    up = 1 + (0.4 if walks else 0.002) * np.sin(np.pi * np.arange(500) / 12.5)
    rows = [[0.0, 0.0, round(float(one), 4)] for one in up]
    reading = {"code": "omh:acceleration", "unit": "[g]", "at": at.isoformat(), "hz": 50}
    said = {"token": token, "readings": [{**reading, "axes": ["x", "y", "z"], "values": rows}]}
    return Message(STRAP, json.dumps(said).encode())


def alarmed(at: datetime) -> dict[str, object]:
    """What an alert of the monitor holds."""
    return {
        **{"name": {"en": "Asystole", "zh": "心搏停止"}, "channel": ["199684", "1", STRAP]},
        **{"value": 1.0, "unit": "1", "limit": 1.0, "side": "above", "since": at.isoformat()},
        "waves": {"en": "Nothing readable contradicts it.", "zh": "可判读的信号未与之矛盾。"},
        "readings": [],
    }
