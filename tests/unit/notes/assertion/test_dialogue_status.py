"""A symptom in a dialogue: what the question leaves open, the answer decides."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.notes.assertion.data import cmdd
from suwen.notes.assertion.dialogue_status import (
    STATUSES,
    Dialogue,
    Named,
    StatusModel,
    Turn,
    features,
    keywords,
    related,
)
from suwen.notes.assertion.rules import KNOWLEDGE

MODEL = StatusModel((KNOWLEDGE / "dialogue_status.json").read_text(encoding="utf-8"))


def told(*lines: str) -> Dialogue:
    """Build a dialogue of lines `D ...` and `P ...`; what stands in [] is named."""
    turns, named = [], []
    for at, line in enumerate(lines):
        speaker, _, text = line.partition(" ")
        plain = ""
        for piece in re.split(r"(\[.*?\])", text):
            name = piece.strip("[]")
            if piece.startswith("["):
                named.append(Named(at, len(plain), len(plain) + len(name), name))
            plain += name
        turns.append(Turn(speaker == "P", plain))
    return Dialogue(tuple(turns), tuple(named))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("D 宝宝有没有[发热]？", "P 没有"), ["absent"]),
        (("D 宝宝有[咳嗽]吗？", "P 有的，[咳嗽]三天了"), ["present", "present"]),
        (("P 宝宝[咳嗽]两天了，没有[发热]", "D 好的"), ["present", "absent"]),
        (("P 孩子[发烧]三天了", "D 如果出现[抽搐]要及时就诊"), ["present", "possible"]),
        (("D 有[呕吐]吗？", "P 没有[呕吐]，就是[拉肚子]"), ["absent", "absent", "present"]),
        (("P 宝宝[流鼻涕]", "D 可能是[病毒感染]引起的"), ["present", "possible"]),
    ],
)
def test_the_answer_decides_about_the_question(lines, expected):
    assert MODEL.statuses(told(*lines)) == expected


def test_probabilities_are_probabilities():
    found = MODEL.probabilities(told("D 有[咳嗽]吗", "P [咳嗽]，不[发热]"))
    assert found.shape == (3, len(STATUSES))
    assert found.sum(1) == pytest.approx(1)


def test_a_dialogue_that_names_nothing_has_no_status():
    assert MODEL.statuses(told("D 你好", "P 你好")) == []


def test_spans_count_characters_of_all_turns_one_a_line():
    dialogue = told("D 你好", "P [咳嗽]两天")
    (span,) = dialogue.spans()
    assert span.of(dialogue.text) == "咳嗽"


def test_the_trivial_answer_looks_at_words_beside_the_mention():
    assert keywords(told("P 没有[发热]", "D [咳嗽]吗", "P [咳嗽]")) == [
        "absent",
        "possible",
        "present",
    ]


def test_what_is_said_elsewhere_of_the_same_symptom_counts():
    dialogue = told("D 有[发热]吗", "P 没有[发热]", "D 不[发热]就好")
    logits = np.array([[0.0, 0, 0], [0, 5, 0], [0, 5, 0]])
    alone = related(told("D 有[发热]吗"), logits[:1])
    assert not np.allclose(related(dialogue, logits)[0], alone[0])
    assert "oD>Pabsent" in features(dialogue)[0]


def test_weights_that_are_none_are_refused():
    for text in ("", "{}", "[1]", '{"first": 3}'):
        with pytest.raises(BadInput, match="weights"):
            StatusModel(text)


def test_the_figures_stand_beside_the_weights():
    stored = json.loads((KNOWLEDGE / "dialogue_status.json").read_text(encoding="utf-8"))
    figures = stored["figures"]
    assert figures["dev"]["macro_f1"] > figures["dev baselines"]["keywords"]["macro_f1"]
    assert "Lin et al." in stored["source"]


def test_a_label_without_a_beginning_begins_a_symptom_and_a_line_that_does_not_match_names_none(
    tmp_path,
):
    def one(sentence, label, types):
        return {"speaker": "患者", "sentence": sentence, "label": label,
                "normalized": ["咳嗽"] * len(types), "type": types}  # fmt: skip

    content = [one("咳嗽两天", "IIOO", ["1"]), one("咳嗽", "BI", []), one("不咳", "OB", ["2"])]
    path = tmp_path / "dev.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"example-id": "1", "dialogue-content": content}) + "\n")
    (found,) = cmdd(path)
    assert found.statuses == ("present", "absent")
    assert [span.of(found.dialogue.text) for span in found.dialogue.spans()] == ["咳嗽", "咳"]


def test_a_file_that_is_no_dialogues_is_refused(tmp_path):
    path = tmp_path / "dev.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(BadInput, match=r"dev\.jsonl\.gz"):
        cmdd(path)
