"""What a clinician says of single mentions counts in the report, beside what the software read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.codes import EXPERIENCER, PRESENCE, Code, Text
from suwen.core.nouns import Act, Band, Case, Record
from suwen.diagnosis.compose import compose
from suwen.diagnosis.html import html_report
from suwen.diagnosis.problems import shown
from suwen.diagnosis.review import amend, carry_over, sign
from suwen.diagnosis.view import Particulars
from suwen.notes.coding.synonyms import Change, LocalSynonyms, Synonym
from suwen.notes.entities.corrections import Correction, Judged, Meant, Place, resource_of
from suwen.notes.facts import fhir
from suwen.notes.facts.amended import Amended, amended, of_case
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.facts.task import finding_of_fact
from suwen.notes.text import Mention, Note, Span
from suwen.notes.vocabulary.names import HPO, MESH
from suwen.records.fhir.door import validate

RECORD = "DocumentReference/n/_history/1"
TEXT = "No fever now. Fever to 39 since Monday. A funny turn. Cough at night. The cough is dry."
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE = {"dr.lin": "Dr Lin Wei"}


def code(system: str, number: str, en: str, zh: str) -> Code:
    return Code(system=system, code=number, name=Text(en=en, zh=zh))


FEVER = code(HPO, "HP:0001945", "Fever", "发热")
COUGH = code(HPO, "HP:0012735", "Cough", "咳嗽")
SYNCOPE = code(HPO, "HP:0001279", "Syncope", "晕厥")
METFORMIN = code(MESH, "D008687", "Metformin", "二甲双胍")


def at(words: str, nth: int = 0) -> Place:
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(words, start + 1)
    return Place(RECORD, start, start + len(words))


def findings(local: tuple[str, ...] = ()):
    """What the software reads: fever both ways, a funny turn it has no code for, cough twice."""
    note = Note(TEXT, "en", RECORD)

    def named(words: str, own: Code | None, nth: int = 0, **how: object) -> Said:
        place = at(words, nth)
        mention = Mention(place.start, place.end, "symptom")
        return Said(mention, code=own, local=words in local, **how)

    facts = facts_of([note], [[
        named("fever", FEVER, presence="absent"),
        named("Fever", FEVER),
        named("funny turn", SYNCOPE if local else None),
        named("Cough", COUGH),
        named("cough", COUGH),
    ]])  # fmt: skip
    return [finding_of_fact(fact, {RECORD: note}, "notes.facts@1+0") for fact in facts]


def said(verdict: str, place: Place, hours: int = 0, **how: object) -> tuple[Place, Judged]:
    stands = how.pop("stands", place)
    meaning = Meant(**({"kind": "symptom", "code": FEVER} | how))
    moment = NOON + timedelta(hours=hours)
    one = Correction(place, verdict, meaning, stands, "dr.lin", moment, "read again")
    return place, Judged(one, 1, f"Basic/{place.start}/_history/1")


def told(*acts: tuple[Place, Judged], local: LocalSynonyms | None = None, found=None) -> Amended:
    return amended(found or findings(), dict(acts), lambda p: p.span.of(TEXT), local=local)


def case(*records: Record) -> Case:
    return Case("p", NOON, records, lambda sha256: b"")


def report(people: Amended, found=None):
    facts = found or findings()
    return compose(case(), [*facts, *people.findings], [], NOON, people.reviews)


def lines(made) -> list[str]:
    return [s.text.en for s in made.statements if s.section == "notes"]


def meaning(finding) -> dict[str, str]:
    return {one.code.system: one.code.code for one in finding.measures}


def test_what_nobody_changed_stands_as_the_software_read_it():
    assert told() == Amended()
    people = told(said("accepted", at("funny turn"), code=None))
    assert people.findings == ()
    (review,) = people.reviews
    assert (review.act, review.person) == (Act.ACCEPTED, "dr.lin")


def test_a_fact_accepted_at_one_of_its_places_is_not_yet_accepted():
    assert told(said("accepted", at("Cough"), code=COUGH)).reviews == ()
    both = told(said("accepted", at("Cough"), code=COUGH),
                said("accepted", at("cough"), 1, code=COUGH))  # fmt: skip
    assert [one.at for one in both.reviews] == [NOON + timedelta(hours=1)]


def test_a_rejected_fact_leaves_the_report_and_is_told_as_rejected():
    made = report(told(said("rejected", at("funny turn"), code=None)))
    assert "funny turn" not in " ".join(lines(made)[:-1])
    assert lines(made)[-1] == (
        "Read by the software and rejected by a clinician: funny turn (present, no code)."
    )
    assert "funny turn" not in {one.code.name.en for one in shown(made)}
    assert "funny turn" in {one.code.name.en for one in made.findings}, "what was read stays"


def test_a_corrected_status_ends_the_contradiction_in_the_report_too():
    made = report(told(said("edited", at("fever"))))
    (fever,) = [one for one in shown(made) if one.code == FEVER]
    assert fever.person == "dr.lin"
    assert fever.band is Band.RULE_IN
    assert len([one for one in fever.evidence if one.note is None]) == 2
    assert not any("contradict" in line for line in lines(made))
    assert "Problems named in the notes: funny turn; Cough; Fever (by a clinician)." in lines(made)
    assert (
        "Corrected by a clinician: "
        "Fever (denied or not found, HP:0001945) → Fever (present, HP:0001945)." in lines(made)
    )


def test_both_readings_of_a_corrected_fact_stay_in_the_report():
    made = report(told(said("edited", at("fever"))))
    read = {one.id: meaning(one)[PRESENCE] for one in findings() if one.code == FEVER}
    replaced = {one.finding for one in made.reviews if one.replaced_by}
    assert replaced == set(read)
    assert set(read) <= {one.id for one in made.findings}


def test_an_added_mention_is_a_fact_of_the_one_who_added_it():
    people = told(said("added", at("Monday"), kind="drug", code=METFORMIN))
    (drug,) = people.findings
    assert (drug.pack, drug.site.code, drug.code) == ("person/dr.lin", "drug", METFORMIN)
    assert [(one.finding, one.act) for one in people.reviews] == [(drug.id, Act.ADDED)]
    assert lines(report(people))[-1] == "Added by a clinician: Metformin (present, D008687)."


def test_an_added_place_of_a_known_fact_joins_it_and_changes_no_meaning():
    people = told(said("added", at("dry"), code=COUGH))
    (cough,) = people.findings
    assert len([one for one in cough.evidence if one.note is None]) == 3
    (review,) = people.reviews
    assert review.replaced_by == cough.id
    assert not any("Corrected" in line for line in lines(report(people)))


def test_an_added_denial_makes_the_contradiction_visible():
    people = told(said("added", at("dry"), code=COUGH, presence="absent"))
    assert {one.band for one in people.findings} == {Band.GREY}
    assert any("contradict each other on" in line and "Cough" in line
               for line in lines(report(people)))  # fmt: skip


def test_a_rejected_place_of_several_leaves_the_others():
    people = told(said("rejected", at("cough"), code=COUGH))
    (cough,) = people.findings
    assert [one.start for one in cough.evidence] == [at("Cough").start]


def test_what_was_called_right_and_is_found_no_more_still_counts():
    kept = [one for one in findings() if one.code != COUGH]
    people = told(said("accepted", at("Cough"), code=COUGH), found=kept)
    (cough,) = people.findings
    assert cough.code == COUGH
    assert people.reviews[0].act is Act.ACCEPTED


def test_a_persons_stretch_goes_before_one_found_across_it():
    wider = Place(RECORD, at("Cough").start, at("night").end)
    kept = [one for one in findings() if one.code != FEVER]
    people = told(said("added", wider, code=SYNCOPE), found=kept)
    assert {one.code for one in people.findings} == {SYNCOPE, COUGH}
    (cough,) = [one for one in people.findings if one.code == COUGH]
    assert [one.start for one in cough.evidence] == [at("cough").start]


def test_a_local_term_gives_a_code_in_the_name_of_who_mapped_it():
    local = LocalSynonyms(
        [Synonym("Funny turn", "problem", SYNCOPE, "dr.wu", NOON)], record="ConceptMap/1/_history/4"
    )
    people = told(local=local)
    (syncope,) = people.findings
    assert (syncope.person, syncope.code) == ("dr.wu", SYNCOPE)
    (review,) = people.reviews
    assert (review.record, review.replaced_by) == ("ConceptMap/1/_history/4", syncope.id)
    assert any("funny turn (present, no code) → Syncope" in line
               for line in lines(report(people)))  # fmt: skip


def test_a_fact_coded_by_a_local_term_loses_its_code_when_the_term_is_taken_away():
    found = findings(local=("funny turn",))
    term = Synonym("funny turn", "problem", SYNCOPE, "dr.wu", NOON)
    assert told(local=LocalSynonyms([term], record="ConceptMap/1/_history/1"), found=found) == (
        Amended()
    )
    change = Change("removed", "dr.wu", NOON, "funny turn", "problem")
    people = told(local=LocalSynonyms((), change, "ConceptMap/1/_history/2"), found=found)
    (turn,) = people.findings
    assert turn.code.name.en == "funny turn"
    assert turn.band is Band.GREY
    assert turn.person == "dr.wu"


def test_a_relative_or_a_body_part_leaves_the_patients_problems():
    family = report(told(said("edited", at("Fever"), experiencer="family")))
    assert "In the family: Fever (by a clinician)." in lines(family)
    part = told(said("edited", at("funny turn"), kind="anatomy", code=None))
    assert part.findings == ()
    assert [one.act for one in part.reviews] == [Act.REJECTED]


def test_the_draft_follows_when_someone_changes_their_mind():
    first = report(told(said("rejected", at("funny turn"), code=None)))
    people = told(said("edited", at("fever")))
    second = amend(first, people.findings, people.reviews)
    assert second.id == first.id
    assert "funny turn" in {one.code.name.en for one in shown(second)}
    assert lines(second) == lines(report(people))
    third = amend(second, (), ())
    assert lines(third) == lines(report(Amended()))


def test_a_new_report_takes_them_from_the_notes_and_not_from_the_earlier_report():
    first = report(told(said("rejected", at("funny turn"), code=None)))
    again = carry_over(report(Amended()), [first])
    assert again.reviews == ()


def test_who_corrected_what_and_when_stands_in_the_printed_report():
    made = report(told(said("edited", at("fever")), said("added", at("dry"), 1, code=SYNCOPE)))
    signed = sign(made, "dr.lin", NOON + timedelta(days=1))
    page = html_report(signed, "en", {}, Particulars(people=PEOPLE))
    assert ("Fever (denied or not found, HP:0001945): corrected to “Fever (present, HP:0001945)” "
            "by Dr Lin Wei at 2026-03-01 12:00 UTC: read again") in page  # fmt: skip
    assert "Syncope (present, HP:0001279): added by Dr Lin Wei at 2026-03-01 13:00 UTC" in page
    chinese = html_report(signed, "zh", {}, Particulars(people=PEOPLE))
    assert "更正为“发热（存在，HP:0001945）”" in chinese
    assert not {one.finding for one in signed.reviews if one.reason == "accepted by signing"} & {
        one.id for one in made.findings if one.person
    }


def resources(made):
    stands = list(shown(made))
    wrong = [one for one in made.findings if one not in stands]
    return fhir.resources(stands, "Patient/p", NOON, "en", fhir.Acts(wrong, made.reviews, PEOPLE))


def test_a_receiver_of_fhir_learns_what_was_wrong_and_who_says_so():
    made = report(told(said("edited", at("fever")), said("rejected", at("funny turn"), code=None)))
    bundle = resources(made)
    assert validate(bundle) == [[]] * len(bundle)
    conditions = [one for one in bundle if one["resourceType"] == "Condition"]
    status = {}
    for one in conditions:
        verification = one["verificationStatus"]["coding"][0]["code"]
        status.setdefault(verification, []).append(one["code"]["text"])
    assert sorted(status["entered-in-error"]) == ["Fever", "Fever", "funny turn"]
    assert sorted(status["confirmed"]) == ["Cough", "Fever"]
    fever = next(one for one in conditions
                 if one["code"]["text"] == "Fever" and "clinicalStatus" in one)  # fmt: skip
    assert fever["meta"]["security"][0]["code"] == "CLINAST"
    provenance = next(one for one in bundle
                      if one["resourceType"] == "Provenance"
                      and one["target"][0]["reference"] == f"Condition/{fever['id']}")  # fmt: skip
    (agent,) = provenance["agent"]
    assert agent["who"]["display"] == "Dr Lin Wei"
    assert agent["type"]["coding"][0]["code"] == "author"
    before = [one for one in provenance["entity"] if one["role"] == "revision"]
    assert len(before) == 1
    assert before[0]["what"]["reference"].startswith("Condition/")


def test_corrections_are_read_from_the_records_of_the_case():
    place, judged = said("rejected", at("funny turn"), code=None)
    document = Record(
        reference=RECORD,
        content={"resourceType": "DocumentReference", "content": [
            {"attachment": {"contentType": "text/plain", "data": _base64(TEXT)}}]},
    )  # fmt: skip
    stored = Record(reference="Basic/a/_history/3", content=resource_of(judged.correction, "p"))
    people = of_case(case(document, stored), findings())
    assert [(one.act, one.record) for one in people.reviews] == [
        (Act.REJECTED, "Basic/a/_history/3")
    ]
    assert of_case(case(stored), findings()) == Amended(), "the note has another version now"
    assert place.span == Span(at("funny turn").start, at("funny turn").end)


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("how", [{"experiencer": "other"}, {"presence": "hypothetical"}])
def test_what_is_only_imagined_or_anothers_leaves_the_sentences(how):
    made = report(told(said("edited", at("Fever"), **how)))
    assert not any(line.startswith("Problems") and "Fever" in line for line in lines(made))
    said_now = [meaning(one) for one in shown(made) if one.person]
    assert any(set(how.values()) <= {one[EXPERIENCER], one[PRESENCE]} for one in said_now)
