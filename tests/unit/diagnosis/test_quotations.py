"""A report quotes what the notes assess and plan, each sentence with the note it stands in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from suwen.core.codes import EXPERIENCER, FACT_KINDS, PRESENCE, TEMPORALITY, Code, Text
from suwen.core.nouns import (
    Act,
    Band,
    Case,
    Finding,
    Interval,
    Measure,
    Report,
    Review,
    Statement,
    Status,
    TextSpan,
)
from suwen.diagnosis.compose import compose
from suwen.diagnosis.fhir import fhir_bundle
from suwen.diagnosis.html import html_report
from suwen.diagnosis.pdf import pdf_report
from suwen.diagnosis.quotations import MOST, PLANS, Quotation
from suwen.diagnosis.review import amend, carry_over, review, sign, withdraw
from suwen.diagnosis.view import Particulars
from suwen.diagnosis.wording import Section
from suwen.records.fhir.door import validate

AT = datetime(2026, 3, 2, tzinfo=UTC)
NOTE = "DocumentReference/1/_history/1"
ONE = Interval(value=1, low=1, high=1)


def code(system: str, key: str) -> Code:
    return Code(system=system, code=key, name=Text(en=key, zh=key))


def fact(name: str) -> Finding:
    """A problem of the patient that a note states."""
    how = {PRESENCE: "present", TEMPORALITY: "recent", EXPERIENCER: "patient"}
    return Finding(
        task="notes.facts",
        pack="notes.facts@1+0",
        code=code("http://human-phenotype-ontology.org", name),
        status=Status.OBSERVED,
        band=Band.RULE_IN,
        measures=tuple(Measure(code=code(s, k), interval=ONE, unit="1") for s, k in how.items()),
        evidence=(TextSpan(record=NOTE, start=0, end=5),),
        site=code(FACT_KINDS, "problem"),
    )


FEVER, GOUT = fact("Fever"), fact("Gout")
HOSTILE = "<script>alert(1)</script> \u202eplan & rest"


def sentence(words: str, about: Finding | None = None, **more: Any) -> Quotation:
    return Quotation(
        words,
        TextSpan(record=more.pop("record", NOTE), start=more.pop("start", 10), end=40),
        more.pop("title", "Clinic letter"),
        more.pop("date", "2026-03-01"),
        about.code.name if about else None,
        (about.id,) if about else (),
    )


def report(*quoted: Quotation, reviews: tuple[Review, ...] = (), found=(FEVER, GOUT)) -> Report:
    case = Case("7", AT, (), lambda digest: b"")
    return compose(case, found, [], AT, reviews, quoted)


def quoted(made: Report, language: str = "en") -> list[str]:
    return [one.text.of(language) for one in statements(made)]  # type: ignore[arg-type]


def statements(made: Report) -> list[Statement]:
    return [one for one in made.statements if one.section == Section.QUOTED]


GOUT_LINE = sentence("Gout, start colchicine.", GOUT)
PLAN_LINE = sentence("See again in a week.", title="", date="")


def test_a_sentence_stands_in_its_own_words_with_problem_note_and_day():
    made = report(GOUT_LINE, PLAN_LINE)
    assert quoted(made) == [
        "Gout: “Gout, start colchicine.” (Clinic letter, 2026-03-01)",
        "Plan: “See again in a week.” (note)",
    ]
    assert quoted(made, "zh") == [
        "Gout：“Gout, start colchicine.”（Clinic letter，2026-03-01）",
        "计划：“See again in a week.”（病历）",
    ]


def test_it_is_bound_to_its_problem_its_note_and_its_place_there():
    (one,) = statements(report(GOUT_LINE))
    assert one.findings == (GOUT.id,)
    assert one.records == (NOTE,)
    assert [(p.record, p.start, p.end) for p in one.places] == [(NOTE, 10, 40)]


def test_a_statement_quotes_nothing_it_does_not_name():
    place = TextSpan(record="DocumentReference/other/_history/1", start=0, end=3)
    with pytest.raises(ValueError, match="quotes what it does not name"):
        Statement(section="quoted", text=Text(en="a", zh="a"), records=(NOTE,), places=(place,))


def test_notes_that_assess_and_plan_nothing_give_no_section():
    made = report()
    assert statements(made) == []
    assert "in their words" not in html_report(made, "en", {}, Particulars())


def test_it_stands_in_the_page_the_pdf_and_fhir_and_is_no_markup_there():
    made = report(GOUT_LINE, sentence(HOSTILE))
    for language, title in (("en", "Assessed and planned in the notes"), ("zh", "评估与计划")):
        page = html_report(made, language, {}, Particulars())
        assert title in page
        assert "“Gout, start colchicine.”" in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; plan &amp; rest" in page
        pages = PdfReader(BytesIO(pdf_report(made, language, {}, Particulars()))).pages
        drawn = "".join("".join(one.extract_text().split()) for one in pages)
        assert "Gout,startcolchicine." in drawn
        assert "".join(title.split()) in drawn
        bundle = fhir_bundle(made, language)
        assert [p for p in validate([bundle])[0] if p.severity == "error"] == []
        (told,) = [e["resource"] for e in bundle["entry"]
                   if e["resource"]["resourceType"] == "DiagnosticReport"]  # fmt: skip
        assert "“Gout, start colchicine.”" in told["text"]["div"]
        assert "<script>" not in told["text"]["div"]


def test_a_report_holds_a_screenful_and_says_how_many_more_there_are():
    many = [sentence(f"Problem sentence {n}.", GOUT, start=n) for n in range(20)]
    plans = [sentence(f"Plan sentence {n}.", start=n) for n in range(5)]
    made = quoted(report(*many, *plans))
    assert len(made) == MOST + 1
    assert made[:2] == [
        f"Gout: “Problem sentence {n}.” (Clinic letter, 2026-03-01)" for n in (0, 1)
    ]
    assert sum(line.startswith("Plan: ") for line in made) == PLANS
    assert made[-1] == f"More in the summary of the notes: {25 - MOST}."
    assert statements(report(*many, *plans))[-1].records == (NOTE,)
    few = quoted(report(*many[:2], *plans, *plans))
    assert few[-1] == "Plan: “Plan sentence 4.” (Clinic letter, 2026-03-01)"


def test_what_was_copied_from_note_to_note_is_told_once_with_every_place():
    again = sentence("Gout, start colchicine.", GOUT, record="DocumentReference/2/_history/1")
    (one,) = statements(report(GOUT_LINE, again))
    assert one.records == (NOTE, "DocumentReference/2/_history/1")
    assert len(one.places) == 2


def test_the_same_input_gives_the_same_report():
    assert report(GOUT_LINE, PLAN_LINE) == report(GOUT_LINE, PLAN_LINE)
    assert report(GOUT_LINE).id != report(PLAN_LINE).id


def test_what_is_rejected_takes_its_sentence_along_and_leaves_the_others():
    made = report(GOUT_LINE, sentence("Fever work-up.", FEVER), PLAN_LINE)
    after = review(made, GOUT.id, Act.REJECTED, "dr.lin", "misread", at=AT)
    assert [line.partition(":")[0] for line in quoted(after)] == ["Fever", "Plan"]
    again = review(after, GOUT.id, Act.ACCEPTED, "dr.lin", at=AT + timedelta(hours=1))
    assert "Plan" in quoted(again)[-1]


def test_signing_and_withdrawing_leave_the_sentences_as_they_were():
    made = report(GOUT_LINE, PLAN_LINE)
    signed = sign(made, "dr.lin", AT + timedelta(hours=1))
    assert quoted(signed) == quoted(made)
    assert quoted(withdraw(signed, "dr.lin", "wrong patient", AT + timedelta(hours=2))) == quoted(
        made
    )


def test_a_new_report_takes_over_what_was_rejected_before():
    earlier = review(report(GOUT_LINE, PLAN_LINE), GOUT.id, Act.REJECTED, "dr.lin", "no", at=AT)
    assert len(quoted(carry_over(report(GOUT_LINE, PLAN_LINE), [earlier]))) == 1


OWN = GOUT.model_copy(update={"pack": "person/dr.lin", "code": fact("Pseudogout").code})
EDIT = Review(
    finding=GOUT.id, act=Act.EDITED, person="dr.lin", at=AT, replaced_by=OWN.id, record="Basic/1"
)


def test_a_sentence_follows_its_problem_to_what_a_clinician_made_of_it():
    line = Quotation(GOUT_LINE.words, GOUT_LINE.place, about=OWN.code.name, findings=(GOUT.id,))
    made = report(line, reviews=(EDIT,), found=(FEVER, GOUT, OWN))
    (one,) = statements(made)
    assert one.findings == (OWN.id,)
    assert one.text.en.startswith("Pseudogout: “Gout, start")
    amended = amend(report(GOUT_LINE), [OWN], [EDIT], [line])
    assert quoted(amended) == quoted(made)
    undone = amend(amended, [], [], [GOUT_LINE])
    assert quoted(undone) == quoted(report(GOUT_LINE))
