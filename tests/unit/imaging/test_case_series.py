"""The image series of a Case: recorded as FHIR, read back as volumes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Record, digest_of
from suwen.imaging.case.series import case_series, case_volumes, imaging_study
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume
from suwen.records.fhir.door import validate


class Blobs:
    """Stored bytes by digest, counting how often they are read."""

    def __init__(self, *data: bytes) -> None:
        self.stored = {digest_of(one): one for one in data}
        self.reads = 0

    def __call__(self, digest: str) -> bytes:
        self.reads += 1
        try:
            return self.stored[digest]
        except KeyError:
            raise NotFound("no such bytes") from None


def study_of(files: list[bytes]) -> dict:
    instances = [read_instance(data) for data in files]
    digests = {one.text("SOPInstanceUID"): digest_of(one.load()) for one in instances}
    return imaging_study(assemble(instances), digests, "p1")


def case_of(blobs: Blobs, *resources: dict) -> Case:
    records = tuple(
        Record(reference=f"{content['resourceType']}/{n}/_history/1", content=content)
        for n, content in enumerate(resources)
    )
    return Case(patient="p1", at=datetime(2026, 1, 1, tzinfo=UTC), records=records, blob=blobs)


def document(data: bytes, **more: object) -> dict:
    attachment = {"contentType": "application/x-nifti", "url": f"blob/{digest_of(data)}"}
    return {"resourceType": "DocumentReference", "content": [{"attachment": attachment}], **more}


def test_a_recorded_ct_comes_back_as_the_volume_with_its_references(
    ct_files: list[bytes], small_volume: Volume
) -> None:
    blobs = Blobs(*ct_files)
    (series,) = case_volumes(case_of(blobs, study_of(ct_files)))
    assert series.modality == "CT"
    assert series.reference == "ImagingStudy/0/_history/1"
    assert np.array_equal(series.volume.values, small_volume.values)
    assert series.blobs == tuple(f"blob/{digest_of(data)}" for data in ct_files)
    assert series.instance_at((0.0, 15.0, -100 + 2.5 * 3 + 1)) == series.instance_uids[3]


def test_several_tasks_on_one_case_read_it_once(ct_files: list[bytes]) -> None:
    blobs = Blobs(*ct_files)
    case = case_of(blobs, study_of(ct_files))
    first = case_volumes(case)[0].volume
    reads = blobs.reads
    assert case_volumes(case)[0].volume is first
    assert blobs.reads == reads


def test_the_imaging_study_says_what_fhir_requires(ct_files: list[bytes]) -> None:
    study = study_of(ct_files)
    assert study["status"] == "available"
    assert study["subject"] == {"reference": "Patient/p1"}
    assert study["identifier"][0]["value"].startswith("urn:oid:2.25.")
    assert (study["numberOfSeries"], study["numberOfInstances"]) == (1, 8)
    assert study["series"][0]["modality"]["code"] == "CT"
    assert study["series"][0]["instance"][0]["sopClass"]["code"].endswith(
        "1.2.840.10008.5.1.4.1.1.2"
    )
    assert "TEST-1" not in str(study)
    assert validate([{**study, "id": "s1"}]) == [[]]


def test_series_of_two_studies_are_not_recorded_as_one(
    ct_files: list[bytes], small_volume: Volume
) -> None:
    other = wrap_ct(small_volume, Label("TEST-1", "Test^Volume", "another study"))
    with pytest.raises(BadInput, match="several studies"):
        study_of([*ct_files, *other])


def test_an_unreadable_object_refuses_its_series_and_says_so(ct_files: list[bytes]) -> None:
    study = study_of(ct_files)
    blobs = Blobs(*ct_files)
    spoilt = study["series"][0]["instance"][2]["extension"][0]["valueString"]
    blobs.stored[spoilt] = b"not DICOM"
    (series,) = case_series(case_of(blobs, study))
    assert "unreadable-object" in [problem.code for problem in series.problems]
    assert case_volumes(case_of(blobs, study)) == []


def test_a_nifti_document_is_a_series_too(small_volume: Volume) -> None:
    data = write_nifti(small_volume)
    (series,) = case_volumes(case_of(Blobs(data), document(data)))
    assert series.modality == "CT"  # air is seen
    assert np.array_equal(series.volume.values, small_volume.values)
    assert series.series_uid.startswith("2.25.")
    assert series.instance_at((0, 0, 0)) == series.instance_uids[0]


def test_a_record_may_say_the_modality_of_a_nifti_file(small_volume: Volume) -> None:
    data = write_nifti(small_volume)
    said = {"extension": [{"url": "https://suwen.health/fhir/modality", "valueCode": "MR"}]}
    (series,) = case_volumes(case_of(Blobs(data), document(data, **said)))
    assert series.modality == "MR"


def test_a_damaged_nifti_document_is_listed_with_its_problem() -> None:
    (series,) = case_series(case_of(Blobs(b"no image"), document(b"no image")))
    assert not series.usable
    with pytest.raises(BadInput, match="cannot be read"):
        _ = series.volume
