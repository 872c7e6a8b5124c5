"""What a clinician says of a mention: kept, told at once, and learned from."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band, Finding, Interval, Record, TextSpan
from suwen.lifecycle.corrected import joined, read, told
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.notes.entities.corpora import Document
from suwen.notes.entities.corrected import labels, waiting
from suwen.notes.entities.corrections import (
    Correction,
    Judged,
    Meant,
    Place,
    correction_of,
    find_words,
    judged,
    resource_of,
)
from suwen.notes.entities.data import CORRECTIONS, KINDS, kinds_named
from suwen.notes.entities.task import READ_AS, kind_code
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.facts.task import finding_of_fact
from suwen.notes.facts.told import group_of
from suwen.notes.facts.told import told as facts_told
from suwen.notes.questions import ENTITIES
from suwen.notes.text import Mention, Note, Span
from suwen.notes.vocabulary.names import HPO
from suwen.records.fhir.door import validate

NOTE = "DocumentReference/n/_history/1"
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FEVER = Code(system=HPO, code="HP:0001945", name=Text(en="Fever", zh="发热"))
TEXT = "Denies fever. Later fever to 39. Penicillin."
FIRST, LATER = TEXT.index("fever"), TEXT.rindex("fever")


def place(start: int = FIRST, end: int = FIRST + 5) -> Place:
    return Place(NOTE, start, end)


def said(verdict: str = "edited", where: Place | None = None, **how: object) -> Correction:
    stands = how.pop("stands", where or place())
    meaning = Meant(**({"kind": "symptom", "presence": "absent", "code": FEVER} | how))
    return Correction(where or place(), verdict, meaning, stands, "dr.lin", AT, "read again")


def record(one: Correction, version: int = 1) -> Record:
    content = resource_of(one, "p")
    return Record(reference=f"Basic/{one.given_id}/_history/{version}", content=content)


def facts() -> list[Finding]:
    """Fever denied, then present; an allergy without a code."""
    note = Note(TEXT, "en", NOTE)
    drug = TEXT.index("Penicillin")
    found = facts_of([note], [[
        Said(Mention(FIRST, FIRST + 5, "symptom"), presence="absent", code=FEVER),
        Said(Mention(LATER, LATER + 5, "symptom"), code=FEVER),
        Said(Mention(drug, drug + 10, "drug")),
    ]])  # fmt: skip
    return [finding_of_fact(fact, {NOTE: note}, "pack") for fact in found]


def test_a_correction_comes_back_as_it_was_given_and_is_valid_fhir() -> None:
    for one in (said(), said("rejected"), said(code=None, stands=place(0, 12))):
        assert validate([resource_of(one, "p")], [None]) == [[]]
        assert correction_of(record(one)) == one


def test_a_record_of_something_else_is_no_correction_and_half_of_one_is_an_error() -> None:
    other = Record(reference="Basic/q/_history/1", content={"extension": [{"url": "x"}]})
    assert correction_of(other) is None
    broken = record(said()).content
    broken["extension"][0]["extension"] = broken["extension"][0]["extension"][:3]
    with pytest.raises(BadInput, match="incomplete"):
        correction_of(Record(reference="Basic/q/_history/1", content=broken))


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "spell"}, {"presence": "perhaps"}, {"experiencer": "neighbour"},
     {"stands": Place("DocumentReference/m/_history/1", 0, 3)}, {"stands": place(5, 5)}],
)  # fmt: skip
def test_a_correction_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        said(**wrong)


def test_words_are_found_where_they_stand_nearest() -> None:
    note = Note(TEXT, "en", NOTE)
    assert find_words(note, "fever", Span(LATER, LATER + 5)).start == LATER
    assert find_words(note, "FEVER  to 39", Span(0, 1)).of(TEXT) == "fever to 39"
    with pytest.raises(BadInput, match="do not stand"):
        find_words(note, "chills", Span(0, 1))
    with pytest.raises(BadInput, match="no words"):
        find_words(note, "  ", Span(0, 1))


def test_what_is_denied_and_affirmed_contradicts_until_one_is_corrected() -> None:
    before = facts_told(facts(), {})
    assert [fact.contradicted for fact in before] == [True, True, False]
    judgements = judged([record(said(presence="present"))])
    after = facts_told(facts(), judgements)
    (fever,) = [fact for fact in after if fact.meant.code == FEVER]
    assert not fever.contradicted
    assert {one.stands.start for one in fever.mentions} == {FIRST, LATER}


def test_a_rejected_mention_is_kept_apart() -> None:
    after = facts_told(facts(), judged([record(said("rejected"))]))
    assert [group_of(fact) for fact in after] == ["problem", "unmapped", "rejected"]
    assert not any(fact.contradicted for fact in after)


def test_a_drug_that_is_an_allergy_is_listed_as_one_even_without_a_code() -> None:
    drug = TEXT.index("Penicillin")
    where = place(drug, drug + 10)
    one = said(where=where, kind="allergy", presence="present", code=None)
    assert "allergy" in [group_of(fact) for fact in facts_told(facts(), {where: Judged(one, 1)})]


def test_a_judgement_has_one_id_whatever_is_said() -> None:
    assert said().given_id == said("rejected").given_id
    assert said().given_id != said(where=place(LATER, LATER + 5)).given_id


def mention(start: int, chance: float, note: str = NOTE) -> Finding:
    return Finding(
        task=ENTITIES, pack="p", code=kind_code("problem"), band=Band.GREY,
        probability=Interval(value=chance, low=chance, high=chance),
        evidence=(TextSpan(record=note, start=start, end=start + 5),),
    )  # fmt: skip


def test_the_note_with_most_doubt_waits_first_and_judged_mentions_wait_no_more() -> None:
    sure, torn = "DocumentReference/sure/_history/1", "DocumentReference/torn/_history/1"
    found = [mention(0, 0.98, sure), mention(9, 0.97, sure), mention(0, 0.5, torn)]
    first, second = waiting(found, [])
    assert (first.note, first.unsure, first.entropy) == (torn, 1, 1.0)
    assert (second.note, second.unsure, second.lowest) == (sure, 0, 0.97)
    assert [one.note for one in waiting(found, [Place(torn, 0, 5)])] == [sure]


def test_a_guideline_without_symptoms_calls_them_problems_and_leaves_out_the_rest() -> None:
    document = Document("d", TEXT, ((7, 12, "symptom"), (20, 25, "department")))
    rows = labels(document, kinds_named(READ_AS["en"]))
    assert rows.tolist() == [[7, 12, KINDS.index("problem")]]
    ours = labels(document, kinds_named(CORRECTIONS))
    assert [KINDS[int(kind)] for kind in ours[:, 2]] == ["symptom", "department"]


def examples(name: str, n: int, shippable: bool = True) -> Examples:
    return Examples(
        source=Source(name, "", "free", "", shippable, (f"limit of {name}",)),
        keys=tuple(f"{name}/{i}" for i in range(n)),
        groups=np.array([f"{name}{i}" for i in range(n)]),
        labels=np.zeros(n),
        load=lambda i: Sample(f"{name}/{i}", i),
        truth=lambda i: np.full((1, 3), i),
    )


def test_corrections_are_trained_on_beside_the_data_and_the_card_counts_them() -> None:
    own, added = examples("set", 3), examples("here", 2, shippable=False)
    both = joined(own, added)
    assert [both.load(i).key for i in range(5)] == [*own.keys, *added.keys]
    assert both.truth is not None
    assert both.truth(4).tolist() == [[1, 1, 1]]
    source = told(own, added).source
    assert "here (2 examples from 2 groups)" in source.name
    assert not source.shippable, "weights trained on patients' notes stay here"
    assert source.limits == ("limit of set", "limit of here")
    assert len(told(own, added)) == 3, "figures are of the data set alone"
    assert joined(own, None) is own
    with pytest.raises(BadInput):
        joined(own, own)


class Question:
    """A task whose answers nobody corrected."""

    name = "toy.question"

    def corrected(self, access: object) -> None:
        return None


def test_training_from_corrections_says_why_it_cannot() -> None:
    with pytest.raises(BadInput, match="does not learn"):
        read(object.__new__(type("Plain", (), {"name": "toy.plain"})), None)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no corrections"):
        read(Question(), None)  # type: ignore[arg-type]
