"""DICOM: nested, private, overlaid and hidden identifiers go; the study still fits together."""

from __future__ import annotations

import io
import zlib
from datetime import date
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from suwen.core.errors import BadInput, UnsafeInput
from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom.profile import Options
from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.subject import Subject

SUBJECT = Subject(b"a key of the subject of the tests")
PLAIN = Options(clean_pixels=False)


def ct(syntax: str = ExplicitVRLittleEndian, **more: Any) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.SourceApplicationEntityTitle = "DOEHOSPITAL"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "4839201"
    dataset.PatientBirthDate, dataset.StudyDate, dataset.Modality = "19610412", "20210304", "CT"
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def stored(dataset: FileDataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()


def through(dataset: FileDataset, options: Options = PLAIN, **more: Any) -> FileDataset:
    done = dicom.deidentify(stored(dataset), SUBJECT, options, lambda text: text, **more)
    for trace in (b"Doe", b"DOE", b"4839201", b"Jane"):
        assert trace not in done.data
    return pydicom.dcmread(io.BytesIO(done.data))


def test_who_it_was_and_how_it_was_de_identified_stand_in_the_object() -> None:
    new = through(ct())
    assert new.PatientID == new.PatientName == SUBJECT.pseudonym
    assert new.PatientIdentityRemoved == "YES"
    assert [code.CodeValue for code in new.DeidentificationMethodCodeSequence] == [
        "113100",
        "113105",
        "113107",
    ]
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    assert new.StudyDate == (date(2021, 3, 4) + SUBJECT.shift).strftime("%Y%m%d")
    assert new.PatientBirthDate == ""


def test_file_meta_names_the_new_instance_and_nothing_else_of_the_old() -> None:
    new = through(ct())
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID == SUBJECT.uid("1.2.3.4")
    assert "SourceApplicationEntityTitle" not in new.file_meta
    assert new.preamble == b"\0" * 128


def test_uids_of_a_study_are_mapped_alike_in_every_object_and_level() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.3.4"
    new = through(ct(ReferencedImageSequence=Sequence([reference])))
    (item,) = new.ReferencedImageSequence
    assert item.ReferencedSOPInstanceUID == new.SOPInstanceUID
    assert item.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert new.StudyInstanceUID == SUBJECT.uid("1.2.3")


def test_names_in_sequences_of_any_depth_are_removed() -> None:
    deepest, middle = Dataset(), Dataset()
    deepest.PersonName, deepest.TextValue = "Doe^Jane", "told to Jane Doe"
    middle.add_new(0x00081199, "SQ", Sequence([deepest]))
    through(ct(ReferencedSeriesSequence=Sequence([middle])))


def test_private_attributes_go_unless_listed_as_safe_and_asked_for() -> None:
    dataset = ct()
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x23, "DS", "1.5")
    block.add_new(0x99, "LO", "Jane Doe")
    assert not [one for one in through(dataset) if one.tag.is_private]
    kept = through(dataset, Options(clean_pixels=False, safe_private=True))
    private = [one for one in kept if one.tag.is_private]
    assert [str(one.value) for one in private] == ["GEMS_ACQU_01", "1.5"]


def test_overlays_curves_and_attributes_no_dictionary_knows_go() -> None:
    dataset = ct()
    for tag, vr, value in (
        (0x60003000, "OW", b"\1\2"),
        (0x60000010, "US", 8),
        (0x50000010, "US", 1),
        (0x00080BAD, "LO", "Jane Doe"),
    ):
        dataset.add_new(tag, vr, value)
    groups = {one.tag.group for one in through(dataset)}
    assert not groups & {0x6000, 0x5000}


def test_what_the_header_says_of_the_patient_is_found_in_fields_no_table_names() -> None:
    new = through(ct(Manufacturer="for Jane Doe", ImageType=["ORIGINAL", "DOE JANE"]))
    assert SUBJECT.pseudonym in new.Manufacturer


def test_what_other_files_say_of_the_patient_is_found_as_well() -> None:
    known = Known(frozenset(["Quark^Zeb"]))
    new = through(ct(Manufacturer="Zeb Quark", SeriesDescription="of Zeb"), known=known)
    assert "Zeb" not in new.Manufacturer + new.SeriesDescription


def test_a_patient_of_93_is_given_as_90_where_characteristics_are_kept() -> None:
    options = Options(clean_pixels=False, patient=True)
    assert through(ct(PatientAge="093Y", PatientSex="F"), options).PatientAge == "090Y"
    assert through(ct(PatientAge="047Y"), options).PatientAge == "047Y"
    assert "PatientAge" not in through(ct(PatientAge="047Y"))


def test_descriptions_are_removed_when_there_is_no_one_to_clean_them() -> None:
    new = dicom.deidentify(stored(ct(StudyDescription="of Jane")), SUBJECT, PLAIN)
    assert b"of Jane" not in new.data


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_read(syntax: str) -> None:
    assert through(ct(syntax)).PatientID == SUBJECT.pseudonym


def test_text_in_a_chinese_character_set_is_read_and_written() -> None:
    dataset = ct(SpecificCharacterSet="GB18030", StudyDescription="胸部 CT")
    assert through(dataset).StudyDescription == "胸部 CT"


@pytest.mark.parametrize("cut", [1, 9, 60, 200])
def test_a_truncated_file_is_refused(cut: int) -> None:
    whole = stored(ct(StudyDescription="a long description of the study"))
    with pytest.raises(BadInput):
        dicom.deidentify(whole[:-cut], SUBJECT, PLAIN)


def test_a_deflate_bomb_is_refused_before_it_grows() -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * (1 << 20)
    bomb = b"".join(squeeze.compress(zeros) for _ in range(513)) + squeeze.flush()
    buffer = io.BytesIO()
    ct(DeflatedExplicitVRLittleEndian).save_as(buffer, enforce_file_format=True)
    head = buffer.getvalue()
    start = 144 + int.from_bytes(head[140:144], "little")
    with pytest.raises(UnsafeInput, match="512 MiB"):
        dicom.deidentify(head[:start] + bomb, SUBJECT, PLAIN)


def test_sequences_nested_without_end_are_refused() -> None:
    head = stored(ct())
    opened = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(UnsafeInput, match="nested"):
        dicom.deidentify(head + opened * 300, SUBJECT, PLAIN)


def test_a_dicomdir_and_what_is_no_dicom_are_refused() -> None:
    directory = ct()
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    with pytest.raises(BadInput, match="DICOMDIR"):
        dicom.deidentify(stored(directory), SUBJECT, PLAIN)
    for data in (b"", b"DICM", b"%PDF-1.4", b"\0" * 500):
        with pytest.raises(BadInput):
            dicom.deidentify(data, SUBJECT, PLAIN)


def test_an_object_cut_within_its_last_element_is_refused() -> None:
    buffer = io.BytesIO()
    ct().save_as(buffer, enforce_file_format=True)
    with pytest.raises(BadInput, match="ends within an element"):
        dicom.deidentify(buffer.getvalue()[:-3], SUBJECT, PLAIN)


def test_a_program_in_the_preamble_is_refused() -> None:
    buffer = io.BytesIO()
    ct().save_as(buffer, enforce_file_format=True)
    with pytest.raises(UnsafeInput, match="Windows program"):
        dicom.deidentify(b"MZ" + buffer.getvalue()[2:], SUBJECT, PLAIN)
