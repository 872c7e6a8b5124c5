"""Notes are shown in the characters they were written in."""

from datetime import UTC, datetime

import pytest

from suwen.core.nouns import Case, Record
from suwen.server.context import charset_of, context_of

NOTE = "主诉：咳嗽三周，痰中带血。"


def case_with(media_type: str, data: bytes) -> Case:
    content = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"contentType": media_type, "url": "blob/" + "0" * 64}}],
    }
    record = Record(reference="DocumentReference/a/_history/1", content=content)
    return Case("p", datetime(2026, 3, 1, tzinfo=UTC), (record,), lambda _: data)


@pytest.mark.parametrize("charset", ["gb18030", "utf-8"])
def test_a_chinese_note_is_shown_whatever_its_encoding(charset):
    case = case_with(f"text/plain; charset={charset}", NOTE.encode(charset))
    (note,) = context_of(case, "zh").notes
    assert note.text == NOTE


def test_a_media_type_without_a_known_charset_is_utf_8():
    assert charset_of("text/plain") == "utf-8"
    assert charset_of("text/plain; charset=klingon") == "utf-8"
