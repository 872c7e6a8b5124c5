import gzip

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle.data import DataFolders
from suwen.notes.entities import corpora
from suwen.notes.entities.data import examples

PUBTATOR = """227508|t|Naloxone reverses clonidine.
227508|a|No hypertension was seen.
227508\t0\t8\tNaloxone\tChemical\tD009270
227508\t32\t44\thypertension\tDisease\tD006973
227508\tCID\tD009270\tD006973

8701013|t|Famotidine.
8701013|a|Delirium.
"""


def test_a_pubtator_file_gives_title_and_abstract_with_mentions_by_offset(tmp_path):
    path = tmp_path / "CDR.txt"
    path.write_text(PUBTATOR)
    first, second = corpora.pubtator(path)
    assert [first.text[start:end] for start, end, _ in first.spans] == ["Naloxone", "hypertension"]
    assert second.text == "Famotidine. Delirium."
    assert second.spans == ()


def test_a_line_that_is_no_pubtator_is_refused(tmp_path):
    path = tmp_path / "CDR.txt"
    path.write_text("1|t|Title\nnot a line of it\n")
    with pytest.raises(BadInput, match="a line of PubTator"):
        corpora.pubtator(path)


def test_sentences_of_a_conll_file_are_read_together_in_running_order(tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text(
        "Severe\tO\nrenal\tB-Disease\nfailure\tI-Disease\n\nLithium\tB-Chemical\n.\tO\n"
    )
    (passage,) = corpora.conll(path)
    assert passage.text == "Severe renal failure Lithium ."
    assert [(passage.text[s:e], kind) for s, e, kind in passage.spans] == [
        ("renal failure", "Disease"),
        ("Lithium", "Chemical"),
    ]


def test_a_chinese_record_keeps_its_spaces_and_its_comma_tokens(tmp_path):
    path = tmp_path / "dev.bio.txt"
    path.write_text(
        ", O\n直 B_疾病和诊断\n肠 I_疾病和诊断\n癌 I_疾病和诊断\n  O\n后 O\n\n", encoding="utf-8"
    )
    (record,) = corpora.characters(path)
    assert record.text == ",直肠癌 后"
    assert record.spans == ((1, 4, "疾病和诊断"),)


def test_a_mention_that_does_not_stand_where_it_should_is_left_out(tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(
        '{"text": "便秘两月", "mention_data": ['
        '{"mention": "便秘", "type": "disease", "offset": "0"},'
        ' {"mention": "腹痛", "type": "symptom", "offset": "1"}]}\n',
        encoding="utf-8",
    )
    (question,) = corpora.mention_lines(path)
    assert question.spans == ((0, 2, "disease"),)


CMEEE = (
    '{"text": "急性心肌梗死可致死。", "entities": ['
    '{"start": 0, "end": 6, "type": "dis", "text": "急性心肌梗死"}, '
    '{"start": 2, "end": 4, "type": "bod", "text": "心肌"}]}\n'
)


def test_nested_stretches_are_all_kept_plain_and_gzipped(tmp_path):
    plain, zipped = tmp_path / "dev.jsonl", tmp_path / "train.jsonl.gz"
    plain.write_text(CMEEE, encoding="utf-8")
    zipped.write_bytes(gzip.compress(CMEEE.encode()))
    for path in (plain, zipped):
        (sentence,) = corpora.nested_lines(path)
        assert sentence.spans == ((0, 6, "dis"), (2, 4, "bod"))


@pytest.mark.parametrize("wrong", ['{"text": "x"}', CMEEE.replace('"心肌"', '"梗死"'), "{"])
def test_what_is_no_line_of_nested_stretches_is_refused(tmp_path, wrong):
    path = tmp_path / "dev.jsonl"
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(BadInput, match=r"dev\.jsonl"):
        corpora.nested_lines(path)
    (tmp_path / "dev.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(BadInput, match=r"dev\.jsonl\.gz"):
        corpora.nested_lines(tmp_path / "dev.jsonl.gz")


def test_running_sentences_of_records_that_are_not_told_apart_stay_on_one_side(tmp_path):
    folder = tmp_path / "yidu_s4k"
    folder.mkdir()
    sentences = [f"患\tO\n{chr(0x4E00 + i)}\tB-DISEASE\n" for i in range(120)]
    (folder / "train.bio.tsv").write_text("\n".join(sentences), encoding="utf-8")
    found = examples(DataFolders((tmp_path,)), "yidu_s4k")
    groups, counts = np.unique(found.groups, return_counts=True)
    assert counts.tolist() == [50, 50, 20]
    assert all("yidu_s4k/train.bio/" in group for group in groups)
    assert not found.source.shippable


def test_blank_lines_between_questions_are_skipped_and_a_line_that_is_none_is_named(tmp_path):
    path = tmp_path / "train.json"
    path.write_text('{"text": "肺炎", "mention_data": []}\n\n', encoding="utf-8")
    assert [one.text for one in corpora.mention_lines(path)] == ["肺炎"]
    path.write_text('{"text": "肺炎", "mention_data": []}\n{"text": "x"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"text 2 of train\.json"):
        corpora.mention_lines(path)
