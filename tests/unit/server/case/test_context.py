"""Notes are shown in the characters they were written in."""

from datetime import UTC, datetime

import pytest

from suwen.core.nouns import Case, Record
from suwen.server.case.context import context_of

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


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain; charset=klingon"])
def test_a_note_whose_charset_is_not_known_is_read_as_what_it_is(media_type):
    (note,) = context_of(case_with(media_type, NOTE.encode("gb18030")), "zh").notes
    assert note.text == NOTE


def test_a_note_in_rtf_is_shown_without_its_markup():
    data = b"{\\rtf1\\ansi {\\b Cough} for three weeks.\\par}"
    (note,) = context_of(case_with("application/rtf", data), "en").notes
    assert note.text.strip() == "Cough for three weeks."
