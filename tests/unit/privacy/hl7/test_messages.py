"""HL7 v2: fields by policy, whatever delimiters and line ends a message has."""

from __future__ import annotations

from datetime import date

import pytest

from suwen.core.errors import BadInput
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.hl7.fields import Marks
from suwen.privacy.hl7.values import ACTIONS, TYPED
from suwen.privacy.subjects.person import Cast, Person
from suwen.privacy.subjects.subject import Subject

SECRET = b"the secret of the project of the tests"
JANE = Person(Subject.of(SECRET, "jane"), clean_text=lambda text: text)
CAST = Cast(Person(Subject.of(SECRET, "common"), clean_text=lambda text: text), lambda _: JANE)
HEADER = "MSH|^~\\&|LAB|Mercy Hospital|EHR|X|20210304101112||ORU^R01^ORU_R01|77001|P|2.5"
PID = (
    "PID|1|99|4839201^^^H^MR~777777^^^H^PI||DOE^JANE^Q||19610412|F|||1 Main St^^Boston^MA^02115^USA"
    "||(508)481-5000|||S||ACC998877|123-45-6789"
)


def through(*segments: str, end: str = "\r") -> list[list[str]]:
    text = hl7.deidentify(end.join([HEADER, PID, *segments]) + end, CAST)
    return [line.split("|") for line in text.strip("\r").split("\r")]


def test_the_patient_becomes_the_pseudonym_with_a_year_of_birth_and_an_area() -> None:
    _, pid = through()
    pseudonym = JANE.subject.pseudonym
    born = (date(1961, 4, 12) + JANE.subject.shift).year
    assert pid[3] == f"{pseudonym}^^^SUWEN^PI"
    assert (pid[5], pid[7], pid[8]) == (pseudonym, str(born), "F")
    assert pid[11] == "^^^MA^021^USA"
    assert "".join(pid[12:]).strip() == "S"


def test_the_header_stays_a_header_without_the_hospital() -> None:
    header, _ = through()
    assert header[:2] == ["MSH", "^~\\&"]
    assert header[8] == "ORU^R01^ORU_R01"
    assert header[11] == "2.5"
    assert "Mercy" not in "|".join(header)


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("NM", "7.2", "7.2"),
        ("SN", ">^120", ">^120"),
        ("CE", "260385009^Negative^SCT", "260385009^Negative^SCT"),
        ("CE", "4839201^Jane Doe^L", f"^{JANE.subject.pseudonym}^L"),
        ("TX", "seen by JANE DOE today", f"seen by {JANE.subject.pseudonym} today"),
        ("XPN", "SMITH^ALAN", None),
        ("ED", "^application^pdf^Base64^SmFuZSBEb2U=", "[removed]"),
        ("NM", "Jane Doe", ""),
        ("XTN", "(508)481-5000", ""),
    ],
)
def test_a_result_is_treated_by_its_type(kind: str, value: str, wanted: str | None) -> None:
    result = through(f"OBX|1|{kind}|8867-4^Heart rate^LN||{value}|/min|60-100|N|||F")[2]
    assert result[3] == "8867-4^Heart rate^LN"
    if wanted is None:
        assert "SMITH" not in result[5]
        assert result[5].startswith("^N-")
    else:
        assert result[5] == wanted


def test_dates_move_by_the_patients_days() -> None:
    obr = through("OBR|1|P1^H|F1^H|24323-8^Panel^LN|||202103041000")[2]
    assert obr[7] == (date(2021, 3, 4) + JANE.subject.shift).strftime("%Y%m%d1000")


def test_z_segments_unknown_segments_and_unnamed_fields_are_removed() -> None:
    out = through(
        "ZPI|1|Jane Doe", "XYZ|Jane Doe", "NK1|1|DOE^JOHN|SPO^Spouse|2 Oak St||555-1234567"
    )
    assert [segment[0] for segment in out] == ["MSH", "PID", "NK1"]
    assert out[2] == ["NK1", "1", "", "SPO^Spouse"]


def test_escaped_delimiters_are_text_and_stay_escaped() -> None:
    note = through("NTE|1|L|a \\T\\ b \\F\\ JANE\\S\\DOE")[2]
    assert note[3] == f"a \\T\\ b \\F\\ {JANE.subject.pseudonym}"


def test_other_delimiters_and_line_ends_are_read_from_the_message() -> None:
    text = "MSH#*~!&#A#B#C#D#2021##ADT*A01#1#P#2.5\nPID#1##4839201*x##DOE*JANE##1961\n"
    out = hl7.deidentify(text, CAST)
    assert out.split("\r")[1] == (
        f"PID#1##{JANE.subject.pseudonym}***SUWEN*PI##{JANE.subject.pseudonym}##"
        + str((date(1961, 7, 1) + JANE.subject.shift).year)
    )


def test_a_line_broken_within_a_field_belongs_to_it() -> None:
    note = through("NTE|1|L|first line\nof Jane Doe", end="\r\n")[2]
    assert note[3] == f"first line\\.br\\of {JANE.subject.pseudonym}"


@pytest.mark.parametrize("text", ["", "PID|1", "MSH", "MSH|", "MSHxxxx", "hello\rMSH|^~\\&|"])
def test_what_has_no_usable_header_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        hl7.deidentify(text, CAST)


def test_delimiters_that_are_the_same_are_refused() -> None:
    with pytest.raises(BadInput, match="delimiters"):
        Marks.of("MSH||||||")


def test_every_action_of_the_policy_is_a_function() -> None:
    named = {action for fields in hl7.policy().values() for action in fields.values()}
    assert named - {"value"} <= ACTIONS.keys()
    assert set(TYPED.values()) <= ACTIONS.keys()
