"""Local synonyms kept through the store: versioned, logged, and safe against two writers."""

import pytest

from suwen.core.codes import SNOMED, Code, Text
from suwen.core.errors import Conflict
from suwen.core.settings import Settings
from suwen.notes.synonyms import LocalSynonyms, holder, keep, stored
from suwen.records.people import Person
from suwen.records.store import Store

DOCTOR = Person("dr-li", "Li Na", "clinician")
FEVER = Code(system=SNOMED, code="386661006", name=Text(en="Fever", zh="发热"))
COUGH = Code(system=SNOMED, code="49727002", name=Text(en="Cough", zh="咳嗽"))


@pytest.fixture
def access(tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as store:
        yield store.session(DOCTOR, "treatment")


def test_each_change_is_a_version_that_can_be_read_again(access):
    owner = holder(access)
    synonyms, versions = stored(access, owner)
    synonyms.add("热得很", FEVER, "dr-li")
    versions = keep(access, owner, synonyms, versions)
    assert set(versions.values()) == {1}
    synonyms.add("咳咳", COUGH, "dr-li")
    versions = keep(access, owner, synonyms, versions)
    again, now = stored(access, owner)
    assert [one.code for one in again] == [FEVER, COUGH] or len(list(again)) == 2
    assert now["ConceptMap/local-synonyms"] == 2
    assert now["Basic/unmapped-terms"] == 1
    record = next(r for r in access.case(owner).records if r.type == "ConceptMap")
    first = access.read(record.reference.rpartition("/")[0] + "/1")
    assert [one.term for one in LocalSynonyms.of([first.content])] == ["热得很"]


def test_the_second_of_two_writers_is_told(access):
    owner = holder(access)
    mine, at_mine = stored(access, owner)
    theirs, at_theirs = stored(access, owner)
    mine.add("热得很", FEVER, "dr-li")
    keep(access, owner, mine, at_mine)
    theirs.add("咳咳", COUGH, "dr-chen")
    with pytest.raises(Conflict):
        keep(access, owner, theirs, at_theirs)


def test_the_holder_is_made_once(access):
    assert holder(access) == holder(access)
