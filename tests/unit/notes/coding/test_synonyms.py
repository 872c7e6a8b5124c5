"""Local terms: kept through the store, versioned, logged without words, undone, and role-gated."""

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.codes import SNOMED, Code, Text
from suwen.core.errors import BadInput, Conflict, Denied, NotFound
from suwen.core.settings import Settings
from suwen.notes.coding.ranked import Coder, coder
from suwen.notes.coding.synonyms import (
    LocalSynonyms,
    Synonym,
    history,
    imported,
    keep,
    stored,
    undone,
)
from suwen.notes.vocabulary.names import installed
from suwen.records import Person, Store
from suwen.records.fhir.door import validate

DOCTOR = Person("dr-li", "Li Na", "clinician")
OTHER = Person("dr-chen", "Chen Wei", "clinician")
NURSE = Person("nurse-wu", "Wu Min", "nurse")
ADMIN = Person("it-sun", "Sun Yu", "administrator")
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FEVER = Code(system=SNOMED, code="386661006", name=Text(en="Fever", zh="发热"))
COUGH = Code(system=SNOMED, code="49727002", name=Text(en="Cough", zh="咳嗽"))


@pytest.fixture
def store(tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as opened:
        for person in (DOCTOR, OTHER, NURSE, ADMIN):
            opened.add_person(person, "x")
        yield opened


@pytest.fixture
def access(store):
    return store.session(DOCTOR, "treatment")


def term(words: str, code: Code = FEVER, kind: str = "problem", hours: int = 0) -> Synonym:
    return Synonym(words, kind, code, "dr-li", AT + timedelta(hours=hours))


def add(access, *terms: Synonym) -> LocalSynonyms:
    for one in terms:
        kept = keep(access, stored(access).mapped(one))
    return kept


def test_a_term_stands_for_a_code_whatever_its_case_and_plural():
    local = LocalSynonyms().mapped(term("zorbel sicknesses"))
    own = Coder(installed(), coder().weights, local)
    assert own.code("Zorbel sickness", "problem")[0].as_code() == FEVER
    assert own.code("zorbel sickness", "drug") == []
    assert local.removed("zorbel sickness", "problem", "dr-li", AT).find("x", "problem") is None
    assert LocalSynonyms().find("zorbel sickness", "problem") is None


def test_a_term_that_stood_for_another_code_stands_for_the_new_one():
    local = LocalSynonyms().mapped(term("热得很")).mapped(term("热得很", COUGH))
    assert [one.code for one in local] == [COUGH]


def test_terms_come_back_from_their_resource_and_it_is_valid_fhir():
    local = LocalSynonyms().mapped(term("老慢支")).mapped(term("GLP", COUGH, "drug"))
    content = local.resource()
    assert validate([content], [None]) == [[]]
    back = LocalSynonyms.of(content)
    assert list(back) == list(local)
    assert back.change == local.change


@pytest.mark.parametrize(
    "content",
    [
        {"resourceType": "ConceptMap", "group": [{"element": [{}]}]},
        {"resourceType": "ConceptMap", "group": 3},
        {"resourceType": "Basic"},
        {},
    ],
)
def test_a_resource_that_is_none_of_ours_is_refused(content):
    with pytest.raises(BadInput):
        LocalSynonyms.of(content)


@pytest.mark.parametrize(
    "wrong",
    [term("。。"), term("x" * 201), term("fever", kind="colour"),
     Synonym("fever", "problem", FEVER, "", AT)],
)  # fmt: skip
def test_a_term_needs_letters_a_kind_that_is_coded_and_a_person(wrong):
    with pytest.raises(BadInput):
        LocalSynonyms().mapped(wrong)


def test_each_change_is_a_version_that_says_who_made_it(access):
    add(access, term("热得很"), term("咳咳", COUGH, hours=1))
    found = history(access)
    assert [one.version for one in found] == [2, 1]
    assert [(one.change.what, one.change.person, one.change.term) for one in found] == [
        ("mapped", "dr-li", "咳咳"),
        ("mapped", "dr-li", "热得很"),
    ]
    assert [one.term for one in found[1]] == ["热得很"]


def test_a_change_is_undone_by_a_next_version(access):
    add(access, term("热得很"), term("热得很", COUGH))
    keep(access, undone(access, 2, "dr-chen", AT))
    now = stored(access)
    assert (now.version, now.find("热得很", "problem").code) == (3, FEVER)
    assert (now.change.what, now.change.person) == ("undone", "dr-chen")
    with pytest.raises(Conflict, match="changed again"):
        undone(access, 2, "dr-chen", AT)
    keep(access, undone(access, 3, "dr-li", AT))
    assert stored(access).find("热得很", "problem").code == COUGH
    keep(access, stored(access).removed("热得很", "problem", "dr-li", AT))
    assert list(stored(access)) == []
    keep(access, undone(access, 5, "dr-li", AT))
    assert stored(access).find("热得很", "problem").code == COUGH
    with pytest.raises(NotFound):
        undone(access, 99, "dr-li", AT)


def test_the_first_mapping_can_be_undone_too(access):
    add(access, term("热得很"))
    keep(access, undone(access, 1, "dr-li", AT))
    assert list(stored(access)) == []
    with pytest.raises(NotFound):
        stored(access).removed("热得很", "problem", "dr-li", AT)


def test_the_second_of_two_writers_is_told(access):
    add(access, term("热得很"))
    mine, theirs = stored(access), stored(access)
    keep(access, mine.mapped(term("咳咳", COUGH)))
    with pytest.raises(Conflict):
        keep(access, theirs.mapped(term("老慢支", COUGH)))


def test_terms_of_another_house_come_in_under_the_name_of_who_brings_them(access):
    add(access, term("热得很"))
    theirs = LocalSynonyms().mapped(term("热得很", COUGH)).mapped(term("GLP", COUGH, "drug"))
    keep(access, imported(stored(access), theirs, "dr-chen", AT))
    now = stored(access)
    assert {(one.term, one.code.code, one.person) for one in now} == {
        ("热得很", COUGH.code, "dr-chen"),
        ("GLP", COUGH.code, "dr-chen"),
    }
    with pytest.raises(Conflict, match="many terms"):
        undone(access, now.version, "dr-li", AT)


def test_the_log_names_the_code_and_the_person_and_never_the_term(store, access):
    add(access, term("热得很"))
    (entry,) = [one for one in store.log.entries() if one.act == "term-mapped"]
    assert (entry.person, entry.detail["code"], entry.detail["terms"]) == ("dr-li", FEVER.code, 1)
    assert not any("热得很" in str(dict(one.detail)) for one in store.log.entries())
    assert store.log.verify().intact


def test_every_clinician_reads_and_changes_them_a_nurse_reads_them_nobody_else_sees_them(
    store, access
):
    add(access, term("热得很"))
    other = store.session(OTHER, "treatment")
    assert len(stored(other)) == 1
    add(other, term("咳咳", COUGH))
    nurse = store.session(NURSE, "treatment")
    assert len(stored(nurse)) == 2
    with pytest.raises(Denied):
        keep(nurse, stored(nurse).mapped(term("老慢支", COUGH)))
    assert store.session(ADMIN, "audit").house() == ""
    assert len(stored(store.session(ADMIN, "audit"))) == 0


def test_the_house_is_no_patient_of_anyone(store, access):
    add(access, term("热得很"))
    assert access.patients() == []
    assert store.counts()["patients"] == 0
    assert access.house() == access.house(make=True)
    outside = access.new_patient([("house", "house"), ("", "house")])
    assert outside != access.house(), "no identifier from outside meets it"


def test_a_nurse_makes_no_house(store):
    nurse = store.session(NURSE, "treatment")
    with pytest.raises(Denied):
        nurse.house(make=True)
    assert store.session(DOCTOR, "treatment").house() == ""
