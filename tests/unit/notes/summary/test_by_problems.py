"""A summary by problems, in which every line is a stretch of a note or a normalised fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suwen.core.codes import Text
from suwen.notes.reading.document import read_note
from suwen.notes.summary.by_problems import SummaryLine, parts, summarise
from suwen.notes.text import Cited, Note, Span

NOTE = read_note(
    b"HPI: Cough for two weeks. No fever.\nPMH: Asthma in childhood.\n"
    b"FAMILY HISTORY: Mother has diabetes.\n"
    b"Assessment: Pneumonia is likely bacterial. Hypertension is stable.\n"
    b"Plan: Start amoxicillin for pneumonia. Return in a week.",
    record="DocumentReference/a/_history/1",
)


NOTHING = Text(en="", zh="")


@dataclass(frozen=True)
class Fact:
    key: str
    name: Text
    kind: str
    cited: Sequence[Cited]
    presence: str = "present"
    temporality: str = "recent"
    experiencer: str = "patient"
    detail: Text = NOTHING
    finding: str = ""


def fact(word: str, zh: str, kind: str = "problem", note: Note = NOTE, **more: str) -> Fact:
    at = note.text.lower().index(word)
    place = Cited(note.record, Span(at, at + len(word)))
    return Fact(word, Text(en=word, zh=zh), kind, (place,), **more)


def shown(lines: Sequence[SummaryLine]) -> list[tuple[str, str]]:
    return [(line.part, line.text.en) for line in lines]


def test_problems_come_with_what_the_assessment_says_of_them() -> None:
    lines = summarise([NOTE], [fact("pneumonia", "肺炎"), fact("cough", "咳嗽")])
    assert shown(lines) == [
        ("problems", "pneumonia"),
        ("problems", "Pneumonia is likely bacterial."),
        ("problems", "cough"),
        ("plan", "Start amoxicillin for pneumonia."),
        ("plan", "Return in a week."),
    ]
    assert [line.quoted for line in lines] == [False, True, False, True, True]


def test_every_line_says_where_it_comes_from() -> None:
    for line in summarise(
        [NOTE], [fact("pneumonia", "肺炎"), fact("fever", "发热", presence="absent")]
    ):
        assert line.cited
        if line.quoted:
            assert line.cited[0].span.of(NOTE.text) == line.text.en


def test_what_is_denied_past_possible_or_a_relatives_is_said_to_be_so() -> None:
    facts = [
        fact("fever", "发热", presence="absent"),
        fact("asthma", "哮喘", temporality="historical"),
        fact("diabetes", "糖尿病", experiencer="family"),
        fact("pneumonia", "肺炎", presence="possible"),
        fact("amoxicillin", "阿莫西林", kind="drug"),
    ]
    lines = summarise([NOTE], facts)
    assert ("absent", "No fever") in shown(lines)
    assert ("history", "asthma, in the past") in shown(lines)
    assert ("family", "In the family: diabetes") in shown(lines)
    assert ("problems", "Possible: pneumonia") in shown(lines)
    assert ("medications", "amoxicillin") in shown(lines)
    assert "无发热" in [line.text.zh for line in lines]
    order = list(parts())
    assert [order.index(line.part) for line in lines] == sorted(
        order.index(line.part) for line in lines
    )


def test_the_same_fact_in_three_notes_is_one_line_with_three_places() -> None:
    others = [read_note(b"HPI: Cough.", record=f"DocumentReference/{n}/_history/1") for n in "bc"]
    facts = [fact("cough", "咳嗽"), *(fact("cough", "咳嗽", note=other) for other in others)]
    (line,) = [one for one in summarise([NOTE, *others], facts) if one.text.en == "cough"]
    assert [place.record[-12] for place in line.cited] == ["a", "b", "c"]


def test_a_contradiction_between_notes_is_kept_as_one() -> None:
    other = read_note(b"HPI: No cough.", record="DocumentReference/b/_history/1")
    facts = [fact("cough", "咳嗽"), fact("cough", "咳嗽", note=other, presence="absent")]
    line = summarise([NOTE, other], facts)[0]
    assert line.text.en.startswith("The notes disagree on cough")
    assert len(line.cited) == 2


def test_no_notes_make_no_summary() -> None:
    assert summarise([], []) == ()
