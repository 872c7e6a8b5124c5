"""DICOM files parsed behind the guard, and what their headers say of the patient."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Final

import pydicom
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset

from suwen.core import dicom_guard
from suwen.core.errors import BadInput, SuwenError
from suwen.privacy.dicom import values
from suwen.privacy.subjects.known import Known

logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its messages quote values

DICOMDIR: Final = "1.2.840.10008.1.3.10"
_NAMES: Final = (0x00100010, 0x00101001, 0x00101005)
_NUMBERS: Final = (0x00100020, 0x00101000, 0x00080050, 0x00101040, 0x00102154, 0x00101090)


def _whole(data: bytes) -> bytes:
    """Return bytes that may be parsed, inflated where they were deflated.

    A reader may show what comes before a cut; what is released must be whole, or nobody can say
    what it holds.
    """
    checked = dicom_guard.check(data, lambda tag: DicomDictionary.get(tag, ("",))[0] == "SQ")
    if checked.cut or checked.missing:
        raise BadInput(
            "a DICOM file that ends within an element",
            "a complete file",
            "copy it again; the transfer was probably cut short",
        )
    return checked.data


def read(data: bytes) -> FileDataset:
    """Parse a DICOM file behind the guard.

    Raises
    ------
    BadInput, UnsafeInput
        It is none, cut short, hostile, or a DICOMDIR.
    """
    safe = _whole(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(safe), force=False)
            dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID")
    except SuwenError:
        raise
    except Exception as error:  # noqa: BLE001 - a hostile file may raise anything
        raise BadInput(
            f"a DICOM file that cannot be parsed ({type(error).__name__})", "a valid object"
        ) from None
    if str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) == DICOMDIR:
        raise BadInput(
            "a DICOMDIR, which lists patients and files by name",
            "objects without their directory",
            "leave it out and make a new one for the de-identified files",
        )
    for name in ("SOPClassUID", "SOPInstanceUID"):
        stored = dataset.file_meta.get(f"MediaStorage{name}")
        if not dataset.get(name):
            if not stored:
                raise BadInput(f"a DICOM object without {name}", "one", "export it again")
            setattr(dataset, name, stored)
    return dataset


def known_of(dataset: Dataset) -> Known:
    """Return what the header says of the patient and, by name, of others."""
    names, numbers, others = set(), set(), set()
    for tag in _NAMES:
        names |= set(_texts(dataset, tag))
    for tag in _NUMBERS:
        numbers |= set(_texts(dataset, tag))
    for item in _items(dataset, 0x00101002):
        numbers |= set(_texts(item, 0x00100020))
    try:
        for element in dataset.iterall():
            if element.VR == "PN" and element.tag not in _NAMES:
                others |= set(values.values(element))
    except Exception:  # noqa: BLE001 - names after a damaged element are not known, only removed
        others = set(others)
    return Known(frozenset(names), frozenset(numbers), frozenset(others))


def _items(dataset: Dataset, tag: int) -> list[Dataset]:
    return list(dataset[tag].value or ()) if tag in dataset and dataset[tag].VR == "SQ" else []


def _texts(dataset: Dataset, tag: int) -> list[str]:
    return [text for text in values.values(dataset[tag]) if text] if tag in dataset else []
