"""Facts as the summary states them: after what people said, with what belongs to each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from suwen.core.codes import Code, Text
from suwen.notes.entities.corrections import Correction, Judged, Meant, Place
from suwen.notes.facts.stated import stated
from suwen.notes.facts.told import Mention, Told
from suwen.notes.reading.case import Read
from suwen.notes.reading.document import read_note
from suwen.notes.text import Span
from suwen.notes.vocabulary.names import HPO, MESH

RECORD = "DocumentReference/a/_history/1"
NOTE = read_note(
    b"Cough. Metformin 500 mg twice daily. Glucose 7.9 mmol/L. A funny turn.", "", RECORD
)
NOTES = {RECORD: Read(NOTE, (RECORD,), NOTE.text)}
COUGH = Code(system=HPO, code="HP:0012735", name=Text(en="Cough", zh="咳嗽"))
METFORMIN = Code(system=MESH, code="D008687", name=Text(en="metformin", zh="二甲双胍"))


def fact(words: str, kind: str, code: Code | None, chance: float = 0.9, **more: object) -> Told:
    at = NOTE.text.index(words)
    place = Place(RECORD, at, at + len(words))
    mention = Mention(place, place, "drug" if kind == "drug" else "problem", chance)
    name = code.name if code else Text(en="", zh="")
    return replace(Told(kind, name, Meant(mention.kind, code=code), (mention,)), **more)


def test_a_drug_has_its_dose_route_and_frequency_in_both_languages() -> None:
    details = (("dose", "500 mg"), ("frequency", "2/1d"), ("route", "oral"))
    (one,) = stated([fact("Metformin", "drug", METFORMIN, details=details)], NOTES)
    assert one.name.en == "metformin"
    assert (one.detail.en, one.detail.zh) == ("500 mg oral twice a day", "500 mg 口服 每日2次")


def test_a_value_is_printed_as_on_the_pages() -> None:
    (one,) = stated([fact("Glucose 7.9 mmol/L", "value", COUGH, value=(7.9, "mmol/L"))], NOTES)
    assert one.detail.en == "7.9 mmol/L"
    below = fact("Glucose", "value", COUGH, value=(5.0, "ug/L"), details=(("comparator", "<"),))
    assert stated([below], NOTES)[0].detail.en == "<5 µg/L"


def test_places_are_those_of_the_readable_text() -> None:
    (one,) = stated([fact("Cough", "problem", COUGH)], NOTES)
    assert [cited.span for cited in one.cited] == [Span(0, 5)]
    assert one.key == f"{HPO}|HP:0012735"


def test_what_a_person_rejected_and_what_nothing_speaks_for_is_left_out() -> None:
    assert stated([fact("Cough", "problem", COUGH, rejected=True)], NOTES) == []
    assert stated([fact("funny turn", "problem", None, 0.4)], NOTES) == []
    (sure,) = stated([fact("funny turn", "problem", None, 0.8)], NOTES)
    assert sure.name.en == "funny turn"
    doubtful = fact("funny turn", "problem", None, 0.4)
    (mention,) = doubtful.mentions
    said = Correction(
        mention.place, "accepted", doubtful.meant, mention.stands, "dr.lin", datetime.now(UTC)
    )
    accepted = replace(doubtful, mentions=(replace(mention, judged=Judged(said, 1)),))
    assert len(stated([accepted], NOTES)) == 1


def test_a_mention_in_a_note_that_is_not_there_states_nothing() -> None:
    assert stated([fact("Cough", "problem", COUGH)], {}) == []
