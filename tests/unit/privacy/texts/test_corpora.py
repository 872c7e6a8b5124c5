"""Real files: every HL7 sample, Synthea bundles and odd DICOM files pass or are refused clearly."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from suwen.core.errors import SuwenError
from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom import reading as dicom_reading
from suwen.privacy.dicom.profile import Options
from suwen.privacy.fhir import files as fhir
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.subjects.person import Cast, Person
from suwen.privacy.subjects.subject import Subject
from suwen.records.fhir.door import validate

SECRET = b"the secret of the project of the tests"
COMMON = Person(Subject.of(SECRET, "common"), clean_text=lambda text: text)


def data(place: str) -> Path:
    roots = [Path(root) for root in os.environ.get("SUWEN_DATA", "").split(":") if root]
    found = next((root / place for root in roots if (root / place).exists()), None)
    if found is None:
        pytest.skip(f"{place} is in no folder of SUWEN_DATA")
    return found


def archived(place: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(data(place)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file.read()


@pytest.mark.real_data
def test_every_hl7_sample_keeps_its_messages_and_no_patient_identifier() -> None:
    count = 0
    for name, content in archived("text/hl7v2_samples/messages.tar.gz"):
        text = content.decode()
        person = Person(Subject.of(SECRET, name), clean_text=lambda text: text)
        out = hl7.deidentify(text, Cast(COMMON, lambda _, person=person: person))
        messages = list(hl7.messages(text))
        assert len(list(hl7.messages(out))) == len(messages), name
        assert not [found for one in messages for found in hl7.known_of(one).found(out)], name
        count += len(messages)
    assert count >= 198


@pytest.mark.real_data
def test_synthea_bundles_stay_valid_fhir_without_their_patients() -> None:
    bundles = [
        pair for pair in archived("text/fhir_synthea_r4/bundles.tar.gz") if b'"Patient"' in pair[1]
    ]
    for name, content in bundles[:3]:
        resources = fhir_reading.read(content)
        patients = {
            one["id"]: Person(
                Subject.of(SECRET, one["id"]), fhir_reading.known_of(one), lambda text: text
            )
            for one, _ in fhir_reading.each(resources)
            if one["resourceType"] == "Patient"
        }
        out = fhir.deidentify(content, Cast(COMMON, lambda key, of=patients: of.get(key, COMMON)))
        problems = validate([json.loads(line) for line in out.splitlines()])
        assert not [one for found in problems for one in found if one.severity == "error"], name
        assert not [one for who in patients.values() for one in who.known.found(out.decode())], name


@pytest.mark.real_data
def test_odd_dicom_files_are_de_identified_or_refused_with_one_error() -> None:
    done = refused = 0
    for path in sorted(data("imaging/dicom_corpus").rglob("*")):
        if not path.is_file() or path.stat().st_size > 40_000:
            continue
        content = path.read_bytes()
        if content[128:132] != b"DICM":
            continue
        try:
            new = dicom.deidentify(content, COMMON.subject, Options(clean_pixels=False)).data
            assert dicom_reading.read(new).PatientIdentityRemoved == "YES"
            known = dicom_reading.known_of(dicom_reading.read(content))
            assert not known.found(new.decode("latin-1").replace("\0", " ")), path.name
            done += 1
        except SuwenError:
            refused += 1
    assert done >= 5 * refused > 0
