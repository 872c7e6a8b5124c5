"""Files are told by what is in them, never by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from suwen.core.errors import BadInput
from suwen.privacy.files import File, Refused, decoded, files, kind_of


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bytes(128) + b"DICM", "dicom"),
        (b"\x0bMSH|^~\\&|A\rPID|1\r", "hl7"),
        (b'\xef\xbb\xbf {"resourceType": "Patient"}', "fhir"),
        (b"MRN,rate\n1,72\n2,80\n", "table"),
        (b"Seen today. No fever.", "note"),
        ("患者无发热。".encode("gb18030"), "note"),
        ("Denies fever.".encode("utf-16"), "note"),
    ],
)
def test_the_content_says_what_a_file_is(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize("data", [b"", b"  \n", b"\x89PNG\r\n\x1a\n\0\0", b"\0\1\2\3" * 9])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match="none of DICOM"):
        kind_of(data)


def test_latin_letters_of_windows_are_not_taken_for_chinese() -> None:
    assert decoded("Frau Müller, 37,2 °C".encode("cp1252")) == "Frau Müller, 37,2 °C"


def test_each_line_of_a_file_put_together_has_its_own_encoding() -> None:
    data = "患者：张三\n".encode() + "姓名：李四，男\n".encode("gb18030")
    assert decoded(data) == "患者：张三\n姓名：李四，男\n"


def test_messages_framed_for_the_wire_are_text() -> None:
    assert decoded(b"\x0bMSH|^~\\&|A\r\x1c\r\x0bMSH|^~\\&|B\r\x1c").count("MSH") == 2


def test_a_link_and_a_picture_are_named_with_their_reason(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("No fever.")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\0")
    (tmp_path / "c.txt").symlink_to(tmp_path / "a.txt")
    found = list(files(tmp_path))
    assert found[0] == File(1, tmp_path / "a.txt", "note")
    assert [(one.number, one.error.got) for one in found if isinstance(one, Refused)] == [
        (2, "a file that is none of DICOM, FHIR JSON, HL7 v2, a table or text"),
        (3, "a link"),
    ]
