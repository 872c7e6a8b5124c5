"""One row a patient: from a table, or from FHIR Patients and their Conditions.

What names a person is left out here; what could single one out together with others (age, sex,
postal code, dates) is a quasi-identifier and named as such, for `cohort.anonymise`.

Reference: HL7 FHIR R4 (4.0.1) Patient, Condition; 45 CFR 164.514(b)(2)(i) (ages above 89).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from suwen.core.errors import BadInput, SuwenError
from suwen.privacy import tables
from suwen.privacy.cohort.made import Kind
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.fhir.ids import UUID
from suwen.privacy.fhir.reading import Resource
from suwen.privacy.files import Refused, decoded, files, kind_of
from suwen.privacy.subjects.person import personal
from suwen.privacy.words.postal import zip3

OLDEST: Final = 90
"""Ages from here on are one."""
QUASI: Final[dict[str, Kind]] = {"age": "age", "sex": "category", "zip": "zip", "state": "category"}
"""Quasi-identifiers of a FHIR Patient."""
CONDITIONS: Final = "conditions"
_KINDS: Final[dict[str, Kind]] = {"age": "age", "birth": "date", "zip": "zip", "date": "date"}
_KEPT: Final = frozenset(("age", "birth", "zip", "date", "num", "code"))
"""Actions on columns of a table (`tables.columns`) whose cells may stay."""


@dataclass(frozen=True)
class Rows:
    """One row a patient, and the kind of each quasi-identifier among its columns."""

    rows: list[dict[str, str]]
    quasi: dict[str, Kind]
    removed: tuple[str, ...] = ()


def read(source: Path, condition: str = "", today: date | None = None) -> Rows:
    """Return the patients of a table or of a file or folder of FHIR resources.

    Parameters
    ----------
    source
        A CSV file, a file of FHIR JSON or NDJSON, or a folder of such files.
    condition
        Only patients with a condition of this code or with this in its name.
    today
        The day ages are counted to; default the current.

    Raises
    ------
    BadInput
        There is no table and no Patient in it.
    """
    if source.is_dir():
        fhir = [one for one in files(source) if not isinstance(one, Refused) and one.kind == "fhir"]
        return _of_fhir([one.read() for one in fhir], condition, today)
    return of_files([source.read_bytes()], condition, today)


def of_files(contents: Sequence[bytes], condition: str = "", today: date | None = None) -> Rows:
    """Return the patients of one table, or of files of FHIR resources; errors as of `read`."""
    if len(contents) != 1:
        return _of_fhir([one for one in contents if _is_fhir(one)], condition, today)
    text = decoded(contents[0])
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return of_table(text, condition)
    resources = [one for one, _ in fhir_reading.each(fhir_reading.read(contents[0]))]
    return of_resources(resources, condition, today)


def _is_fhir(data: bytes) -> bool:
    try:
        return kind_of(data) == "fhir"
    except SuwenError:
        return False


def _of_fhir(contents: Iterable[bytes], condition: str, today: date | None) -> Rows:
    """Return the patients of files of FHIR resources; what cannot be read is passed over."""
    resources: list[Resource] = []
    for one in contents:
        with suppress(SuwenError):
            resources += [resource for resource, _ in fhir_reading.each(fhir_reading.read(one))]
    return of_resources(resources, condition, today)


def of_table(text: str, condition: str = "") -> Rows:
    """Return the rows of a table: columns that name a person or hold free text are left out."""
    table = tables.read(text)
    if table is None:
        raise BadInput(
            "a file that is no table and no FHIR", "CSV with a header", "export it again"
        )
    actions, content = tables.columns(table), list(table.rows())
    kept = [(i, name) for i, name in enumerate(table.header) if actions[i] in _KEPT]
    short = [
        (i, name)
        for i, name in enumerate(table.header)
        if actions[i] == "prose" and _categorical([row[i] for row in content])
    ]
    columns = sorted({*kept, *short})
    rows = [
        {name: row[i].strip() for i, name in columns}
        for row in content
        if not condition or any(condition.lower() in cell.lower() for cell in row)
    ]
    quasi = {name: _KINDS[actions[i]] for i, name in kept if actions[i] in _KINDS}
    quasi |= {name: "category" for i, name in kept if actions[i] == "code" and _is_sex(name)}
    gone = tuple(name for i, name in enumerate(table.header) if (i, name) not in columns)
    return Rows(rows, quasi, gone)


def _is_sex(name: str) -> bool:
    return name.strip().lower() in ("sex", "gender", "性别")


def _categorical(cells: Sequence[str]) -> bool:
    """Say whether cells are words of a short list rather than prose about someone."""
    values = {cell.strip() for cell in cells if cell.strip()}
    return (
        bool(values)
        and len(values) <= max(2, len(cells) // 5)
        and all(len(one) <= 60 and not personal(one) for one in values)
    )


def of_resources(
    resources: Iterable[Mapping[str, Any]], condition: str = "", today: date | None = None
) -> Rows:
    """Return one row a Patient of FHIR resources, with the names of its Conditions."""
    patients: dict[str, Mapping[str, Any]] = {}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in resources:
        if one.get("resourceType") == "Patient":
            patients[str(one.get("id", ""))] = one
        elif one.get("resourceType") == "Condition":
            subject = one.get("subject")
            about = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
            found[about.removeprefix(UUID).rpartition("/")[2]].update(_named(one))
    wanted = condition.lower()
    rows = []
    for key, patient in sorted(patients.items()):
        named = found[key]
        if not wanted or any(
            wanted in (code.lower() + " " + name.lower()) for code, name in named.items()
        ):
            rows.append(_row(patient, sorted(named.values()), today or date.today()))
    if not patients:
        raise BadInput("files without a Patient", "FHIR Patients, or a table", "check the folder")
    return Rows(
        rows, {name: kind for name, kind in QUASI.items() if any(row[name] for row in rows)}
    )


def _named(condition: Mapping[str, Any]) -> dict[str, str]:
    code = condition.get("code")
    codings = fhir_reading.objects(code.get("coding")) if isinstance(code, dict) else []
    return {
        str(one.get("code", "")): str(one.get("display") or one.get("code", ""))
        for one in codings[:1]
    }


def _row(patient: Mapping[str, Any], conditions: Sequence[str], today: date) -> dict[str, str]:
    address = next(iter(fhir_reading.objects(patient.get("address"))), {})
    return {
        "age": _age(str(patient.get("birthDate", "")), today),
        "sex": str(patient.get("gender", "")),
        "zip": zip3(str(address.get("postalCode", ""))),
        "state": str(address.get("state", "")),
        CONDITIONS: "; ".join(conditions),
    }


def _age(birth: str, today: date) -> str:
    try:
        born = date.fromisoformat((birth + "-01-01")[:10] if len(birth) == 4 else birth[:10])
    except ValueError:
        return ""
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return str(min(years, OLDEST))
