"""Readings in FHIR R4 Observations: a resource, a Bundle, a list, or one resource a line.

Only what a reading needs is looked at: the code, the time, the value. All have to be of one
patient. Sampled data (evenly spaced values) become one reading each.

Reference: HL7 FHIR R4 Observation; UCUM.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from suwen.core.codes import LOINC, Text
from suwen.core.errors import BadInput
from suwen.gateway.devices.entries import Entry, inner
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    NOT_A_NUMBER,
    Problems,
    Sample,
    Samples,
    Source,
    number,
)
from suwen.health.facts.measured import NOT_SAID, moment
from suwen.health.readings.acceleration import ACCELERATION
from suwen.health.readings.acceleration import AXES as NAMED
from suwen.health.signals.sampled import sampled

_WITHDRAWN: Final = Text(en="an Observation that was withdrawn", zh="已撤销的 Observation")
_BOUND: Final = Text(
    en="a value given as a bound (< or >), not a number", zh="以界限（< 或 >）给出的值"
)
_NOT_KNOWN: Final = Text(
    en="an Observation of a quantity that is not kept", zh="未收录指标的 Observation"
)

AXES: Final = tuple(f"acceleration_{axis}" for axis in NAMED)
"""Keys of the quantities that sampled data of an acceleration hold."""


def claims(document: object) -> bool:
    """Say whether a JSON value is a FHIR resource or a list of them."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and isinstance(first.get("resourceType"), str)


def one_person(document: Any, problems: Problems) -> None:
    """Look through a file for whose it is, before anything of it is taken.

    Raises
    ------
    BadInput
        The Observations are of several patients, or a Patient was born on another day.
    """
    subject = ""
    for resource in _resources(document):
        if resource.get("resourceType") == "Patient":
            problems.born_on(str(resource.get("birthDate") or ""))
        if resource.get("resourceType") != "Observation":
            continue
        name = str(inner(resource, "subject").get("reference") or "").partition("/_history/")[0]
        subject = subject or name
        if name and name != subject:
            raise BadInput(
                "Observations of several patients",
                "those of one patient",
                "split them by patient and import each for its own patient",
            )


def samples(document: Any, source: Source, problems: Problems) -> Samples:
    """Yield the samples of Observations of one patient."""
    del source
    for place, resource in enumerate(_resources(document), 1):
        where = f"resource {place}"
        kind = resource.get("resourceType")
        if kind != "Observation":
            problems.leave(Text(en=f"FHIR {kind!s:.40}", zh=f"FHIR {kind!s:.40}"), where)
            continue
        yield from _samples(resource, where, problems)


def _resources(document: Any) -> Iterator[Entry]:
    for one in [document] if isinstance(document, dict) else document:
        if not isinstance(one, dict):
            continue
        entries = one.get("entry")
        if one.get("resourceType") == "Bundle" and isinstance(entries, list):
            for entry in entries:
                if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                    yield entry["resource"]
        else:
            yield one


def _samples(resource: Entry, where: str, problems: Problems) -> Iterator[Sample]:
    if resource.get("status") in NOT_SAID:
        problems.leave(_WITHDRAWN, where)
        return
    device = inner(resource, "device")
    text = str(device.get("reference") or device.get("display") or "")
    name = f"fhir/{text.rpartition('/')[2][:60]}" if text else "fhir"
    log = str(resource.get("id") or "")
    parts = [resource]
    components = resource.get("component")
    parts += [one for one in components if isinstance(one, dict)] if components else []
    at = _moment(resource)
    found = False
    for part in parts:
        key = _quantity(part)
        if key is None:
            continue
        found = True
        if at is None:
            problems.refuse(NO_TIME, where)
        elif "valueSampledData" in part:
            yield from _evenly(resource, part, key, name, where, problems)
        elif key == ACCELERATION:
            problems.refuse(MALFORMED, where)
        else:
            yield from _value(part, key, at, name, log, where, problems)
    if not found:
        problems.leave(_NOT_KNOWN, where)


def _moment(resource: Entry) -> datetime | None:
    whole = inner(resource, "effectivePeriod")
    given = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    return moment(given or whole.get("start"))


def _quantity(part: Entry) -> str | None:
    codings = inner(part, "code").get("coding")
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and coding.get("code") == ACCELERATION:
            return ACCELERATION
        if isinstance(coding, dict) and coding.get("system") == LOINC:
            key = quantities().by_code.get(str(coding.get("code")))
            if key is not None:
                return key
    return None


def _value(
    part: Entry, key: str, at: datetime, device: str, log: str, where: str, problems: Problems
) -> Iterator[Sample]:
    quantity = part.get("valueQuantity")
    if not isinstance(quantity, dict):
        problems.refuse(MALFORMED, where)
        return
    if quantity.get("comparator"):
        problems.leave(_BOUND, where)
        return
    value = number(quantity.get("value"))
    if value is None:
        problems.refuse(NOT_A_NUMBER, where)
        return
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    yield Sample(key, at, value, unit, device, log)


def _evenly(
    resource: Entry, part: Entry, key: str, device: str, where: str, problems: Problems
) -> Iterator[Sample]:
    """Yield the values of sampled data that were measured; of an acceleration each axis."""
    found = sampled(resource, part)
    keys = AXES if key == ACCELERATION else (key,)
    rows = None if found is None else found.values.reshape(len(found.values), -1)
    if found is None or rows is None or found.start is None or rows.shape[1] != len(keys):
        problems.refuse(MALFORMED, where)
        return
    step = timedelta(seconds=found.period)
    for place in np.flatnonzero(np.isfinite(rows).all(1)).tolist():
        for own, value in zip(keys, rows[place].tolist(), strict=True):
            yield Sample(own, found.start + place * step, value, found.unit, device)
