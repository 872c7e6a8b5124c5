"""What was recorded over time: the leads of an ECG or a pulse wave, from whatever form it came in.

A recording stands in a Case as an Observation with SampledData (itself or in its components), or
as a DocumentReference: of one EDF or BDF file, or of a WFDB record, whose first content is the
header and whose further contents are the signal files that the header names, each as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import LOINC
from suwen.core.errors import SuwenError
from suwen.core.nouns import Case, Record, Reference
from suwen.health.facts.measured import NOT_SAID, moment
from suwen.health.signals.recording_edf import is_edf, read_edf
from suwen.health.signals.recording_wfdb import read_wfdb
from suwen.health.signals.sampled import sampled

EDF: Final = "application/x-edf"
WFDB_HEADER: Final = "application/x-wfdb-header"
WFDB_SIGNAL: Final = "application/x-wfdb-signal"
MDC: Final = "urn:iso:std:iso:11073:10101"
ECG_STUDY: Final = "11524-6"
"""LOINC code of an ECG; the leads are its components."""
ECG_RECORDING: Final[Mapping[str, Any]] = {
    "coding": [{"system": LOINC, "code": ECG_STUDY, "display": "EKG study"}],
    "text": "ECG recording",
}
"""What kind of document an ECG is."""
PPG_CODES: Final = ("150452", "76523-0")
"""MDC_PULS_OXIM_PLETH; LOINC for the pulse wave."""
MILLIVOLTS: Final[Mapping[str, float]] = {
    "mV": 1.0,
    "uV": 1e-3,
    "µV": 1e-3,
    "μV": 1e-3,
    "V": 1e3,
    "nV": 1e-6,
}
"""Units of a voltage, and what makes them millivolts."""
ECG, PPG, OTHER = "ecg", "ppg", "other"
_ECG_LEAD = re.compile(
    r"(?:ecg|ekg|ml|mcl|cm|lead|mdc_ecg_elec_potl|[ _-])*"
    r"(?:i{1,3}|[1-3]|v[1-9]?r?|[ad]v[rlf]|mv[1-9]|v[xyz]|[xyz]|d[1-3])?",
    re.IGNORECASE,
)
_PPG = re.compile(r"pleth|ppg|photopl", re.IGNORECASE)
_FIRST: Final = ("ii", "i", "v5", "v", "v2", "v1")
"""Leads asked first, where there are several: a beat is clearest in them."""


@dataclass(frozen=True)
class Lead:
    """One signal of a recording.

    Parameters
    ----------
    name, kind
        As the recorder calls it; `ECG`, `PPG` or `OTHER`.
    rate
        Samples a second.
    unit
        Millivolts for an ECG, else as recorded.
    values
        (n,) of float32; NaN where nothing was recorded.
    """

    name: str
    kind: str
    rate: float
    unit: str
    values: NDArray[np.float32] = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.values) / self.rate


@dataclass(frozen=True)
class Recording:
    """Leads recorded together.

    Parameters
    ----------
    record
        Reference of the Observation or DocumentReference.
    inputs
        References whose bytes it is made of.
    start
        Time of the first sample: with its zone in an Observation, else by the recorder's clock.
    leads
        In the order of the recorder.
    """

    record: Reference
    inputs: tuple[Reference, ...]
    start: datetime | None
    leads: tuple[Lead, ...]

    def best(self, kind: str = ECG) -> Lead | None:
        """Return the lead of a kind to be asked: II where it is there, else the first by custom."""
        found = [lead for lead in self.leads if lead.kind == kind]
        return min(found, key=lambda lead: _place(lead.name), default=None)


def _place(name: str) -> int:
    short = re.sub(r"^(?:ecg|ekg|ml|lead|mdc_ecg_elec_potl|[ _-])+", "", name.strip().lower())
    return _FIRST.index(short) if short in _FIRST else len(_FIRST)


def lead_of(name: str, rate: float, unit: str, values: NDArray[np.generic]) -> Lead:
    """Return a lead with its kind told from its name and unit; an ECG in millivolts."""
    numbers = np.asarray(values, dtype=np.float32)
    factor = MILLIVOLTS.get(unit.strip())
    if factor is not None and _ECG_LEAD.fullmatch(name.strip()):
        return Lead(name, ECG, rate, "mV", numbers if factor == 1 else numbers * np.float32(factor))
    return Lead(name, PPG if _PPG.search(name) else OTHER, rate, unit, numbers)


def recordings(case: Case) -> Iterator[Recording]:
    """Yield every recording of a Case that can be read, in the order they were stored."""
    for record in case.records:
        if record.type == "Observation":
            found = _observed(record)
        elif record.type == "DocumentReference":
            found = _stored(case, record)
        else:
            continue
        if found is not None and found.leads:
            yield found


def is_recording(record: Record) -> bool:
    """Say whether a record is a recording by its form, without reading it."""
    if record.type == "Observation":
        whole = _kind(record.content)
        parts = (record.content, *record.content.get("component", ()))
        return any("valueSampledData" in part and (_kind(part) or whole) for part in parts)
    return record.type == "DocumentReference" and media_types(record)[:1] in ([EDF], [WFDB_HEADER])


def media_types(record: Record) -> list[str]:
    """Return the media types of a DocumentReference's contents, in order."""
    return [str(one.get("contentType", "")) for one in _attachments(record)]


def read_recording(contents: Mapping[str, bytes], first: str) -> tuple[datetime | None, list[Lead]]:
    """Return start and leads of an EDF file or a WFDB record.

    Parameters
    ----------
    contents
        Bytes of each file by its name.
    first
        Name of the EDF file or of the WFDB header.

    Raises
    ------
    BadInput
        It cannot be read: what was wrong.
    """
    if is_edf(contents[first]):
        start, signals = read_edf(contents[first])
    else:
        start, signals = read_wfdb(contents[first], contents)
    return start, [lead_of(one.name, one.rate, one.unit, one.values) for one in signals]


def _attachments(record: Record) -> list[Mapping[str, Any]]:
    return [part.get("attachment") or {} for part in record.content.get("content") or ()]


def _stored(case: Case, record: Record) -> Recording | None:
    parts = _attachments(record)
    if not parts or parts[0].get("contentType") not in (EDF, WFDB_HEADER):
        return None
    urls = [str(part.get("url", "")) for part in parts]
    try:
        contents = {
            str(part.get("title", "")).rpartition("/")[2]: case.blob(url.removeprefix("blob/"))
            for part, url in zip(parts, urls, strict=True)
        }
        start, leads = read_recording(contents, next(iter(contents)))
    except SuwenError:  # it was refused by name when it came in
        return None
    start = began(record) or start
    return Recording(record.reference, (record.reference, *urls), start, tuple(leads))


def began(record: Record) -> datetime | None:
    """Return when a recording began as its record says, with its zone; None where it does not."""
    content = record.content
    period = (content.get("context") or {}).get("period") or content.get("effectivePeriod") or {}
    return moment(content.get("effectiveDateTime") or period.get("start"))


def _observed(record: Record) -> Recording | None:
    """Return the leads of an Observation; None where it samples neither ECG nor pulse wave."""
    content = record.content
    if content.get("status") in NOT_SAID:
        return None
    whole = _kind(content)
    leads, start = [], None
    for part in (content, *content.get("component", ())):
        found, kind = sampled(content, part), _kind(part) or whole
        if found is None or not kind or found.values.ndim != 1:
            continue
        factor = MILLIVOLTS.get(found.unit)
        if kind == ECG and factor is None:
            continue
        values = (found.values * (factor if kind == ECG and factor else 1)).astype(np.float32)
        unit = "mV" if kind == ECG else found.unit
        leads.append(Lead(_name(part), kind, 1 / found.period, unit, values))
        start = start or found.start
    if not leads:
        return None
    return Recording(record.reference, (record.reference,), start, tuple(leads))


def is_ecg_code(code: str) -> bool:
    """Say whether a code of ISO/IEEE 11073-10101 is that of an ECG lead."""
    return code.isdigit() and 131328 <= int(code) <= 131583


def _kind(part: Mapping[str, Any]) -> str:
    """Return what a code says is sampled; empty where it says neither."""
    for coding in (part.get("code") or {}).get("coding") or ():
        system, code = coding.get("system"), str(coding.get("code", ""))
        if (system == LOINC and code == ECG_STUDY) or (system == MDC and is_ecg_code(code)):
            return ECG
        if code in PPG_CODES:
            return PPG
    return ""


def _name(part: Mapping[str, Any]) -> str:
    code = part.get("code") or {}
    shown = [str(one["display"]) for one in code.get("coding") or () if one.get("display")]
    return str(code.get("text") or (shown[0] if shown else "ECG"))
