"""The task `notes.coding`: its pack, its findings, and its figures on annotated mentions."""

import numpy as np
import pytest

from suwen.core.errors import NotFound
from suwen.core.nouns import Band, TextSpan
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.rules import make
from suwen.notes.coding.task import Coding, Named

ABSTRACT = """1|t|Renal failure after lithium in CHF.
1|a|Congestive heart failure (CHF) was present.
1	0	13	Renal failure	Disease	D051437
1	20	27	lithium	Chemical	D008094
1	31	34	CHF	Disease	D006333
1	20	27	lithium	Chemical	-1

"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make(Coding(), tmp_path_factory.mktemp("home"))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "bc5cdr"
    folder.mkdir()
    (folder / "CDR_DevelopmentSet.PubTator.txt").write_text(ABSTRACT, encoding="utf-8")
    return DataFolders((tmp_path,))


def test_mentions_with_a_code_are_examples_and_exact_match_is_their_floor(data):
    examples = Coding().examples(data, "bc5cdr")
    assert len(examples) == 3
    assert [set(examples.truth(i)) for i in range(3)] == [{"D051437"}, {"D008094"}, {"D006333"}]
    assert "D008094" in examples.floor_marks["exact match"](1)


def test_a_right_code_stands_first(pack, data):
    task = Coding()
    examples = task.examples(data, "bc5cdr")
    firsts = [task.predict(pack, examples.load(i)).ranked[0] for i in range(3)]
    assert firsts[1:] == ["D008094", "D006333"]


def test_a_coded_mention_is_a_finding_with_its_place(pack):
    task = Coding()
    span = TextSpan(record="DocumentReference/a/_history/1", start=3, end=6)
    sample = Sample("s", Named("高血压", "problem"), (span,), (span.record,))
    (finding,) = task.findings(pack, sample, task.predict(pack, sample))
    assert finding.code.code == "HP:0000822"
    assert finding.code.name.en == "Hypertension"
    assert finding.evidence == (span,)


def test_an_unmapped_mention_abstains_with_a_reason(pack):
    task = Coding()
    span = TextSpan(record="DocumentReference/a/_history/1", start=3, end=6)
    sample = Sample("s", Named("qwrtzp blorf", "problem"), (span,), (span.record,))
    output = task.predict(pack, sample)
    (finding,) = task.findings(pack, sample, output)
    assert finding.band is Band.ABSTAIN
    assert finding.reason is not None


def test_an_unknown_data_set_is_refused(data):
    with pytest.raises(NotFound):
        Coding().examples(data, "nowhere")


@pytest.mark.real_data
def test_bc5cdr_development_mentions_are_coded_better_than_by_exact_match(pack):
    folders = DataFolders.from_settings()
    if not folders.have("text/bc5cdr"):
        pytest.skip("no bc5cdr under SUWEN_DATA")
    task = Coding()
    examples = task.examples(folders, "bc5cdr")
    places = range(0, len(examples), 40)
    right = [task.predict(pack, examples.load(i)).ranked[:1] for i in places]
    coded = np.mean(
        [bool(set(r) & set(examples.truth(i))) for r, i in zip(right, places, strict=True)]
    )
    exact = np.mean(
        [bool(set(examples.floor_marks["exact match"](i)[:1]) & set(examples.truth(i)))
         for i in places]
    )  # fmt: skip
    assert coded > 0.8 > exact
