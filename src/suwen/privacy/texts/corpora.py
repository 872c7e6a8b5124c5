"""Texts in which the identifiers are marked: the data sets that `privacy.text` is measured on.

References: Weatherhead, Synthetic clinical queries (MIT licence); Microsoft presidio-research
(MIT); MEDDOCAN, Marimon et al., IberLEF 2019 (CC BY 4.0). What is no identifier by 45 CFR
164.514(b)(2) is not counted: sex, profession, titles, nationality and ages under 90.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Sample, Source
from suwen.lifecycle.robust.text_changes import Edits
from suwen.privacy.words.identifier import TYPES

ALIKE: Final = 0.4
"""Texts that share more of their three-word sequences than this (Jaccard) are near duplicates."""
_STANDS_OUT: Final = re.compile(r"\b[A-Z][\w'.-]*|\b\d[\w/.-]*")
_NUMBER: Final = {kind: place for place, kind in enumerate(TYPES)}

Row = tuple[int, int, str]


@dataclass(frozen=True)
class WrittenText:
    """A text that a person may be named in."""

    text: str

    def reworded(self, text: str, edits: Edits) -> WrittenText:
        """Return the text in other words; nothing is marked in it (`text_changes.Written`)."""
        del edits
        return WrittenText(text)


@dataclass(frozen=True)
class Marked:
    """A text with what identifies someone in it, and the group it may not be split from."""

    key: str
    group: str
    text: str
    rows: tuple[Row, ...]


_QUERIES: Final = {
    "NAME": "name",
    "GEOGRAPHIC_LOCATION": "place",
    "DATE": "date",
    "MEDICAL_RECORD_NUMBER": "mrn",
    "HEALTH_PLAN_BENEFICIARY_NUMBER": "health_plan",
    "PHONE_NUMBER": "phone",
    "FAX_NUMBER": "fax",
    "EMAIL_ADDRESS": "email",
    "SOCIAL_SECURITY_NUMBER": "ssn",
    "UNIQUE_IDENTIFIER": "id",
    "ACCOUNT_NUMBER": "account",
    "CERTIFICATE_LICENSE_NUMBER": "license",
    "IP_ADDRESS": "ip",
    "VEHICLE_IDENTIFIER": "vehicle",
    "DEVICE_IDENTIFIER": "device",
    "WEB_URL": "url",
    "BIOMETRIC_IDENTIFIER": "biometric",
    "AGE": "age",
}
_PRESIDIO: Final = {
    "PERSON": "name",
    "STREET_ADDRESS": "address",
    "GPE": "place",
    "ORGANIZATION": "organisation",
    "CREDIT_CARD": "bank_card",
    "DATE_TIME": "date",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "DOMAIN_NAME": "url",
    "ZIP_CODE": "address",
    "IBAN_CODE": "account",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
    "US_DRIVER_LICENSE": "license",
}
_MEDDOCAN: Final = {
    "NOMBRE_SUJETO_ASISTENCIA": "name",
    "NOMBRE_PERSONAL_SANITARIO": "name",
    "FECHAS": "date",
    "TERRITORIO": "place",
    "CALLE": "address",
    "HOSPITAL": "facility",
    "CENTRO_SALUD": "facility",
    "INSTITUCION": "organisation",
    "CORREO_ELECTRONICO": "email",
    "NUMERO_TELEFONO": "phone",
    "NUMERO_FAX": "fax",
    "ID_SUJETO_ASISTENCIA": "mrn",
    "ID_CONTACTO_ASISTENCIAL": "id",
    "ID_ASEGURAMIENTO": "health_plan",
    "ID_TITULACION_PERSONAL_SANITARIO": "license",
    "ID_EMPLEO_PERSONAL_SANITARIO": "license",
    "IDENTIF_VEHICULOS_NRSERIE_PLACAS": "vehicle",
    "IDENTIF_DISPOSITIVOS_NRSERIE": "device",
    "IDENTIF_BIOMETRICOS": "biometric",
    "DIREC_PROT_INTERNET": "ip",
    "URL_WEB": "url",
    "OTRO_NUMERO_IDENTIF": "id",
}


def queries(folder: Path) -> list[Marked]:
    """Read `deid_clinical_queries`: one JSON object a line; near duplicates are one group."""
    path = folder / "queries.jsonl"
    texts, rows = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        content = json.loads(line)
        texts.append(str(content["text"]))
        spans = content["spans"]
        rows.append(tuple(_row(one["start"], one["end"], one["type"], _QUERIES) for one in spans))
    bare = [_without(text, spans) for text, spans in zip(texts, rows, strict=True)]
    groups = near_duplicates(bare)
    table = enumerate(zip(groups, texts, rows, strict=True))
    return [Marked(f"query-{i}", f"group-{g}", text, spans) for i, (g, text, spans) in table]


def presidio(folder: Path) -> list[Marked]:
    """Read `deid_presidio`; sentences of one template are one group."""
    path = folder / "synth_dataset_v2.json"
    found = []
    for place, entry in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        rows = tuple(
            _row(one["start_position"], one["end_position"], one["entity_type"], _PRESIDIO)
            for one in entry["spans"]
            if one["entity_type"] in _PRESIDIO
        )
        group = f"template-{entry['template_id']}"
        found.append(Marked(f"sentence-{place}", group, str(entry["full_text"]), rows))
    return found


def meddocan(folder: Path) -> list[Marked]:
    """Read `deid_meddocan_es`: brat files in one archive, the part called `test` left out."""
    texts: dict[str, str] = {}
    rows: dict[str, list[Row]] = {}
    with tarfile.open(folder / "brat.tar.gz") as archive:
        for member in archive:
            name, _, ending = member.name.rpartition(".")
            stream = archive.extractfile(member) if "/test/" not in member.name else None
            if stream is None or ending not in ("txt", "ann"):
                continue
            content = stream.read().decode("utf-8")
            if ending == "txt":
                texts[name] = content
            else:
                rows[name] = [*_brat(content)]
    keys = sorted(texts)
    return [
        Marked(key.rpartition("/")[2], key, texts[key], tuple(rows.get(key, ()))) for key in keys
    ]


def _brat(content: str) -> list[Row]:
    found = []
    for line in content.splitlines():
        parts = line.split("\t")
        if not line.startswith("T") or len(parts) < 3:
            continue
        kind, start, end = parts[1].split()[:3]
        if kind in _MEDDOCAN:
            found.append(_row(int(start), int(end), kind, _MEDDOCAN))
    return found


def _row(start: int, end: int, kind: str, known: Mapping[str, str]) -> Row:
    return int(start), int(end), known.get(kind, "id")


def _without(text: str, rows: Sequence[Row]) -> str:
    """Return a text with its identifiers left out: what makes a template."""
    parts, at = [], 0
    for start, end, _ in sorted(rows):
        parts.append(text[at:start])
        at = max(at, end)
    return " x ".join([*parts, text[at:]])


def near_duplicates(texts: Sequence[str]) -> list[int]:
    """Return the group of each text; near duplicates (see `ALIKE`), also over others, share one."""
    sequences = []
    for text in texts:
        words = re.findall(r"[a-z]+", text.lower())
        sequences.append(set(zip(words, words[1:], words[2:], strict=False)))
    group = list(range(len(texts)))
    holders: dict[tuple[str, str, str], list[int]] = {}
    for place, own in enumerate(sequences):
        shared: dict[int, int] = {}
        for one in own:
            for other in holders.get(one, ()):
                shared[other] = shared.get(other, 0) + 1
            holders.setdefault(one, []).append(place)
        for other, count in shared.items():
            if count > ALIKE * (len(own) + len(sequences[other]) - count):
                old, new = group[place], group[other]
                group = [new if each == old else each for each in group]
    return group


Reader = Callable[[Path], list[Marked]]
SETS: Final[Mapping[str, tuple[Reader, Source]]] = {
    "deid_clinical_queries": (
        queries,
        Source(
            name="Synthetic clinical queries with PHI",
            url="https://github.com/JamesWeatherhead/synthetic-clinical-queries",
            licence="MIT",
            citation="Weatherhead J. synthetic-clinical-queries",
            shippable=True,
            limits=("English, synthetic, one or two sentences a text; identifiers repeat.",),
        ),
    ),
    "deid_presidio": (
        presidio,
        Source(
            name="presidio-research synth_dataset_v2",
            url="https://github.com/microsoft/presidio-research",
            licence="MIT",
            citation="Microsoft presidio-research",
            shippable=True,
            limits=("Not clinical: sentences from templates with names of many countries.",),
        ),
    ),
    "deid_meddocan_es": (
        meddocan,
        Source(
            name="MEDDOCAN",
            url="https://github.com/PlanTL-GOB-ES/SPACCC_MEDDOCAN",
            licence="CC BY 4.0",
            citation="Marimon M et al. De-identification of medical texts in Spanish: the "
            "MEDDOCAN track. IberLEF 2019",
            shippable=True,
            limits=("Spanish, which no rule here was written for.",),
        ),
    ),
}
"""How each data set is read, and where it comes from; each lies in `text/<name>`."""


def examples(data: DataFolders, dataset: str) -> Examples:
    """Return the texts of a data set with their true identifiers.

    Raises
    ------
    BadInput
        No data set of that name is known.
    NotFound
        It is in none of the folders.
    """
    if dataset not in SETS:
        raise BadInput(f"the data set {dataset!r}", f"one of {', '.join(SETS)}")
    read, source = SETS[dataset]
    marked = read(data.find(f"text/{dataset}"))

    def truth(i: int) -> Array:
        rows = [(start, end, _NUMBER[kind]) for start, end, kind in marked[i].rows]
        return np.array(rows, dtype=float).reshape(-1, 3)

    return Examples(
        source=source,
        keys=tuple(one.key for one in marked),
        groups=np.array([one.group for one in marked]),
        labels=np.zeros(len(marked), dtype=int),
        load=lambda i: Sample(marked[i].key, WrittenText(marked[i].text)),
        truth=truth,
        floor_marks={"every capital word and number": lambda i: _shouted(marked[i].text)},
    )


def _shouted(text: str) -> Array:
    """Return what stands out to anyone: words with a capital, and numbers."""
    rows = [(0.0, *found.span(), _NUMBER["name"]) for found in _STANDS_OUT.finditer(text)]
    return np.array(rows, dtype=float).reshape(-1, 4)
