"""Generated radiographs as DICOM DX and US objects to read, spoil and refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from suwen.core.nouns import Case, Record, digest_of
from suwen.imaging.case.series import imaging_study
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.uids import uid_from


def chest_like(height: int = 120, width: int = 144) -> np.ndarray:
    """A bright body with two dark lungs, 0..1."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lungs = sum(np.exp(-(((x - side) / 0.25) ** 2 + (y / 0.6) ** 2) * 2) for side in (-0.45, 0.45))
    return np.clip(0.85 - 0.6 * lungs, 0, 1)


def dx(pixels: np.ndarray | None = None, seed: str = "dx", **fields: object) -> bytes:
    """A DX object of a child of three; `fields` go before the header's own."""
    if pixels is None:
        pixels = np.round(chest_like() * 4000).astype("<u2")
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID = DigitalXRayImageStorageForPresentation
    header.SOPInstanceUID = uid_from(f"instance {seed}")
    header.StudyInstanceUID = uid_from("study radiographs")
    header.SeriesInstanceUID = uid_from(f"series {seed}")
    header.StudyDate = "20240101"
    header.Modality = "DX"
    header.PatientName, header.PatientID = "Test^Child", "TEST-DX"
    header.PatientBirthDate, header.PatientSex = "", "O"
    header.PatientAge = "003Y"
    header.BodyPartExamined, header.ViewPosition = "CHEST", "AP"
    header.ImagerPixelSpacing = ["1.5", "1.5"]
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = pixels.shape[:2]
    header.BitsAllocated = header.BitsStored = 8 * pixels.dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = 0
    for keyword, value in fields.items():
        setattr(header, keyword, value)
    header.PixelData = pixels.tobytes()
    header["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def case_of(*files: bytes) -> Case:
    """A Case of the studies of some files."""
    stored = {digest_of(data): data for data in files}
    instances = [read_instance(data) for data in files]
    digests = {one.text("SOPInstanceUID"): digest_of(one.load()) for one in instances}
    study = imaging_study(assemble(instances), digests, "p1")
    record = Record(reference="ImagingStudy/0/_history/1", content=study)
    return Case("p1", datetime(2026, 1, 1, tzinfo=UTC), (record,), stored.__getitem__)
