"""Every row of PS3.15 Table E.1-1, under the Basic Profile and under each option it names."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom import profile as dicom_profile
from suwen.privacy.dicom.profile import Options, Row
from suwen.privacy.subjects.subject import Subject

SUBJECT = Subject(b"a key of the subject of the tests")
CT, MR_ENHANCED = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4.1"
PLANTED = "Zebulon Quark"
VALUES: dict[str, Any] = {
    "AE": "QUARKSTATION",
    "AS": "047Y",
    "AT": 0x00100010,
    "CS": "QUARK",
    "DA": "20200229",
    "DS": "47.11",
    "DT": "20200229101112",
    "FD": 47.11,
    "FL": 47.11,
    "IS": "4711",
    "LO": PLANTED,
    "LT": PLANTED,
    "OB": b"Zebulon Quark!",
    "OW": b"Zebulon Quark!",
    "PN": "Quark^Zebulon",
    "SH": PLANTED,
    "SL": 4711,
    "SS": 4711,
    "ST": PLANTED,
    "TM": "101112",
    "UC": PLANTED,
    "UI": "1.2.3.4711",
    "UL": 4711,
    "UN": b"Zebulon Quark!",
    "UR": "http://quark.example",
    "US": 4711,
    "UT": PLANTED,
}
MOVED = {"DA": "%Y%m%d", "DT": "%Y%m%d101112"}
ROWS = [row for row in dicom_profile.rows().values() if row.tag[:4] not in ("0000", "0002", "0004")]


def coded(text: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "4711", "99LOCAL", "Chest"
    item.TextValue = text
    item.PersonName = "Quark^Zebulon"
    return item


def planted(row: Row) -> tuple[int, str, Any]:
    """Return a tag that falls under a row, its VR and a value that identifies."""
    tag = {"50xxxxxx": 0x50020010, "60xx3000": 0x60023000, "60xx4000": 0x60024000}.get(row.tag)
    if tag is None:
        tag = 0x00091001 if row.tag == "ggggeeee" else int(row.tag, 16)
    vr = row.vr or "LO"
    vr = {"OB or OW": "OB", "US or SS": "US"}.get(vr, vr)
    return tag, vr, Sequence([coded(PLANTED)]) if vr == "SQ" else VALUES[vr]


def object_with(row: Row, sop_class: str = CT) -> bytes:
    tag, vr, value = planted(row)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3.1"
    dataset.add(DataElement(tag, vr, value))
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def after(row: Row, options: Options, sop_class: str = CT) -> tuple[DataElement | None, bytes]:
    kept = dicom.deidentify(
        object_with(row, sop_class), SUBJECT, options, lambda text: text.replace(PLANTED, "[name]")
    )
    dataset = pydicom.dcmread(io.BytesIO(kept.data))
    tag = planted(row)[0]
    return (dataset.get(tag, None)), kept.data


def no_trace(data: bytes) -> bool:
    return all(
        trace not in data
        for trace in (b"Zebulon", b"Quark", b"QUARK", b"quark", b"1.2.3.4711", b"20200229")
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tag} {row.name}")
def test_basic_profile_does_to_each_attribute_what_the_table_says(row: Row) -> None:
    element, data = after(row, dicom_profile.BASIC)
    codes = set(row.basic.split("/"))
    assert no_trace(data)
    if codes == {"X"}:
        assert element is None
        return
    if element is None:
        assert "X" in codes
    elif element.is_empty:
        assert "Z" in codes
    elif codes & {"U", "U*"}:
        assert element.VR == "SQ" or str(element.value) == SUBJECT.uid("1.2.3.4711")
    else:
        assert codes & {"D", "Z"}
        assert element.value != planted(row)[2]


OPTION_ROWS = [
    (row, name, code)
    for row in ROWS
    for name, code in row.options.items()
    if row.vr not in ("", "OB") or code == "K"
]


@pytest.mark.parametrize(
    ("row", "option", "code"), OPTION_ROWS, ids=lambda one: getattr(one, "tag", one)
)
def test_an_option_keeps_or_cleans_each_attribute_it_names(
    row: Row, option: str, code: str
) -> None:
    only = {"modified_dates": False, "descriptors": False, "clean_pixels": False, option: True}
    element, data = after(row, Options(**only))
    assert element is not None
    value = planted(row)[2]
    if row.vr == "SQ":
        assert len(element.value) == 1
        assert str(element.value[0].PersonName) == SUBJECT.pseudonym
    elif code == "K":
        assert element.value == value
    elif row.vr in MOVED:
        assert element.value == (date(2020, 2, 29) + SUBJECT.shift).strftime(MOVED[row.vr])
    elif row.vr == "TM":
        assert element.value == "101112"
    elif row.vr in ("LO", "LT", "ST", "UC", "UT"):
        assert element.value == "[name]"
    else:
        assert no_trace(data)


def test_the_table_has_every_row_of_the_edition() -> None:
    rows = dicom_profile.rows()
    assert len(rows) == 655
    assert {row.basic for row in rows.values()} == {
        "X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attribute", "sop_class", "wanted"),
    [
        ("00181000", CT, "X"),  # Device Serial Number: Type 3 in CT Image
        ("00181000", MR_ENHANCED, "D"),  # Type 1 in Enhanced MR
        ("00080023", CT, "Z"),  # Content Date: Type 2C in CT Image
        ("00080023", MR_ENHANCED, "D"),
        ("00080080", CT, "X"),  # Institution Name: Type 3
        ("00080080", "", "D"),  # within a sequence nobody knows the Type
        ("00081140", CT, "U"),  # Referenced Image Sequence stays, its UIDs are replaced
    ],
)
def test_among_several_codes_the_strictest_that_keeps_the_object_valid(
    attribute: str, sop_class: str, wanted: str
) -> None:
    row = dicom_profile.rows()[attribute]
    assert dicom_profile.action(row, dicom_profile.BASIC, sop_class) == wanted


def test_an_attribute_one_option_keeps_and_another_cleans_is_cleaned() -> None:
    row = dicom_profile.rows()["00181200"]  # Date of Last Calibration
    assert dicom_profile.action(row, Options(device=True, modified_dates=True)) == "C"
    assert dicom_profile.action(row, Options(device=True, modified_dates=False)) == "K"


def test_methods_are_the_codes_of_cid_7050() -> None:
    codes = [code for code, _ in dicom_profile.methods(Options(device=True))]
    assert codes == ["113100", "113101", "113105", "113107", "113109"]
