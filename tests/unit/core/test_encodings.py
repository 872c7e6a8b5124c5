"""Notes arrive in the encodings hospitals write, sometimes several in one file."""

from __future__ import annotations

import codecs

import pytest

from suwen.core.encodings import decode

ZH = "主诉：反复咳嗽三天，否认发热。"
WEST = "Müller: fièvre élevée, façade"


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (ZH.encode(), ZH, "UTF-8"),
        (codecs.BOM_UTF8 + ZH.encode(), ZH, "UTF-8"),
        (ZH.encode("utf-16"), ZH, "UTF-16"),
        (ZH.encode("gb18030"), ZH, "GB18030"),
        (WEST.encode("latin-1"), WEST, "Latin-1"),
    ],
)
def test_the_encoding_is_told_by_the_bytes(data: bytes, text: str, encoding: str) -> None:
    found = decode(data)
    assert found is not None
    assert (found.text, found.encoding) == (text, encoding)


def test_a_note_whose_lines_are_in_two_encodings_is_read_line_by_line() -> None:
    data = (ZH + "\n").encode() + "既往史：高血压十年。\n".encode("gb18030") + b"BP 150/90\n"
    found = decode(data)
    assert found is not None
    assert found.text == ZH + "\n既往史：高血压十年。\nBP 150/90\n"
    assert found.encoding == "mixed: UTF-8, GB18030"


def test_western_and_utf8_lines_mix_too() -> None:
    found = decode("Température 38 °C\n".encode("latin-1") + "Patient’s mother well\n".encode())
    assert found is not None
    assert found.text == "Température 38 °C\nPatient’s mother well\n"


def test_a_chinese_line_that_happens_to_be_utf8_does_not_make_the_note_mixed() -> None:
    text = "模\n患者咳嗽两周，右上肺结节。\n"
    assert "模".encode("gb18030").decode("utf-8") == "ģ"
    found = decode(text.encode("gb18030"))
    assert found is not None
    assert (found.text, found.encoding) == (text, "GB18030")


@pytest.mark.parametrize("data", [b"", b"  \n", bytes(range(256)) * 3, b"\0\1\2MZ"])
def test_what_is_no_text_is_none(data: bytes) -> None:
    assert decode(data) is None
