"""DICOM that identifies nobody: the Basic Profile of PS3.15 Annex E with options, on one object.

What the profile leaves open is answered on the safe side: overlays and curves go as whole groups,
attributes no dictionary knows are removed, names, dates and UIDs outside the table are treated like
those inside, and every text that stays is searched for what the header said of the patient.

Reference: DICOM PS3.15 2026c Annex E; PS3.3 2024e C.12.1 (SOP Common) and C.7.1.1 (Patient).
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pydicom
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence

from suwen.core.errors import BadInput, SuwenError
from suwen.privacy.dicom import burned_in, values
from suwen.privacy.dicom.profile import (
    BASIC,
    Action,
    Options,
    Row,
    action,
    methods,
    profile,
    row_of,
)
from suwen.privacy.dicom.profile import safe_private as safe_private_attributes
from suwen.privacy.dicom.reading import known_of, read
from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.subject import Subject

IMPLEMENTATION_CLASS: Final = "2.25.118363936873137410929487430098571029845"
IMPLEMENTATION_VERSION: Final = "SUWEN_PRIVACY"
DOCUMENT: Final = b"%PDF-1.4\n% the document was removed\n%%EOF\n"
_PIXEL_TAGS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_CHARACTER_SET, _DOCUMENT_TAG, _AGE_TAG = 0x00080005, 0x00420011, 0x00101010
_PATIENT_TAGS: Final = {0x00100010: "name", 0x00100020: "id"}


@dataclass(frozen=True)
class Deidentified:
    """An object after de-identification.

    Parameters
    ----------
    data
        A DICOM Part 10 file.
    actions
        How many elements met each action (X, Z, D, U, K, C).
    blanked
        Boxes of burned-in text that were blanked, on all frames together.
    """

    data: bytes = field(repr=False)
    actions: Counter[str]
    blanked: int = 0


def deidentify(
    data: bytes,
    subject: Subject,
    options: Options | None = None,
    clean_text: Callable[[str], str] | None = None,
    known: Known | None = None,
) -> Deidentified:
    """Return a DICOM object without identity.

    Parameters
    ----------
    data
        A DICOM Part 10 file.
    subject
        Whose it is: gives pseudonym, UIDs and date shift.
    options
        Options of the profile.
    clean_text
        Takes identifiers out of free text; None: free text is removed.
    known
        What other files say of this patient; what this header says is always known.

    Raises
    ------
    BadInput, UnsafeInput
        It cannot be read, its text cannot be removed from the pixels, or it could not be written;
        nothing is returned then.
    """
    options = options or Options()
    dataset = read(data)
    if not dataset.get("SOPClassUID") or not dataset.get("SOPInstanceUID"):
        raise BadInput(
            "a DICOM object without SOP Class or SOP Instance UID", "both", "export again"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote values
            everything = known_of(dataset) | (known or Known())
            return _made(dataset, _Work(subject, options, clean_text, everything))
    except SuwenError:
        raise
    except Exception as error:  # noqa: BLE001 - the content of a real file may raise anything
        raise BadInput(
            f"a DICOM object that cannot be de-identified ({type(error).__name__})",
            "an object pydicom reads and writes",
            "check the file with dciodvfy or another validator",
        ) from None


def _made(dataset: FileDataset, work: _Work) -> Deidentified:
    """Return the object without identity, its pixels looked at too."""
    out = work.object(dataset)
    blanked = burned_in.clean(out) if work.options.clean_pixels else 0
    if work.options.clean_pixels and "PixelData" in out:
        out.BurnedInAnnotation = "NO"
    _sweep(out, work)
    written = _written(out, dataset, work.subject, work.options)
    return Deidentified(written, work.counts, blanked)


class _Work:
    """The de-identification of one object."""

    def __init__(
        self,
        subject: Subject,
        options: Options,
        clean_text: Callable[[str], str] | None,
        known: Known,
    ) -> None:
        self.subject, self.options, self.known = subject, options, known
        self.clean_text = clean_text
        self.counts: Counter[str] = Counter()
        self.own = frozenset(int(tag, 16) for tag in profile()["own"]["tags"])

    def object(self, dataset: FileDataset) -> Dataset:
        """Return the data set of a whole object, with what says how it was de-identified."""
        out = self.level(dataset, str(dataset.get("SOPClassUID", "")))
        out.file_meta = FileMetaDataset()
        out.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
        out.SpecificCharacterSet = "ISO_IR 192"
        out.PatientIdentityRemoved = "YES"
        out.DeidentificationMethod = [meaning[:64] for _, meaning in methods(self.options)]
        out.DeidentificationMethodCodeSequence = Sequence(
            [_code(*method) for method in methods(self.options)]
        )
        kept = "MODIFIED" if self.options.modified_dates else "REMOVED"
        out.LongitudinalTemporalInformationModified = kept
        return out

    def level(self, dataset: Dataset, sop_class: str = "", *, dummies: bool = False) -> Dataset:
        """Return one level of a data set; `sop_class` is empty inside sequences."""
        out = Dataset()
        for tag in list(dataset.keys()):
            if tag in self.own or tag == _CHARACTER_SET or tag.element == 0 or tag.group < 8:
                continue
            element = self._element(dataset, tag, sop_class, dummies)
            if element is not None:
                out.add(element)
        return out

    def _element(
        self, dataset: Dataset, tag: pydicom.tag.BaseTag, sop_class: str, dummies: bool
    ) -> DataElement | None:
        if tag.is_private:
            done, kept = _private(dataset, tag) if self.options.safe_private else ("X", None)
            return self._counted(done, kept) if done else kept
        row = row_of(tag)
        group = tag.group & 0xFF00
        if group in (0x5000, 0x6000) or tag.group >= 0xFFFA or not dictionary_has_tag(tag):
            return self._counted("X", None)
        act: Action | None = None if row is None else action(row, self.options, sop_class)
        if act == "X":
            return self._counted("X", None)
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001 - a value that cannot be decoded cannot be checked
            return self._counted("X", None)
        if element.VR == "UN" and act != "D":
            return self._counted("X", None)
        if row is None or act is None:
            return self._unlisted(element, dummies)
        return self._counted(act, self._acted(act, element, row, sop_class))

    def _counted(self, act: str, element: DataElement | None) -> DataElement | None:
        self.counts[act] += 1
        return element

    def _acted(
        self, act: Action, element: DataElement, row: Row, sop_class: str
    ) -> DataElement | None:
        if element.tag in _PATIENT_TAGS:
            return DataElement(element.tag, element.VR, self.subject.pseudonym)
        if act == "Z":
            return DataElement(element.tag, element.VR, [] if element.VR == "SQ" else "")
        if act == "U":
            return self._uids(element)
        if act == "K":
            return self._kept(element)
        if act == "C":
            return self._cleaned(element, row, sop_class)
        return self._dummy(element)

    def _uids(self, element: DataElement) -> DataElement:
        if element.VR == "SQ":
            return self._recursed(element)
        new = [values.replaced_uid(one, self.subject) for one in values.values(element)]
        return DataElement(element.tag, "UI", new)

    def _recursed(self, element: DataElement, *, dummies: bool = False) -> DataElement:
        items = [self.level(item, dummies=dummies) for item in element.value or ()]
        return DataElement(element.tag, "SQ", Sequence(items))

    def _dummy(self, element: DataElement) -> DataElement:
        """Return a dummy; of a sequence its first item, everything in it a dummy."""
        if element.VR == "SQ":
            first = list(element.value or ())[:1]
            items = [self.level(item, dummies=True) for item in first]
            return DataElement(element.tag, "SQ", Sequence(items))
        if element.tag == _DOCUMENT_TAG:
            return DataElement(element.tag, "OB", DOCUMENT)
        original = str(element.value) if element.VR == "UI" else ""
        return DataElement(
            element.tag, element.VR, values.dummy(element.VR, self.subject, original)
        )

    def _kept(self, element: DataElement) -> DataElement:
        if element.VR == "SQ":
            return self._recursed(element)
        if element.VR == "AS":
            ages = [values.capped_age(one) for one in values.values(element)]
            return DataElement(element.tag, "AS", ages)
        if element.VR in values.TEXTS:
            return self._rewritten(element, self._scrubbed)
        return element

    def _cleaned(self, element: DataElement, row: Row, sop_class: str) -> DataElement | None:
        """Return an element cleaned; what cannot be cleaned meets the Basic Profile."""
        if element.VR in ("DA", "DT", "TM"):
            moved = values.moved_element(element, self.subject)
            if moved is not None:
                return DataElement(element.tag, element.VR, moved)
        elif element.VR == "SQ":
            return self._recursed(element)
        elif element.VR in values.TEXTS:
            return self._rewritten(element, self._free)
        elif element.VR == "AE":
            names = [self.subject.token("AE", one)[:16] for one in values.values(element)]
            return DataElement(element.tag, "AE", names)
        act = action(row, BASIC, sop_class)
        return None if act == "X" else self._acted(act, element, row, sop_class)

    def _unlisted(self, element: DataElement, dummies: bool) -> DataElement | None:
        """Return an element the table does not name, safer than it stood."""
        vr = element.VR
        if element.tag in _PIXEL_TAGS or vr == "SQ":
            return self._recursed(element, dummies=dummies) if vr == "SQ" else element
        if vr == "PN":
            return self._counted("D", self._dummy(element))
        if vr == "UI":
            return element if self.options.uids else self._counted("U", self._uids(element))
        if dummies and vr != "CS":
            return self._counted("D", self._dummy(element))
        if vr in ("DA", "DT"):
            moved = values.moved_element(element, self.subject)
            kept = moved is not None and self.options.modified_dates
            return self._counted("C", DataElement(element.tag, vr, moved if kept else ""))
        if vr in ("LT", "ST", "UC", "UT"):
            return self._counted("C", self._rewritten(element, self._free))
        if vr == "LO" and self.options.descriptors and self.clean_text is not None:
            return self._rewritten(element, self._free)
        if vr in ("LO", "SH", "CS", "UR", "AE"):
            return self._rewritten(element, self._scrubbed)
        return element

    def _rewritten(self, element: DataElement, how: Callable[[str], str]) -> DataElement:
        new = [how(text) for text in values.values(element)]
        limit = {"SH": 16, "LO": 64, "CS": 16, "AE": 16}.get(element.VR)
        return DataElement(element.tag, element.VR, [text[:limit] for text in new])

    def _scrubbed(self, text: str) -> str:
        return self.known.scrubbed(text, self.subject)

    def _free(self, text: str) -> str:
        if self.clean_text is None:
            return ""
        return self.known.scrubbed(self.clean_text(text), self.subject, free=True)


def _private(dataset: Dataset, tag: pydicom.tag.BaseTag) -> tuple[str, DataElement | None]:
    """Keep a private attribute only where the standard lists it as safe; with what was done.

    A creator that stays counts as nothing done.
    """
    if tag.is_private_creator:
        creator = str(dataset[tag].value).strip()
        block = range(tag.element << 8, (tag.element << 8) + 0x100)
        used = any(
            (tag.group, element & 0xFF, creator) in safe_private_attributes()
            for element in block
            if (tag.group << 16 | element) in dataset
        )
        return ("", DataElement(tag, "LO", creator)) if used else ("X", None)
    creator_tag = tag.group << 16 | tag.element >> 8
    creator = str(dataset[creator_tag].value).strip() if creator_tag in dataset else ""
    element = dataset[tag]
    safe = (tag.group, tag.element & 0xFF, creator) in safe_private_attributes()
    if not safe or element.VR not in profile()["safe_private"]["vrs"]:
        return "X", None
    return "K", element


def _sweep(dataset: Dataset, work: _Work) -> None:
    """Look through everything that stays for what is known of the patient, once more."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                _sweep(item, work)
        elif element.VR not in ("PN", "UI") and element.VR in _CHARACTER_VRS:
            texts = values.values(element)
            if any(work.known.found(text) for text in texts):
                element.value = values.dummy(element.VR, work.subject)
                work.counts["D"] += 1


_CHARACTER_VRS: Final = values.TEXTS | frozenset(("AE", "AS", "CS", "DS", "IS", "UR"))


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning[:64]
    return item


def _written(out: Dataset, source: FileDataset, subject: Subject, options: Options) -> bytes:
    meta = FileMetaDataset()
    syntax = out.file_meta.TransferSyntaxUID
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = out.get("SOPClassUID") or source.file_meta.get(
        "MediaStorageSOPClassUID", ""
    )
    stored = str(source.file_meta.get("MediaStorageSOPInstanceUID", ""))
    mapped = stored if options.uids else values.replaced_uid(stored, subject)
    meta.MediaStorageSOPInstanceUID = out.get("SOPInstanceUID") or mapped
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    buffer = io.BytesIO()
    target = FileDataset(buffer, out, file_meta=meta, preamble=b"\0" * 128)
    pydicom.dcmwrite(
        buffer,
        target,
        enforce_file_format=True,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
    )
    return buffer.getvalue()
