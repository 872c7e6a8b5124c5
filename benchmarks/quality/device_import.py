"""How much of real and recorded device data is read right: shares with 95 % Wilson intervals.

GATT vectors, the pass/fail suite of Open mHealth, expected tables of FIT records, corrupt FIT
files, recorded answers of eight vendors (read without an error; the readings themselves are
checked in `tests/unit/gateway/devices/test_vendors.py`). Named alternatives on the same data: for
Open mHealth the schemas as they are published, with and without format checks; for GATT reading
every SFLOAT as an integer, without exponent and special values. `SUWEN_DATA` names the data.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import datetime
from math import sqrt
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema_rs

from suwen.core.errors import BadInput
from suwen.gateway.devices import fit
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.gatt import Octets, decode
from suwen.gateway.devices.importing import samples_of
from suwen.gateway.devices.openmhealth import agrees
from suwen.gateway.devices.sample import Problems, Source

ROOT = Path(os.environ.get("SUWEN_DATA", "../shared/data")) / "vitals" / "device_import"
WEST = ZoneInfo("America/Los_Angeles")
COLUMNS = {"Heart Rate [bpm]": "heart_rate", "Speed [m/s]": "speed", "Distance [m]": "distance",
           "Cadence [rpm]": "cadence", "Timestamp": "timestamp"}  # fmt: skip


def interval(hits: int, cases: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share."""
    z = 1.959964
    share = hits / cases
    middle = (share + z * z / (2 * cases)) / (1 + z * z / cases)
    half = z / (1 + z * z / cases) * sqrt(share * (1 - share) / cases + z * z / (4 * cases**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def gatt(plain: bool) -> Iterator[bool]:
    """Yield whether each vector is decoded as expected; `plain`: SFLOAT as a mere integer."""
    vectors = json.loads((ROOT / "bluetooth_gatt/gatt_vectors.json").read_text())["vectors"]
    kept = Octets.sfloat
    if plain:
        Octets.sfloat = lambda self: self.unsigned(2) & 0xFFF  # type: ignore[method-assign]
    try:
        for one in vectors:
            yield decode(one["uuid"], bytes.fromhex(one["hex"])) == one["expected"]
    finally:
        Octets.sfloat = kept  # type: ignore[method-assign]


def suite() -> Iterator[tuple[str, str, object, bool]]:
    """Yield (name, version, body, should pass) of each case."""
    folder = ROOT / "omh_schemas/test-data/omh"
    for path in sorted(folder.rglob("*.json")):
        name, version, should = path.relative_to(folder).parts[:3]
        yield name, version, json.loads(path.read_bytes()), should == "shouldPass"


def published(formats: bool) -> Iterator[bool]:
    """Yield whether the schemas as published agree; what they name elsewhere lets all pass."""
    folder = ROOT / "omh_schemas/schema/omh"
    base = "https://example.org/omh/"
    texts = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    for text in texts.values():
        text.pop("$id", None)
    resources = [(base + name, text) for name, text in texts.items()]
    registry = jsonschema_rs.Registry(resources, retriever=lambda _: {})
    for name, version, body, should in suite():
        validator = jsonschema_rs.Draft4Validator(
            {"$ref": f"{base}{name}-{version}.json"}, registry=registry, validate_formats=formats
        )
        yield validator.is_valid(body) is should


def records() -> Iterator[bool]:
    """Yield whether each row of the expected tables is the record read."""
    for path in sorted((ROOT / "garmin_fit").glob("*-records.csv")):
        name = path.name.removesuffix("-records.csv")
        file = path.with_name(f"{name}.fit")
        source = Source(name, file.stat().st_size, lambda file=file: file.open("rb"))  # type: ignore[misc]
        got = [fields for kind, fields in fit.messages(source) if kind == "record"]
        with path.open() as table:
            rows = list(csv.DictReader(table, skipinitialspace=True))
        if len(got) == len(rows) + 1:
            got = got[1:]  # A first record that holds nothing but its time has no row.
        for fields, row in zip(got, rows, strict=True):
            yield all(_same(fields, column, cell) for column, cell in row.items())


def _same(fields: fit.Message, column: str, cell: str) -> bool:
    value = fields.get(COLUMNS.get(column, column))
    if column == "timestamp":
        local = datetime.strptime(cell, "%a %b %d %H:%M:%S PDT %Y")
        return bool(value == local.replace(tzinfo=WEST))
    if cell == "null":
        return value is None
    return value is not None and abs(float(value) - float(cell)) < 1e-6


def corrupt() -> Iterator[bool]:
    """Yield whether each corrupt FIT file ends in one clear error after what came before."""
    names = ("activity-filecrc", "activity-activity-filecrc", "activity-settings-corruptheader",
             "activity-settings-nodata", "activity-unexpected-eof")  # fmt: skip
    for name in names:
        data = (ROOT / f"garmin_fit/{name}.fit").read_bytes()
        count, error = 0, None
        try:
            for _ in fit.messages(Source(name, len(data), lambda data=data: io.BytesIO(data))):  # type: ignore[misc]
                count += 1
        except BadInput as caught:
            error = caught
        yield count > 0 and error is not None


def answers() -> Iterator[bool]:
    """Yield whether each recorded answer of a vendor is recognised and read to its end."""
    for path in sorted((ROOT / "omh_shimmer").rglob("*.json")):
        problems = Problems()
        source = Source(path.name, path.stat().st_size, lambda path=path: path.open("rb"), WEST)  # type: ignore[misc]
        try:
            list(Converter(problems).readings(samples_of(source, problems)[1]))
            yield True
        except BadInput:
            yield False


def main() -> None:
    if not ROOT.is_dir():
        print(f"{ROOT} is not there: set SUWEN_DATA")
        return
    rows = (
        ("GATT vectors", list(gatt(plain=False))),
        ("  floor: SFLOAT as an integer", list(gatt(plain=True))),
        ("Open mHealth pass/fail suite", [agrees(n, v, b) is s for n, v, b, s in suite()]),
        ("  schemas as published, formats", list(published(formats=True))),
        ("  schemas as published", list(published(formats=False))),
        ("FIT records of expected tables", list(records())),
        ("FIT corrupt files, clear error", list(corrupt())),
        ("vendor answers read to their end", list(answers())),
    )
    for name, hits in rows:
        low, high = interval(sum(hits), len(hits))
        share = f"{sum(hits)}/{len(hits)}"
        print(f"{name:<36} {share:>9}  {sum(hits) / len(hits):6.1%}  ({low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
