"""No sentence of the pages is left in one language only, and both say the same values."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po
from texts import found

from suwen.core.errors import NotFound
from suwen.server.language import FOLDER, age, chosen, say
from suwen.server.render import environment
from suwen.server.spoken import sentence, told

PLACEHOLDER = re.compile(r"%\(\w+\)[.\d]*[a-z]")


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    with (FOLDER / "zh" / "LC_MESSAGES" / "suwen.po").open("rb") as file:
        catalogue = read_po(file, locale="zh")
    assert not any(entry.fuzzy for entry in catalogue if entry.id)
    return {entry.id: entry.string for entry in catalogue if entry.id}


def test_every_text_of_the_pages_is_translated(chinese: dict[str, str]) -> None:
    missing = [text for text in found() if not chinese.get(text)]
    assert missing == []
    assert len(found()) > 200, "the texts are really found"


def test_a_translation_keeps_the_values_of_its_sentence(chinese: dict[str, str]) -> None:
    for english, translated in chinese.items():
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(translated))


def test_chinese_pages_are_chinese(chinese: dict[str, str]) -> None:
    plain = [e for e, c in chinese.items() if not re.search(r"[\u4e00-\u9fff]", c)]
    assert plain == []


def test_a_sentence_without_values_may_hold_a_percent_sign() -> None:
    assert say("zh", "100 % of it") == "100 % of it"
    assert say("en", "Patient %(id)s", id="7") == "Patient 7"
    assert say("zh", "Patient %(id)s", id="7") == "患者 7"


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        ("zh", "en-GB", "zh"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "fr-FR, en;q=0.5", "en"),
        ("xx", None, "zh"),
        (None, "", "zh"),
    ],
)
def test_the_reader_chooses_the_language(cookie, accept, expected) -> None:
    assert chosen(cookie, accept, "zh") == expected


def test_ages_read_naturally() -> None:
    from datetime import UTC, datetime, timedelta

    before = datetime.now(UTC) - timedelta(hours=3)
    assert age("en", before) == "3 hours ago"
    assert age("zh", before) == "3小时前"


def test_errors_are_translated_where_they_are_shown() -> None:
    template = environment("zh").get_template("problem.html")
    error = NotFound("no report of this patient", "a report", "run the diagnosis first")
    text = template.render(error=error, heading="x")
    assert "该患者没有报告。" in text
    assert "如何处理：请先运行诊断。" in text


def test_an_error_put_together_at_run_time_is_told_in_the_readers_language() -> None:
    refused = "the role nurse may not 'sign' here for treatment"
    assert told("zh", refused) == "角色“护士”在此处不能为“诊疗”目的执行“签署”"
    assert told("en", refused) == refused
    assert told("zh", "file 3 is too large") == "第 3 个文件太大"
    reasons = "check that it is the right folder; the files' reasons: a.xyz: unknown\nb: broken"
    assert told("zh", reasons).endswith("各文件的原因：a.xyz: unknown\nb: broken")
    assert told("zh", "words nobody wrote") == "words nobody wrote"


def test_an_error_reads_as_a_sentence() -> None:
    assert sentence("en", "no such address") == "No such address."
    assert sentence("zh", "no such address") == "没有此地址。"
    assert sentence("en", "a report", "Expected") == "Expected: a report."
