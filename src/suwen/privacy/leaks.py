"""The leak test: identifiers planted in every field of every structured format, survivors counted.

Each trial is one identifier of an invented patient in one field: any text attribute the DICOM
dictionary knows, nested and private ones, any element of the FHIR policy and some of no policy, any
field of any HL7 v2 segment, any column of a table. The patient's name and number also stand where
they belong, as in real files. A survivor is an identifier that can be read in the output, whatever
its case, spaces and marks.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pydicom
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from suwen.privacy import tables
from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom import reading as dicom_reading
from suwen.privacy.dicom.profile import Options
from suwen.privacy.fhir import files as fhir
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.fhir.policy import policy
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.roster import text_cleaner
from suwen.privacy.subjects.person import Cast, Person
from suwen.privacy.subjects.subject import Subject

FORMATS: Final = ("dicom", "fhir", "hl7", "table")
_FAMILIES = "Okonkwo Brzezinski Vanterpool Lindqvist Abernathy Castellanos Yamaguchi".split()  # noqa: SIM905
_GIVEN = "Marguerite Thaddeus Ngozi Wilhelmina Bartholomew Seraphina Cornelius".split()  # noqa: SIM905
_CHINESE = "欧阳晓峰 司马玉兰 诸葛建华 上官雪梅".split()  # noqa: SIM905
_LIMITS: Final = {"LO": 64, "SH": 16, "PN": 64, "ST": 1024, "LT": 9999, "UT": 9999, "UC": 9999}
_SEGMENTS: Final = (
    "PD1 NK1 PV1 PV2 AL1 DG1 PR1 GT1 IN1 ACC OBR OBX NTE ORC SPM RXA RXE FT1 TXA SCH ZPI XYZ"
)
_STATEMENT: Final = 40
"""Identifiers planted in one file."""


@dataclass(frozen=True)
class Patient:
    """An invented patient."""

    name: str
    number: str
    identifiers: tuple[str, ...]

    @classmethod
    def drawn(cls, draw: random.Random) -> Patient:
        """Return a patient nobody is."""
        name = f"{draw.choice(_GIVEN)} {draw.choice(_FAMILIES)}"
        if draw.random() < 0.2:
            name = draw.choice(_CHINESE)
        number = f"MRN{draw.randrange(10**7, 10**8)}"
        phone = f"508-{draw.randrange(200, 999)}-{draw.randrange(1000, 9999)}"
        street = f"{draw.randrange(100, 9999)} Wisteria Lane"
        return cls(name, number, (name, number, phone, street))


@dataclass
class Tally:
    """Planted and surviving identifiers by format, and where survivors stood."""

    planted: Counter[str]
    survived: Counter[str]
    where: list[str]


def measure(each: int, seed: int = 0, formats: Sequence[str] = FORMATS) -> Tally:
    """Plant `each` identifiers in every format and count what survives.

    Parameters
    ----------
    each
        Identifiers a format.
    seed
        Of patients, places and choices.
    formats
        Which of the four.
    """
    tally = Tally(Counter(), Counter(), [])
    for kind in formats:
        draw = random.Random(f"{kind}|{seed}")
        while tally.planted[kind] < each:
            patient = Patient.drawn(draw)
            wanted = min(_STATEMENT, each - tally.planted[kind])
            planted, text = _PLANTERS[kind](draw, patient, wanted)
            tally.planted[kind] += len(planted)
            for place, identifier in planted:
                if _readable(identifier, text):
                    tally.survived[kind] += 1
                    tally.where.append(f"{kind} {place}")
    return tally


def _readable(identifier: str, text: str) -> bool:
    def bare(one: str) -> str:
        return "".join(filter(str.isalnum, one)).casefold()

    return identifier.casefold() in text.casefold() or bare(identifier) in bare(text)


def _person(patient: Patient) -> Person:
    subject = Subject.of(b"the secret of the leak test", patient.number)
    return Person(subject, clean_text=text_cleaner(subject))


Planted = list[tuple[str, str]]


def _dicom(draw: random.Random, patient: Patient, wanted: int) -> tuple[Planted, str]:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"
    whole.SpecificCharacterSet, whole.Modality = "ISO_IR 192", "CT"
    whole.PatientName, whole.PatientID = patient.name.replace(" ", "^"), patient.number
    whole.PatientTelephoneNumbers, whole.PatientAddress = patient.identifiers[2:]
    item, planted = Dataset(), []
    for tag in draw.sample(_text_tags(), wanted):
        identifier = draw.choice(patient.identifiers)
        vr = DicomDictionary[tag][0]
        if len(identifier) > _LIMITS[vr]:
            identifier = patient.number
        nested = draw.random() < 0.2
        (item if nested else whole).add_new(tag, vr, identifier)
        planted.append((f"{'nested ' * nested}{tag:08x}", identifier))
    whole.add_new(0x00081199, "SQ", Items([item]))
    whole.private_block(0x0009, "ACME 1", create=True).add_new(1, "LO", patient.name)
    planted[-1] = ("private", patient.name)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, whole, implicit_vr=False, little_endian=True)
    person = _person(patient)
    done = dicom.deidentify(
        buffer.getvalue(), person.subject, Options(clean_pixels=False), person.clean_text
    )
    return planted, "\n".join(_strings(dicom_reading.read(done.data)))


def _text_tags() -> list[int]:
    return sorted(
        tag
        for tag, entry in DicomDictionary.items()
        if entry[0] in _LIMITS and tag >> 16 >= 0x0008 and tag not in _HOLDERS
    )


_HOLDERS: Final = frozenset((0x00100010, 0x00100020, 0x00102154, 0x00101040))


def _strings(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        if element.VR != "SQ":
            yield str(element.value)


def _fhir(draw: random.Random, patient: Patient, wanted: int) -> tuple[Planted, str]:
    given, _, family = patient.name.partition(" ")
    about: dict[str, Any] = {
        "resourceType": "Patient",
        "id": "p-1",
        "identifier": [{"value": patient.number}],
        "name": [{"given": [given], "family": family, "text": patient.name}],
        "telecom": [{"value": patient.identifiers[2]}],
        "address": [{"line": [patient.identifiers[3]]}],
    }
    planted: Planted = []
    resources = [about]
    names = [name for name in policy().resources if name not in ("Patient", "Bundle")]
    while len(planted) < wanted:
        kind = draw.choice(names)
        resource: dict[str, Any] = {
            "resourceType": kind,
            "subject": {"reference": "Patient/p-1"},
            "patient": {"reference": "Patient/p-1"},
        }
        elements = [*policy().resources[kind], "unknownElement"]
        for element in draw.sample(elements, min(5, len(elements), wanted - len(planted))):
            identifier = draw.choice(patient.identifiers)
            if element in ("subject", "patient"):
                resource[element]["display"] = identifier
            else:
                resource[element] = _filled(draw, element, identifier)
            planted.append((f"{kind}.{element}", identifier))
        resources.append(resource)
    person = _person(patient)
    person = Person(person.subject, fhir_reading.known_of(about), person.clean_text)
    data = "\n".join(map(json.dumps, resources)).encode()
    new = fhir.deidentify(data, Cast(person, lambda _: person))
    return planted, "\n".join(
        fhir_reading.encode(json.loads(line)) for line in new.decode().splitlines()
    )


def _filled(draw: random.Random, element: str, identifier: str) -> Any:
    """Return a value for an element: the bare string, or it deep in an object or list."""
    shapes: list[Any] = [
        identifier,
        [identifier],
        {"text": identifier, "coding": [{"code": identifier, "display": identifier}]},
        {"value": identifier, "system": identifier, "display": identifier},
        [{"text": {"div": identifier}, "value": identifier, element: identifier}],
        {"reference": f"Practitioner/{identifier}", "display": identifier},
        {"start": identifier, "extension": [{"url": identifier, "valueString": identifier}]},
    ]
    return draw.choice(shapes)


def _hl7(draw: random.Random, patient: Patient, wanted: int) -> tuple[Planted, str]:
    name = "^".join(reversed(patient.name.split(" ")))
    phone, street = patient.identifiers[2:]
    lines = [
        "MSH|^~\\&|LAB|H|EHR|H|20210304||ORU^R01|1|P|2.5",
        f"PID|1||{patient.number}^^^H^MR||{name}||1961|F|||{street}||{phone}",
    ]
    planted: Planted = []
    segments = _SEGMENTS.split()
    while len(planted) < wanted:
        segment = draw.choice(segments)
        fields = [""] * 40
        for number in draw.sample(range(1, 36), min(5, wanted - len(planted))):
            identifier = draw.choice(patient.identifiers)
            fields[number] = draw.choice(("{0}", "^{0}", "{0}^{0}", "A~{0}", "A&{0}", "^^{0}"))
            fields[number] = fields[number].format(identifier)
            planted.append((f"{segment}-{number}", identifier))
        if segment == "OBX" and not fields[2]:
            fields[2] = draw.choice(("TX", "CE", "NM", "ED", "ST", "XPN"))
        lines.append("|".join([segment, *fields[1:]]))
    person = _person(patient)
    return planted, hl7.deidentify("\r".join(lines), Cast(person, lambda _: person))


def _table(draw: random.Random, patient: Patient, wanted: int) -> tuple[Planted, str]:
    headers = ["comment", "sex", "age", "zip", "date", "phone", "doctor", "address", "value", "x1"]
    planted: Planted = []
    rows = []
    while len(planted) < wanted:
        row = {"MRN": patient.number, "name": patient.name, "phone": patient.identifiers[2]}
        row["address"] = patient.identifiers[3]
        for header in draw.sample(headers, min(4, wanted - len(planted))):
            identifier = draw.choice(patient.identifiers)
            row[header] = draw.choice((identifier, f"seen: {identifier}", f" {identifier} "))
            planted.append((header, identifier))
        rows.append(row)
    columns = ["MRN", "name", *headers]
    text = "\n".join(
        [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    )
    person = _person(patient)
    return planted, tables.deidentify(text, Cast(person, lambda _: person))


_PLANTERS: Final = {"dicom": _dicom, "fhir": _fhir, "hl7": _hl7, "table": _table}
