"""Key images and saliency maps leave as DICOM objects that other programs open and agree with."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.unit.imaging.dicom_objects import region, remarks_of

from suwen.core.codes import MALIGNANCY_PROBABILITY, PULMONARY_NODULE, RIGHT_MIDDLE_LOBE, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Attachment,
    Band,
    Case,
    Explanation,
    Finding,
    Interval,
    Record,
    Report,
    Tracking,
    digest_of,
)
from suwen.imaging.case.series import imaging_study
from suwen.imaging.objects.key_objects import key_images, key_objects
from suwen.imaging.objects.parametric_map import parametric_map, shows_map
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOW = np.array([10, 20, 30])
"""Index of the map's first voxel on the series' grid."""
SIZE = (6, 12, 14)


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 0.9], [0, 0.9, 0], [1.5, 0, 0]]
    affine[:3, 3] = [-40, -35, -30]
    values = np.full((30, 60, 70), -850, dtype=np.int16)
    label = Label("SYNTH-9", "Synthetic^Nine", "maps", sex="F", age="061Y")
    return wrap_ct(Volume(values, affine), label)


@pytest.fixture(scope="module")
def series(files: list[bytes]) -> Series:
    (found,) = assemble(read_instance(data) for data in files)
    return found


@pytest.fixture(scope="module")
def relevance(series: Series) -> Volume:
    """A map on the series' own grid: one value for each voxel, both signs."""
    z, y, x = np.mgrid[: SIZE[0], : SIZE[1], : SIZE[2]]
    values = (z + 0.1 * y + 0.01 * x - 3).astype(np.float32)
    whole = series.volume()
    affine = whole.affine.copy()
    affine[:3, 3] = whole.to_point(LOW.astype(float))
    return Volume(values, affine)


def finding(series: Series, relevance: Volume | None, number: int = 1, **more: object) -> Finding:
    place = region(series, (-5.0, -10.0, -10.0), 10 + number, "ImagingStudy/0")
    attachments = ()
    if relevance is not None:
        attachments = (Attachment.of("saliency", "application/x-nifti", write_nifti(relevance)),)
    known: dict[str, object] = {
        "task": "imaging.nodule_malignancy",
        "pack": "imaging.nodule_malignancy@0.2.0+" + "cd" * 32,
        "code": MALIGNANCY_PROBABILITY,
        "band": Band.RULE_IN,
        "probability": Interval(value=0.8, low=0.7, high=0.9),
        "evidence": (place,),
        "attachments": attachments,
        "site": RIGHT_MIDDLE_LOBE,
        "explanations": (Explanation(method="cam", faithfulness=0.8),),
        "tracking": Tracking(uid=uid_from(f"n{number}"), label=f"Nodule {number}"),
    }
    return Finding(**known | more)


def report(*findings: Finding, final: bool = False) -> Report:
    draft = Report(id="r1", patient="p1", created=WHEN, findings=findings, statements=())
    if not final:
        return draft
    return draft.model_copy(update={"status": "final", "signed_by": "Wang^Li", "signed_at": WHEN})


@pytest.fixture(scope="module")
def written(series: Series, relevance: Volume) -> bytes:
    return parametric_map(series, finding(series, relevance), created=WHEN)


def said_in(document: Dataset) -> list[str]:
    """The descriptions of a selection."""
    return [
        item.TextValue
        for item in document.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "113012"
    ]


def case_of(files: list[bytes]) -> Case:
    instances = [read_instance(data) for data in files]
    digests = {one.text("SOPInstanceUID"): digest_of(one.load()) for one in instances}
    study = imaging_study(assemble(instances), digests, "p1")
    record = Record(reference="ImagingStudy/0/_history/1", content=study)
    stored = {digest_of(data): data for data in files}
    return Case("p1", WHEN, (record,), stored.__getitem__)


def test_each_value_lies_where_it_was_in_the_patient(
    series: Series, relevance: Volume, written: bytes
) -> None:
    opened = hd.pm.ParametricMap.from_dataset(dcmread(BytesIO(written)))
    volume = opened.get_volume()
    places = np.argwhere(np.abs(volume.array) > 1e-6)
    points = volume.map_indices_to_reference(places)
    index = np.rint(relevance.to_index(points)).astype(int)
    expected = relevance.values[tuple(index.T)]
    assert len(places) == np.count_nonzero(relevance.values)
    assert volume.array[tuple(places.T)] == pytest.approx(expected, abs=1e-5)


def test_the_map_names_its_frame_of_reference_its_source_slices_and_its_unit(
    series: Series, written: bytes
) -> None:
    opened = dcmread(BytesIO(written))
    assert opened.Modality == "OT"
    assert opened.FrameOfReferenceUID == series.frame_of_reference_uid
    assert opened.PatientID == "SYNTH-9"
    named = {
        item.ReferencedSOPInstanceUID
        for item in opened.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert named == set(series.instance_uids[int(LOW[0]) : int(LOW[0]) + SIZE[0]])
    assert opened.ReferencedSeriesSequence[0].SeriesInstanceUID == series.series_uid
    mapping = next(
        one for one in opened.iterall() if one.keyword == "RealWorldValueMappingSequence"
    )
    unit = mapping.value[0].MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    quantity = mapping.value[0].QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("relevance", "99SUWEN")
    assert len(written) < 200_000


def test_equal_findings_give_equal_maps(series: Series, relevance: Volume, written: bytes) -> None:
    assert parametric_map(series, finding(series, relevance), created=WHEN) == written


@pytest.mark.parametrize("hidden", [True, False])
def test_a_map_that_did_not_pass_its_checks_never_leaves(
    series: Series, relevance: Volume, hidden: bool
) -> None:
    checked = Explanation(
        method="cam", faithfulness=0.4, hidden_because=Text(en="no better", zh="不优") if hidden
        else None,
    )  # fmt: skip
    found = finding(series, relevance, explanations=(checked,) if hidden else ())
    assert not shows_map(found)
    with pytest.raises(BadInput, match="no map on this series"):
        parametric_map(series, found)


def test_key_images_are_the_slices_that_findings_lie_on(files: list[bytes], series: Series) -> None:
    findings = [
        finding(series, None, 1),
        finding(series, None, 2),
        finding(series, None, 2, task="imaging.nodule_segmentation", code=PULMONARY_NODULE),
        finding(series, None, 5, band=Band.ABSTAIN, probability=None, reason=Text(en="x", zh="x")),
    ]
    (chosen,) = key_images(case_of(files), findings)
    assert list(chosen) == [series.instance_uids[11], series.instance_uids[12]]
    opened = hd.ko.KeyObjectSelectionDocument.from_dataset(
        dcmread(BytesIO(key_objects(chosen, report(*findings))))
    )
    assert opened.Modality == "KO"
    assert opened.StudyInstanceUID == series.study_uid
    assert opened.content[0].name.value == "113000"  # Of Interest
    referenced = {uid for _, _, uid in (opened.resolve_reference(one) for one in chosen)}
    assert referenced == set(chosen)
    assert said_in(opened) == [
        "image 12: Nodule 1; image 13: Nodule 2 (selected by software, unverified)"
    ]


def test_a_signed_selection_names_who_verified_it(files: list[bytes], series: Series) -> None:
    found = finding(series, None)
    (chosen,) = key_images(case_of(files), [found])
    signed = dcmread(BytesIO(key_objects(chosen, report(found, final=True), observer="王丽")))
    assert "王丽" in str(signed)
    assert said_in(signed) == ["image 12: Nodule 1 (verified by a person)"]


def test_nothing_is_selected_from_a_withdrawn_report(files: list[bytes], series: Series) -> None:
    found = finding(series, None)
    (chosen,) = key_images(case_of(files), [found])
    withdrawn = report(found).model_copy(update={"status": "withdrawn"})
    with pytest.raises(BadInput, match="nothing to select"):
        key_objects(chosen, withdrawn)
    with pytest.raises(BadInput, match="nothing to select"):
        key_objects({}, report(found))


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["map", "draft", "signed"])
def test_dciodvfy_finds_no_error(
    kind: str, files: list[bytes], series: Series, written: bytes, tmp_path: Path
) -> None:
    found = finding(series, None)
    (chosen,) = key_images(case_of(files), [found])
    objects = {
        "map": written,
        "draft": key_objects(chosen, report(found)),
        "signed": key_objects(chosen, report(found, final=True)),
    }
    # it knows QUANTITY (PS3.3 C.8.16.1.4) not yet
    remarks = [line for line in remarks_of(objects[kind], tmp_path) if "<QUANTITY>" not in line]
    assert remarks == ["ParametricMap" if kind == "map" else "KeyObjectSelectionDocument"]


@pytest.mark.peer
def test_dcmtk_prints_the_selection_without_complaint(
    files: list[bytes], series: Series, tmp_path: Path
) -> None:
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("dsrdump (Debian: dcmtk) is not installed")
    found = finding(series, None)
    (chosen,) = key_images(case_of(files), [found])
    path = tmp_path / "ko.dcm"
    path.write_bytes(key_objects(chosen, report(found)))
    done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "E:" not in done.stderr
    assert '<CONTAINER:(,,"Of Interest")' in done.stdout
    assert "Nodule 1" in done.stdout
