from datetime import UTC, datetime

from suwen.core.codes import (
    EXPERIENCER,
    FACT_DETAIL,
    FACT_KINDS,
    PRESENCE,
    TEMPORALITY,
    Code,
    Text,
)
from suwen.core.nouns import Band, Case, Finding, Interval, Measure, Status, TextSpan
from suwen.diagnosis import noted
from suwen.diagnosis.compose import compose
from suwen.diagnosis.html import html_report
from suwen.diagnosis.pdf import pdf_report
from suwen.diagnosis.problems import problems
from suwen.diagnosis.view import Particulars

ONE = Interval(value=1, low=1, high=1)


def code(system, key, en="", zh=""):
    return Code(system=system, code=key, name=Text(en=en or key, zh=zh or key))


def fact(name, kind="problem", presence="present", band=Band.RULE_IN, **how):
    ways = {PRESENCE: presence, TEMPORALITY: "recent", EXPERIENCER: "patient"} | how.get("ways", {})
    measures = [Measure(code=code(s, k), interval=ONE, unit="1") for s, k in ways.items()]
    measures += [
        Measure(code=code(FACT_DETAIL, f"{part}={value}", value), interval=ONE, unit="1")
        for part, value in how.get("details", {}).items()
    ]
    return Finding(
        task="notes.facts",
        pack="notes.facts@1+0",
        code=code("http://human-phenotype-ontology.org", name, name),
        status=Status.OBSERVED,
        band=band,
        measures=tuple(measures),
        evidence=(TextSpan(record="DocumentReference/1/_history/1", start=0, end=5),),
        site=code(FACT_KINDS, kind),
    )


def said(*facts):
    return [statement.text.en for statement in noted.statements(facts)]


def test_what_is_denied_stands_apart_from_what_is_there():
    assert said(fact("Fever"), fact("Cough", presence="absent")) == [
        "Problems named in the notes: Fever.",
        "Denied or not found: Cough.",
    ]


def test_a_relatives_illness_stands_under_the_family():
    assert said(fact("Gout", ways={EXPERIENCER: "family"})) == ["In the family: Gout."]


def test_a_drug_is_told_with_its_dose():
    told = said(fact("Metformin", "drug", details={"dose": "500 mg", "frequency": "2/1d"}))
    assert told == ["Medication named in the notes: Metformin 500 mg 2/1d."]


def test_a_contradiction_is_told_first():
    told = said(fact("Cough"), fact("Fever", band=Band.GREY))
    assert told[0] == "The notes contradict each other on: Fever."


def test_what_is_only_imagined_or_anothers_is_not_told():
    assert said(fact("Fever", presence="hypothetical")) == []
    assert said(fact("Fever", ways={EXPERIENCER: "other"})) == []


def test_every_sentence_is_bound_to_the_facts_behind_it():
    fever, cough = fact("Fever"), fact("Cough")
    (statement,) = noted.statements([fever, cough])
    assert statement.findings == (fever.id, cough.id)


def test_what_notes_say_is_no_lesion_to_look_at():
    assert problems([fact("Fever")]) == []


def test_what_notes_say_stands_on_the_page_in_both_languages():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    case = Case("7", at, (), lambda digest: b"")
    report = compose(case, [fact("Fever", presence="absent")], [], at)
    assert "Denied or not found: Fever." in html_report(report, "en", {}, Particulars())
    assert "否认或未见：Fever。" in html_report(report, "zh", {}, Particulars())
    assert pdf_report(report, "zh", {}, Particulars()) != pdf_report(
        compose(case, [fact("Cough", presence="absent")], [], at), "zh", {}, Particulars()
    )
