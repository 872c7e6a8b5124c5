"""Vignettes: made-up people as a few words each, and what has to be said to them and what not.

One TOML file, `advice_vignettes.toml`, with `vignette` tables: `id`, `topic`, `says` (a clinical
sentence), `person` (sex, age and country), and lists of words: `values` (`bp 152/94 3`: three days
ago; `ldl 3.6 mmol/L 30`), `conditions` (ICD-10, days ago), `drugs` and `allergies` (ATC), `given`
(vaccine, days ago), `tried` (rule, FHIR state). `records` may hold whole FHIR resources instead.
Expected are `said` (exactly these), `suppressed` (at least these) and `first`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import ADVICE, LOINC, SNOMED
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Record
from suwen.health.advice.facts import Person, person_of, record_rules
from suwen.health.risk.equation import library
from suwen.health.risk.facts import rules as risk_rules
from suwen.health.risk.records import OWN
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample, Source
from suwen.lifecycle.measure.calculated import FORMULA

SET: Final = "advice_vignettes"
FILE: Final = "advice_vignettes.toml"
PLACES: Final = (f"vitals/{SET}", SET)
"""Where the folder lies below a root, tried in this order; then the root itself."""
AT: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
"""The moment every vignette is asked at."""
ICD, ATC = "http://hl7.org/fhir/sid/icd-10", "http://www.whocc.no/atc"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
QUIET, BARE = "nothing is ever said", "thresholds alone"
SOURCE: Final = Source(
    SET,
    "tests/unit/health/advice_vignettes.toml",
    "Apache-2.0",
    "written from the guidelines named in knowledge/advice_*.toml before the rules first ran",
    shippable=True,
    limits=(
        "Made-up people, by the author of the rules: agreement shows that the rules do what was "
        "meant, not that clinicians agree.",
    ),
)


def examples(data: DataFolders, dataset: str, bare: Callable[[Person], set[str]]) -> Examples:
    """Load the vignettes; `bare` gives what thresholds without exclusions would say.

    Raises
    ------
    BadInput, NotFound
        There is no such set, it is in none of the folders, or the file is broken.
    """
    if dataset != SET:
        raise BadInput(f"no data set {dataset!r}", SET)
    rows = vignettes(_file(data))
    people = [person(row) for row in rows]

    def load(i: int) -> Sample:
        return Sample(str(rows[i]["id"]), people[i])

    def agrees(i: int, output: Output) -> bool:
        return met(rows[i], output.values)

    keys = tuple(str(row["id"]) for row in rows)
    quiet = [float(not row.get("said") and not row.get("suppressed")) for row in rows]
    thresholds = [
        float(bare(one) == set(row.get("said", ())) and not row.get("suppressed"))
        for one, row in zip(people, rows, strict=True)
    ]
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=np.zeros(len(rows), dtype=int),
        load=load,
        tags={FORMULA: np.array([str(row["topic"]) for row in rows])},
        floors={QUIET: np.array(quiet), BARE: np.array(thresholds)},
        agrees=agrees,
    )


def met(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Say whether an answer is what a vignette expects."""
    suppressed = {name for name, state in values.items() if state == "suppressed"}
    said = set(values) - suppressed - {"first"}
    return (
        said == set(row.get("said", ()))
        and set(row.get("suppressed", ())) <= suppressed
        and row.get("first", values.get("first")) == values.get("first")
    )


def vignettes(path: Path) -> list[Mapping[str, Any]]:
    """Return the vignettes of a file.

    Raises
    ------
    BadInput
        It is no TOML, or a vignette lacks its id, topic or person, or two have one id.
    """
    try:
        rows: list[Mapping[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["vignette"]
        names = [row["id"] for row in rows if row["topic"] and row["person"]]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, OSError) as error:
        raise BadInput(
            f"{path.name}: {type(error).__name__}: {error}",
            "tables `vignette` with id, topic and person",
            "correct or leave out that vignette",
        ) from None
    if len(set(names)) < len(names):
        raise BadInput(f"{path.name} with two vignettes of one id", "ids that differ")
    return rows


def case_of(row: Mapping[str, Any]) -> Case:
    """Return the Case of a vignette.

    Raises
    ------
    BadInput
        A word of it is none that can be read.
    """

    def no_blob(digest: str) -> bytes:
        raise BadInput("a vignette with bytes", "resources only")

    try:
        contents = [*_resources(row), *row.get("records", ())]
        records = tuple(
            Record(reference=f"{one['resourceType']}/v{i}/_history/1", content=one)
            for i, one in enumerate(contents)
        )
    except (KeyError, ValueError, IndexError) as error:
        raise BadInput(
            f"vignette {row['id']}: {error!r}", "words as the module describes", "correct it"
        ) from None
    return Case("vignette", AT, records, no_blob)


def person(row: Mapping[str, Any]) -> Person:
    """Return the person of a vignette; without the records, which nothing outside holds."""
    return replace(person_of(case_of(row), library()) or Person({}), sources={})


def _file(data: DataFolders) -> Path:
    for root in data.roots:
        if (root / FILE).is_file():
            return root / FILE
    return data.find(next((one for one in PLACES if data.have(one)), PLACES[0])) / FILE


def _resources(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    sex, *rest = row["person"].split()
    patient: dict[str, Any] = {"resourceType": "Patient"}
    if sex != "unknown":
        patient["gender"] = sex
    if rest and rest[0] != "unknown":
        patient["birthDate"] = f"{AT.year - int(rest[0])}-05-01"
    if len(rest) > 1:
        patient["address"] = [{"country": rest[1]}]
    if len(rest) > 2:
        code = {"url": "ombCategory", "valueCoding": {"code": rest[2]}}
        patient["extension"] = [{"url": risk_rules()["race"]["extension"], "extension": [code]}]
    yield patient
    for text in row.get("values", ()):
        yield _observation(text.split())
    for text in row.get("conditions", ()):
        yield _condition(text.split())
    for text in row.get("drugs", ()):
        yield {
            "resourceType": "MedicationStatement",
            "status": "active",
            "medicationCodeableConcept": _coded(ATC, text),
        }
    for text in row.get("allergies", ()):
        yield {"resourceType": "AllergyIntolerance", "code": _coded(ATC, text)}
    for text in row.get("given", ()):
        name, days = text.split()
        yield {
            "resourceType": "Immunization",
            "status": "completed",
            "vaccineCode": _coded(CVX, record_rules()["vaccines"][name]["cvx"][0]),
            "occurrenceDateTime": _ago(days),
        }
    for text in row.get("tried", ()):
        name, state = text.split()
        yield {
            "resourceType": "Goal",
            "lifecycleStatus": "active",
            "identifier": [{"system": ADVICE, "value": name}],
            "achievementStatus": {"coding": [{"code": state}]},
        }


def _observation(words: Sequence[str]) -> dict[str, Any]:
    name, *rest = words
    found: dict[str, Any] = {"resourceType": "Observation", "status": "final"}
    if name == "bp":
        pressure, days = rest
        found |= {"code": _coded(LOINC, "85354-9"), "effectiveDateTime": _ago(days)}
        pairs = zip(("8480-6", "8462-4"), pressure.split("/"), strict=False)
        found["component"] = [
            {"code": _coded(LOINC, code), "valueQuantity": _quantity(value, "mm[Hg]")}
            for code, value in pairs
        ]
        return found
    if name == "smoking":
        row = risk_rules()["smoking"]
        code = _coded(LOINC, row["codes"][0])
        return found | {
            "code": code,
            "effectiveDateTime": _ago(rest[1]),
            "valueCodeableConcept": _coded(SNOMED, row[rest[0]][0]),
        }
    value, unit, days = rest
    known = {**record_rules()["observed"], **risk_rules()["observed"]}.get(name, {}).get("codes")
    code = _coded(LOINC, known[0]) if known else _coded(OWN, name.replace("_", "-"))
    found |= {"code": code, "effectiveDateTime": _ago(days)}
    if value in ("yes", "no"):
        return found | {"valueBoolean": value == "yes"}
    return found | {"valueQuantity": _quantity(value, unit)}


def _condition(words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Condition", "code": _coded(ICD, words[0])}
    if len(words) > 1:
        found["onsetDateTime"] = _ago(words[1])
    if len(words) > 2:
        found["clinicalStatus"] = {"coding": [{"code": words[2]}]}
    return found


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _quantity(value: str, unit: str) -> dict[str, Any]:
    return {"value": float(value), "unit": unit, "code": unit}


def _ago(days: str) -> str:
    return (AT - timedelta(days=float(days))).isoformat()
