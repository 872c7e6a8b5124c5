"""What comes in spoilt is accepted correctly or refused with the reason.

Each line is written as DICOM files, read as a folder, stored, and asked about: files -> intake ->
store -> Case -> task. `ANSWERED` means that the task has an input to answer about and nothing
refuses it; anything else is (part of) the sentence with which it is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pydicom import dcmread

from suwen.app.diagnose import answer
from suwen.core.codes import EQUIVALENT_DIAMETER, VOLUME
from suwen.core.nouns import Band, Case, Finding, Point
from suwen.core.settings import Settings
from suwen.gateway import Intake, read_folder, store_intake
from suwen.imaging.breast.task import BreastUltrasound
from suwen.imaging.case.points import point_records
from suwen.imaging.chest.task import ChestXray
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.tasks import NoduleSegmentation
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.volume import Volume
from suwen.records import Person, Store

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "imaging"))
from radiographs import chest_like, dx

NODULE = Nodule((-78.0, 20.0, 10.0), 14.0)
CHEST = chest_phantom(5, (NODULE,), (28, 100, 100), (5.0, 3.6, 3.6)).volume
"""Coarse, so that each line costs little: enough to find lungs, not to measure on."""
BALL_MM = 12.0
BALL_MM3 = np.pi / 6 * BALL_MM**3
ORIGIN: Point = (0.0, 0.0, 0.0)
LABEL = Label("BAD-1", "Bad^Input", "chest", sex="F", age="060Y")
ANSWERED = "answered"
CLINICIAN = Person("li.na", "Dr. Li Na", "clinician")
CT, XRAY, BREAST = NoduleSegmentation(), ChestXray(), BreastUltrasound()


def changed(data: bytes, **fields: object) -> bytes:
    """A DICOM file with other fields; None deletes one."""
    dataset = dcmread(BytesIO(data))
    for keyword, value in fields.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@cache
def whole_chest() -> tuple[bytes, ...]:
    return tuple(wrap_ct(CHEST, LABEL))


def chest(volume: Volume = CHEST, **fields: object) -> list[bytes]:
    files = whole_chest() if volume is CHEST else wrap_ct(volume, LABEL)
    return [changed(data, **fields) for data in files] if fields else list(files)


def again(files: Sequence[bytes], offset_mm: float = 0.0, **fields: object) -> list[bytes]:
    """The same slices as other objects, moved along the body, with other fields."""
    found = []
    for number, data in enumerate(files):
        x, y, z = dcmread(BytesIO(data)).ImagePositionPatient
        moved = [x, y, f"{float(z) + offset_mm:.3f}"]
        uid = uid_from(f"again {offset_mm} {sorted(fields)} {number}")
        found.append(changed(data, SOPInstanceUID=uid, ImagePositionPatient=moved, **fields))
    return found


def scout(**fields: object) -> bytes:
    turned = {
        "SOPInstanceUID": "2.25.4711",
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"],
    }
    return changed(chest()[0], **turned | fields)


@cache
def ball_in_lung(degrees: float = 0.0, hu: float = 0.0) -> tuple[bytes, ...]:
    """A ball of known size in lung, as slices that lean by the gantry's tilt see it.

    The ball's middle is the frame's origin; the table moves along the body between slices.
    """
    angle = np.deg2rad(degrees)
    shape, spacing = (34, 72, 72), (1.5, 0.8, 0.8)
    rng = np.random.default_rng(1)
    v, u = (np.mgrid[: shape[1], : shape[2]] - 35.5) * 0.8
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = (*spacing, 1)
    values, corners = np.zeros(shape), []
    down = np.array([0, np.cos(angle), np.sin(angle)])
    for n in range(shape[0]):
        middle = np.array([0, 0, (n - 16.5) * spacing[0]])
        points = middle + v[..., None] * down + u[..., None] * np.array([1.0, 0, 0])
        away = np.linalg.norm(points, axis=-1)
        share = np.clip((BALL_MM / 2 - away) / 0.8 + 0.5, 0, 1)
        values[n] = -850 + share * 880 + rng.normal(0, 10, shape[1:]) + hu
        corners.append(middle + v[0, 0] * down + u[0, 0] * np.array([1.0, 0, 0]))
    turned = [f"{value:.8f}" for value in (1, 0, 0, *down)]
    files = wrap_ct(Volume(np.rint(values).astype(np.int16), affine), LABEL)
    return tuple(
        changed(
            data,
            ImagePositionPatient=[f"{value:.4f}" for value in corner],
            ImageOrientationPatient=turned,
        )
        for data, corner in zip(files, corners, strict=True)
    )


def without_lungs(wide_mm: float) -> list[bytes]:
    """A round body part of muscle with a little gas in it, and the table: no lung anywhere."""
    size, step = 100, wide_mm / 100 * 1.2
    z, y, x = np.mgrid[:25, :size, :size].astype(float)
    away = np.hypot(y - size / 2, x - size / 2) * step
    values = np.where(away < wide_mm / 2, 40, -1000).astype(np.int16)
    values[np.hypot(np.hypot(y - 40, x - 50), 2 * (z - 12)) < 6] = -900
    affine = np.array(
        [[0, 0, step, -size * step / 2], [0, step, 0, -size * step / 2], [5, 0, 0, 0], [0, 0, 0, 1]]
    )
    return chest(Volume(values, affine), BodyPartExamined="ABDOMEN")


def eight_bit(**fields: object) -> list[bytes]:
    """The lung window burned into 8 bits."""
    files = []
    for flat, data in zip(CHEST.values, chest(), strict=True):
        grey = np.clip((flat.astype(float) + 1350) / 1500 * 255, 0, 255).astype(np.uint8)
        small = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
        more = {"RescaleIntercept": "0", "PixelData": grey.tobytes()}
        files.append(changed(data, **small | more | fields))
    return files


def ultrasound(colour: float, **fields: object) -> bytes:
    """An RGB frame of ultrasound speckle; a share of it in colour."""
    rng = np.random.default_rng(3)
    grey = rng.integers(20, 200, (160, 200, 1)).repeat(3, axis=2).astype(np.uint8)
    grey[: round(160 * colour), :, 0] = 255
    grey[: round(160 * colour), :, 2] = 0
    frames = int(fields.get("NumberOfFrames", 1))
    us = {
        "SOPClassUID": f"1.2.840.10008.5.1.4.1.1.{'3.1' if frames > 1 else '6.1'}",
        "Modality": "US",
        "BodyPartExamined": "BREAST",
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "RGB",
    }
    return dx(np.concatenate([grey] * frames) if frames > 1 else grey,
              **us | {"Rows": 160} | fields)  # fmt: skip


def inverted(**fields: object) -> bytes:
    pixels = 4000 - np.round(chest_like() * 4000).astype("<u2")
    return dx(pixels, PhotometricInterpretation="MONOCHROME1", **fields)


class Line(NamedTuple):
    """What comes in, the task asked, what it says, and what the intake tells of it."""

    given: str
    files: Callable[[], Sequence[bytes]]
    task: object
    said: str
    told: str = ""
    point: Point | None = NODULE.centre


NO_HU = "not Hounsfield units"
SCREEN = "copies of a screen"
TABLE = [
    Line("a chest CT", chest, CT, ANSWERED, "series of 28 slice(s)"),
    Line("a chest CT with its scout in the same series",
         lambda: [scout(), *chest()], CT, ANSWERED, "1 localizer image(s) (scouts) were set aside"),
    Line("a chest CT with a scout series of its own beside it",
         lambda: [scout(SeriesInstanceUID="2.25.8"), *chest()], CT, ANSWERED, "no volume"),
    Line("a scout alone", lambda: [scout()], CT, "nothing", "set aside", None),
    Line("two contrast phases in one series, the second half a slice lower",
         lambda: [*chest(), *again(chest(), -2.5, AcquisitionNumber="2")],
         CT, ANSWERED, "holds 2 stacks"),
    Line("a soft and a lung kernel of one scan in one series",
         lambda: [*chest(ConvolutionKernel="B30f"), *again(chest(), 0, ConvolutionKernel="B70f")],
         CT, ANSWERED, "differ in ConvolutionKernel"),
    Line("two passes told apart by their numbering only",
         lambda: [*chest(),
                  *(changed(d, InstanceNumber=str(29 + n))
                    for n, d in enumerate(again(chest(), -2.5)))],
         CT, ANSWERED, "differ in the order of InstanceNumber"),
    Line("blocks of slices with acquisition numbers of their own, one after the other",
         lambda: [changed(d, AcquisitionNumber=str(n // 7)) for n, d in enumerate(chest())],
         CT, ANSWERED, "series of 28 slice(s)"),
    Line("two scans laid into each other that nothing tells apart",
         lambda: [changed(d, InstanceNumber=None)
                  for d in (*chest(), *again(chest(), -1.5))],
         CT, "nothing", "two scans laid into each other", None),
    Line("slices that came twice under other UIDs",
         lambda: [*chest(), *again(chest()[4:6])], CT, ANSWERED, "came again under another UID"),
    Line("files that came twice", lambda: [*chest(), *chest()[:3]], CT, ANSWERED,
         "3 file(s) came more than once"),
    Line("a chest CT without one of its slices",
         lambda: [d for n, d in enumerate(chest()) if n != 7], CT, ANSWERED,
         "after slice 7 of 27 (z = -37.5 .. -27.5 mm); the gap was interpolated"),
    Line("a chest CT without five slices in a row",
         lambda: [d for n, d in enumerate(chest()) if not 10 <= n < 15], CT, "nothing",
         "5 slice(s) are missing, after slice 10 of 23 (z = -22.5 .. 7.5 mm). Send the series",
         None),
    Line("a tilted gantry", lambda: ball_in_lung(12), CT, ANSWERED, "gantry was tilted", ORIGIN),
    Line("a CT that leans too far to be axial", lambda: ball_in_lung(25), CT,
         "do not lie across", "gantry was tilted", ORIGIN),
    Line("slices numbered from the feet instead of the head",
         lambda: [changed(d, InstanceNumber=str(99 - n)) for n, d in enumerate(chest())],
         CT, ANSWERED, "series of 28 slice(s)"),
    Line("a CT of 8 bits", eight_bit, CT, "nothing", NO_HU, None),
    Line("8-bit secondary captures of a CT",
         lambda: eight_bit(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", ImagePositionPatient=None,
                           ImageOrientationPatient=None), CT, "nothing", SCREEN, None),
    Line("secondary captures of a CT that kept their places",
         lambda: eight_bit(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), CT, "nothing", SCREEN, None),
    Line("CT values without a rescale intercept", lambda: chest(RescaleIntercept=None), CT,
         "nothing", NO_HU, None),
    Line("a CT of the abdomen", lambda: without_lungs(360), CT, "No lungs are seen", "",
         (0.0, 0.0, 60.0)),
    Line("a CT of the head", lambda: without_lungs(220), CT, "No lungs are seen", "",
         (0.0, 0.0, 60.0)),
    Line("a CT of the abdomen without a point", lambda: without_lungs(360), CT,
         "No lungs are seen", "", None),
    Line("a point in the spine of a chest CT", chest, CT, "lies outside the lungs", "",
         (0.0, 100.0, 10.0)),
    Line("a chest X-ray", lambda: [dx()], XRAY, ANSWERED, "1 picture(s)", None),
    Line("an inverted chest X-ray (MONOCHROME1)", lambda: [inverted()], XRAY, ANSWERED, "", None),
    Line("a chest X-ray of 8 bits",
         lambda: [dx(np.round(chest_like() * 255).astype(np.uint8))], XRAY, ANSWERED, "", None),
    Line("a lateral chest X-ray", lambda: [dx(ViewPosition="LL")], XRAY, "lateral", "", None),
    Line("an X-ray of the hand", lambda: [dx(BodyPartExamined="HAND")], XRAY,
         "another body part", "", None),
    Line("an adult's chest X-ray", lambda: [dx(PatientAge="040Y")], XRAY, "adult", "", None),
    Line("grey breast ultrasound stored as RGB", lambda: [ultrasound(0)], BREAST, ANSWERED, "",
         None),
    Line("colour Doppler of the breast", lambda: [ultrasound(0.3)], BREAST, "Doppler", "", None),
    Line("a cine loop of the breast", lambda: [ultrasound(0, NumberOfFrames=3)], BREAST,
         "many frames", "", None),
    Line("ultrasound of the thyroid", lambda: [ultrasound(0, BodyPartExamined="THYROID")], BREAST,
         "another body part", "", None),
]  # fmt: skip


def stored(
    tmp_path: Path, files: Sequence[bytes], point: Point | None
) -> tuple[Intake, Case, Store, str]:
    """The folder read and stored, with a point where one is given."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, data in enumerate(files):
        (folder / f"{number:03}").write_bytes(data)
    intake = read_folder(folder)
    store = Store.open(Settings(home=tmp_path / "home"))
    access = store.session(CLINICIAN, "treatment")
    patient = store_intake(access, intake)
    if point is not None:
        access.put(point_records(access.case(patient), [point]), patient)
    return intake, access.case(patient), store, patient


@pytest.mark.parametrize("line", TABLE, ids=[line.given for line in TABLE])
def test_it_is_accepted_or_refused_with_the_reason(line: Line, tmp_path: Path) -> None:
    intake, case, store, _ = stored(tmp_path, line.files(), line.point)
    with store:
        samples = line.task.samples(case, ())
        refusals = [one.data.refusal.en for one in samples if one.data.refusal is not None]
        chinese = [one.data.refusal.zh for one in samples if one.data.refusal is not None]
    told = " ".join(text.en for text in (*intake.understood, *intake.not_understood))
    assert line.told in told
    assert all(chinese)
    if line.said == ANSWERED:
        assert len(samples) == 1
        assert not refusals
    elif line.said == "nothing":
        assert not samples
    else:
        assert refusals
        assert all(line.said in reason for reason in refusals)


def test_an_inverted_x_ray_reads_like_the_upright_one(tmp_path: Path) -> None:
    images = []
    for name, data in (("a", dx()), ("b", inverted())):
        (tmp_path / name).mkdir()
        _, case, store, _ = stored(tmp_path / name, [data], None)
        with store:
            images.append(XRAY.samples(case, ())[0].data.image)
    assert np.abs(images[0] - images[1]).max() < 0.01


def measured(tmp_path: Path, files: Sequence[bytes]) -> Finding:
    """The segmentation's finding at the ball's middle, by the shipped pack."""
    _, _, store, patient = stored(tmp_path, files, ORIGIN)
    with store:
        (finding,) = answer(store.session(CLINICIAN, "treatment"), patient, CT.name)
    assert finding.band is Band.RULE_IN, finding.reason
    return finding


def test_of_two_mixed_phases_one_is_measured_and_the_reader_is_told(tmp_path: Path) -> None:
    first = ball_in_lung()
    files = [*first, *again(ball_in_lung(hu=200), -0.7, AcquisitionNumber="2")]
    finding = measured(tmp_path, files)
    volume = next(one.interval for one in finding.measures if one.code == VOLUME)
    assert volume.low < BALL_MM3 < volume.high
    assert "holds 2 stacks" in finding.evidence[0].note.en
    uids = {dcmread(BytesIO(data)).SOPInstanceUID for data in first}
    assert finding.evidence[0].instance_uid in uids


def test_a_tilted_gantry_changes_neither_volume_nor_diameter_nor_place(tmp_path: Path) -> None:
    """Within 5 % of the upright scan's, which hold the truth in their intervals."""
    values = {}
    for degrees in (0, -12, 13):
        (tmp_path / str(degrees)).mkdir()
        finding = measured(tmp_path / str(degrees), ball_in_lung(degrees))
        values[degrees] = {one.code: one.interval for one in finding.measures}
        assert np.linalg.norm(finding.evidence[0].centre) < 1.0
    for degrees, found in values.items():
        assert found[VOLUME].low < BALL_MM3 < found[VOLUME].high
        assert found[EQUIVALENT_DIAMETER].low < BALL_MM < found[EQUIVALENT_DIAMETER].high
        assert found[VOLUME].value == pytest.approx(values[0][VOLUME].value, rel=0.05), degrees


@pytest.mark.parametrize("degrees", [5, -15, 25, 30])
def test_the_straightened_volume_holds_a_ball_of_its_true_size(degrees: int) -> None:
    (series,) = assemble(read_instance(data) for data in ball_in_lung(degrees))
    volume = series.volume()
    dense = np.asarray(volume.values) > -410  # half way between lung and ball
    extent = np.ptp(volume.to_point(np.argwhere(dense).astype(float)), axis=0)
    assert dense.sum() * volume.voxel_mm3 == pytest.approx(BALL_MM3, rel=0.03)
    assert extent == pytest.approx(np.full(3, BALL_MM), abs=1.7)  # a slice and rounding
