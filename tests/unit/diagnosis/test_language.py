"""Every sentence the room can say is translated, and no placeholder is lost on the way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import suwen.diagnosis
from suwen.diagnosis.language import both, catalogue, say

ROOM = Path(suwen.diagnosis.__file__).parent
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def spoken() -> Iterator[str]:
    """Yield each message id in the sources and templates of the room."""
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"both": 0, "message": 0, "say": 1}.get(node.func.id)
                if place is not None and len(node.args) > place:
                    text = node.args[place]
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield text.value
    for path in sorted(ROOM.glob("templates/*.html")):
        yield from re.findall(r'_\("([^"]+)"\)', path.read_text(encoding="utf-8"))


def catalogue_file() -> dict[str, str]:
    with (ROOM / "translations/zh/LC_MESSAGES/suwen.po").open("rb") as source:
        return {str(m.id): str(m.string) for m in read_po(source) if m.id}


def test_every_sentence_is_translated_and_none_is_left_over() -> None:
    translated = {key for key, value in catalogue_file().items() if value}
    assert set(spoken()) == translated


def test_no_placeholder_is_lost_or_invented_in_translation() -> None:
    for english, chinese in catalogue_file().items():
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(chinese)), english


def test_a_text_inside_a_sentence_is_taken_in_the_same_language() -> None:
    text = both("%(thing)s %(number)s", thing=both("Nodule"), number=3)
    assert (text.en, text.zh) == ("Nodule 3", "结节 3")


def test_a_percent_sign_alone_needs_no_doubling() -> None:
    assert say("zh", "95% interval") == "95% 置信区间"


def test_another_room_loads_its_own_catalogue(tmp_path: Path) -> None:
    folder = tmp_path / "zh" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    po = header + 'msgid "Worklist"\nmsgstr "工作列表"\n'
    (folder / "suwen.po").write_text(po, encoding="utf-8")
    assert say("zh", "Worklist", tmp_path) == "工作列表"
    assert catalogue("en", tmp_path).gettext("Worklist") == "Worklist"


def test_a_language_without_catalogue_is_an_error_not_silence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        catalogue("zh", tmp_path)
