"""A Volume as a valid DICOM CT series: for public crops that lost their DICOM, and for phantoms.

Reference: DICOM PS3.3 2024e section A.3 (CT Image IOD).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from suwen.core.errors import BadInput
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.volumes.volume import Volume

INTERCEPT: Final = -1024
IMPLEMENTATION_UID: Final = uid_from("suwen implementation class")
_SQUARE: Final = 1e-3


@dataclass(frozen=True)
class Label:
    """Whose series it is said to be, and the seed of its UIDs.

    Equal seeds give equal UIDs; series of one `study_seed` share their study. Write only public
    or synthetic names.
    """

    patient_id: str
    patient_name: str
    seed: str
    study_seed: str = ""
    sex: str = ""
    age: str = ""
    date: str = "20000101"
    description: str = "Synthetic chest CT"
    manufacturer: str = "Suwen"
    kernel: str = ""
    number: int = 1


def wrap_ct(volume: Volume, label: Label) -> list[bytes]:
    """Return the volume as CT Image Storage files, one a slice, in order along the normal.

    Parameters
    ----------
    volume
        Hounsfield units, shape (z, y, x), with a rectangular grid.
    label
        Whose series it is said to be.

    Raises
    ------
    BadInput
        The grid is sheared or left-handed in the plane, or values do not fit 16 bits.
    """
    volume = _upright(volume)
    stored = np.rint(volume.values.astype(np.float32)) - INTERCEPT
    if stored.min() < -32768 or stored.max() > 32767:
        raise BadInput("CT values beyond 16 bits", "Hounsfield units", "clip them first")
    pixels = stored.astype("<i2")
    return [_slice(volume, pixels[z], z, label) for z in range(len(pixels))]


def _upright(volume: Volume) -> Volume:
    """Return the volume with its slices along +normal; refuse a sheared grid."""
    down, across = (volume.affine[:3, n] / np.linalg.norm(volume.affine[:3, n]) for n in (1, 2))
    normal = np.cross(across, down)
    step = volume.affine[:3, 0] / np.linalg.norm(volume.affine[:3, 0])
    along = float(step @ normal)
    if abs(float(across @ down)) > _SQUARE or abs(abs(along) - 1) > _SQUARE:
        raise BadInput("a sheared voxel grid", "a rectangular one", "resample the volume first")
    if along > 0:
        return volume
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (len(volume.values) - 1)
    affine[:3, 0] *= -1
    return Volume(volume.values[::-1], affine)


def _numbers(values: NDArray[np.float64]) -> list[str]:
    """Return numbers as DICOM decimal strings (at most 16 characters)."""
    return [f"{value:.8g}"[:16] if abs(value) >= 1e-9 else "0" for value in values]


def _slice(volume: Volume, pixels: NDArray[np.int16], z: int, label: Label) -> bytes:
    header = Dataset()
    _identify(header, z, label)
    _place(header, volume, z)
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 1
    header.RescaleIntercept = str(INTERCEPT)
    header.RescaleSlope = "1"
    header.RescaleType = "HU"
    header.WindowCenter = ["-600", "40"]
    header.WindowWidth = ["1500", "400"]
    header.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    header.PixelData = pixels.tobytes()
    header["PixelData"].VR = "OW"
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = CTImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    header.file_meta.ImplementationVersionName = "SUWEN"
    stream = BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _identify(header: Dataset, z: int, label: Label) -> None:
    study = label.study_seed or label.seed
    header.SpecificCharacterSet = "ISO_IR 192"
    header.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    header.SOPClassUID = CTImageStorage
    header.SOPInstanceUID = uid_from(f"instance {label.seed} {z}")
    header.StudyDate = header.SeriesDate = header.ContentDate = label.date
    header.StudyTime = header.SeriesTime = header.ContentTime = "120000"
    header.AcquisitionDate, header.AcquisitionTime = label.date, "120000"
    header.AccessionNumber = ""
    header.Modality = "CT"
    header.Manufacturer = label.manufacturer
    header.ManufacturerModelName = "Wrapped volume"
    header.SoftwareVersions = "1"
    header.DeviceSerialNumber = "0"
    header.ReferringPhysicianName = ""
    header.SeriesDescription = label.description
    header.StudyDescription = label.description
    header.PatientName = label.patient_name
    header.PatientID = label.patient_id
    header.PatientBirthDate = ""
    header.PatientSex = label.sex
    if label.age:
        header.PatientAge = label.age
    header.BodyPartExamined = "CHEST"
    header.KVP = "120"
    if label.kernel:
        header.ConvolutionKernel = label.kernel
    header.PatientPosition = "HFS"
    header.StudyInstanceUID = uid_from(f"study {study}")
    header.SeriesInstanceUID = uid_from(f"series {label.seed}")
    header.StudyID = "1"
    header.SeriesNumber = str(label.number)
    header.AcquisitionNumber = "1"
    header.InstanceNumber = str(z + 1)
    header.FrameOfReferenceUID = uid_from(f"frame of reference {study}")
    header.PositionReferenceIndicator = ""


def _place(header: Dataset, volume: Volume, z: int) -> None:
    affine = volume.affine
    spacing = np.array(volume.spacing)
    across, down = affine[:3, 2] / spacing[2], affine[:3, 1] / spacing[1]
    position = affine[:3, 3] + affine[:3, 0] * z
    header.ImagePositionPatient = _numbers(position)
    header.ImageOrientationPatient = _numbers(np.concatenate([across, down]))
    header.PixelSpacing = _numbers(spacing[1:])
    header.SliceThickness = _numbers(spacing[:1])[0]
    header.SliceLocation = _numbers(np.array([position @ np.cross(across, down)]))[0]
