"""Large inputs: work and memory grow with the file, not with people times text."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from suwen.privacy import folder, people, roster, tables
from suwen.privacy.claims import Claims
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.people import claim
from suwen.privacy.subjects import known_index
from suwen.privacy.subjects.forms import crowd_index
from suwen.privacy.subjects.known import Known, forms

SECRET = b"the secret of the project of the tests"
PLANTED = ("Oyelowo", "OYELOWO", "508-481-5093", "219-09-9871", "48392017")
SAYS = "Marguerite Oyelowo (MRN 48392017, SSN 219-09-9871), phone 508-481-5093, is well."


def csv_of(people: int) -> str:
    rows = [
        f"{7000000 + i},Ann Kowal{i:05d},2021-03-04,{60 + i % 40},no change" for i in range(people)
    ]
    planted = f'48392017,Marguerite Oyelowo,2021-03-04,70,"{SAYS}"'
    rows = [planted, *rows[: people // 2], planted, *rows[people // 2 :], planted]
    return "MRN,patient name,date,heart rate,comment\n" + "\n".join(rows) + "\n"


def hl7_of(people: int) -> str:
    def message(i: int, number: str, name: str, says: str) -> str:
        return (
            f"MSH|^~\\&|A|B|C|D|20210304||ORU^R01|{i}|P|2.5\rPID|1||{number}^^^H||{name}||"
            f"19{20 + i % 80}0412|F\rOBX|1|TX|1^Note||{says}|\r"
        )

    planted = message(0, "48392017", "OYELOWO^MARGUERITE", SAYS)
    others = [message(i, f"{7000000 + i}", f"KOWAL{i:05d}^ANN", "no change") for i in range(people)]
    middle = people // 2
    return "".join([planted, *others[:middle], planted, *others[middle:], planted])


def ndjson_of(people: int) -> str:
    def condition(number: int, patient: str, says: str) -> dict[str, Any]:
        return {
            "resourceType": "Condition",
            "id": f"c-{number}",
            "subject": {"reference": f"Patient/{patient}"},
            "code": {"text": "asthma"},
            "note": [{"text": says}],
        }

    def patient(number: str, family: str) -> dict[str, Any]:
        return {
            "resourceType": "Patient",
            "id": f"p-{number}",
            "identifier": [{"value": number}],
            "name": [{"family": family, "given": ["Ann"]}],
        }

    planted = condition(1, "p-48392017", SAYS)
    lines = [patient("48392017", "Oyelowo"), planted]
    for i in range(people):
        if i == people // 2:
            lines.append({**planted, "id": "c-middle"})
        lines += [
            patient(f"{7000000 + i}", f"Kowal{i:05d}"),
            condition(i + 9, f"p-{7000000 + i}", "no change"),
        ]
    return "".join(json.dumps(line) + "\n" for line in [*lines, {**planted, "id": "c-end"}])


def bundle_of(people: int) -> str:
    entries = ",".join(f'{{"resource":{line}}}' for line in ndjson_of(people).splitlines())
    return f'{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}'


WRITTEN: dict[str, Callable[[int], str]] = {
    "csv": csv_of,
    "hl7": hl7_of,
    "ndjson": ndjson_of,
    "bundle": bundle_of,
}


class Counted:
    """Counts the words, numbers and identified texts that are looked at."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("WORD", "_RUN"):
            patch.setattr(known_index, name, _Counting(getattr(known_index, name), self))
        identify = roster.identifiers
        patch.setattr(roster, "identifiers", lambda text: (self.add(len(text)), identify(text))[1])

    def add(self, number: int) -> None:
        self.count += number


class _Counting:
    def __init__(self, pattern: re.Pattern[str], counted: Counted) -> None:
        self.pattern, self.counted = pattern, counted

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        for found in self.pattern.finditer(text):
            self.counted.add(1)
            yield found

    def match(self, text: str, start: int) -> re.Match[str] | None:
        self.counted.add(1)
        return self.pattern.match(text, start)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pattern, name)


def looked_at(tmp_path: Path, kind: str, people: int) -> int:
    source = tmp_path / f"in-{people}"
    source.mkdir()
    (source / f"a.{kind}").write_text(WRITTEN[kind](people))
    with pytest.MonkeyPatch.context() as patch:
        counted = Counted(patch)
        outcome = folder.deidentify(source, tmp_path / f"out-{people}", SECRET)
        assert not outcome.refused
        assert len(outcome.persons) == people + 1
        (written,) = (tmp_path / f"out-{people}").glob("shared/*")
        text = written.read_text()
        assert "no change" in text
        assert "is well" in text
        assert not any(planted in text for planted in (*PLANTED, "Kowal", "KOWAL"))
        return counted.count


@pytest.mark.parametrize("kind", WRITTEN)
def test_four_times_the_patients_are_four_times_the_work(kind: str, tmp_path: Path) -> None:
    small, large = (looked_at(tmp_path, kind, people) for people in (60, 240))
    assert large < 4.5 * small


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_is_read_piece_by_piece(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at a time does not grow with the file, beyond its text."""
    monkeypatch.setattr(fhir_reading, "LONG", 1000)
    text = WRITTEN[kind](3000)
    data = text.encode()
    read: dict[str, Callable[[], Iterator[Any]]] = {
        "csv": lambda: tables.read(text).rows(),  # type: ignore[union-attr]
        "hl7": lambda: hl7.messages(text),
        "ndjson": lambda: fhir_reading.resources(data),
        "bundle": lambda: fhir_reading.resources(data),
    }
    assert len(list(read[kind]())) >= 3000  # everything is imported and compiled
    tracemalloc.start()
    for _ in read[kind]():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(data) / 4 + (len(text) if kind == "bundle" else 0)


def test_a_name_that_many_share_is_not_compared_with_each_of_them() -> None:
    several = [Known(frozenset([f"Ann Kowal{i:05d}"])) for i in range(2000)]
    index = crowd_index((i, *form) for i, known in enumerate(several) for form in forms(known))
    hits = list(index.hits("Ann Kowal01234 saw Ann Lee", free=False))
    assert [hit.owners for hit in hits] == [frozenset([1234])]


def test_messages_of_one_patient_are_one_claim() -> None:
    claims = list(people.of_hl7(1, hl7_of(0) * 50))
    assert len(claims) == 1


def test_a_number_of_a_crowd_joins_nobody() -> None:
    """A placeholder written for everybody is no record number; two of a name still agree."""
    many = [Known(frozenset([f"Ann{i} Kowal{i}"])) for i in range(300)]
    crowd = [claim(i, f"k{i}", known, ["99999"], f"{i}") for i, known in enumerate(many)]
    assert len(Claims.of(crowd).groups()) == 300
    again = claim(999, "z", many[250], ["99999"], "250")
    assert len(Claims.of([*crowd, again]).groups()) == 300
    two = [claim(i, f"k{i}", Known(frozenset(["Ann Lee"])), ["99999"]) for i in (1, 2)]
    assert len(Claims.of(two).groups()) == 1


@pytest.mark.parametrize("text", ["住院号48392017患者", "48392017，", "48 39 20-17"])
def test_a_number_between_chinese_characters_is_found(text: str) -> None:
    assert Known(numbers=frozenset(["48392017"])).found(text)


def wards(rows: int) -> str:
    """Return a table in which counts of platelets, and two cells in a row, are others' numbers."""
    lines = [f"{100_000 + i},Ann Kowal{i:05d},{100_000 + i + 1},120,45,well" for i in range(rows)]
    return "\n".join(
        ["MRN,name,platelets,sbp,age,comment", "12045,Bo Oyelowo,210000,120,45,", *lines]
    )


def deidentified(tmp_path: Path, **columns: str) -> list[list[str]]:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(wards(20))
    outcome = folder.deidentify(tmp_path / "in", tmp_path / "out", SECRET, columns=columns)
    assert not outcome.refused
    (written,) = (tmp_path / "out").glob("shared/*")
    return [line.split(",") for line in written.read_text().splitlines()]


def test_cells_side_by_side_are_no_number_and_one_that_equals_a_number_is_withheld(
    tmp_path: Path,
) -> None:
    rows = deidentified(tmp_path)
    assert rows[1][2:] == ["210000", "120", "45", ""]
    assert [row[2] for row in rows[2:]] == [""] * 19 + ["100020"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["elements"]["table"]["withheld, as it equals an identifier"] == 19


def test_a_count_that_equals_a_number_goes_from_messages_and_resources(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    whose = {"subject": {"reference": "Patient/p-7000001"}, "code": {"text": "platelets"}}
    observation = {"resourceType": "Observation", "id": "o", "status": "final", **whose}
    values = [{**observation, "valueQuantity": {"value": n, "unit": "/uL"}} for n in (7000002, 210)]
    lines = ndjson_of(3) + "".join(json.dumps(one) + "\n" for one in values)
    (tmp_path / "in" / "a.ndjson").write_text(lines)
    counts = "OBX|2|NM|777-3^P||7000002|\rOBX|3|NM|777-3^P||210|\r"
    (tmp_path / "in" / "b.hl7").write_text(hl7_of(3) + counts)
    outcome = folder.deidentify(tmp_path / "in", tmp_path / "out", SECRET)
    assert not outcome.refused
    assert outcome.withheld == 2
    text = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.[nh]*"))
    assert "7000002" not in text
    assert '"value":210' in text
    assert "|210" in text


def test_a_column_said_to_hold_numbers_keeps_them(tmp_path: Path) -> None:
    rows = deidentified(tmp_path, platelets="num")
    assert [row[2] for row in rows[1:4]] == ["210000", "100001", "100002"]


def test_the_name_of_another_patient_goes_from_a_comment(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = ["MRN,name,comment", "4839201,安静,骨折", "4839202,常规,安静陪同"]
    (tmp_path / "in" / "a.csv").write_text("\n".join(rows), encoding="utf-8")
    folder.deidentify(tmp_path / "in", tmp_path / "out", SECRET)
    (written,) = (tmp_path / "out").glob("shared/*")
    text = written.read_text(encoding="utf-8")
    assert "骨折" in text
    assert "陪同" in text
    assert "安静" not in text


def test_rows_of_a_key_are_one_person_and_said_once() -> None:
    """Even where the rows contradict each other; what the rows say is held once."""
    table = "MRN,name,dob\n" + "4839201,Ann Lee,1960-01-01\n4839201,Bo Roe,1970-01-01\n" * 40
    claims = Claims.of(people.of_table(1, table))
    assert len(claims) == 2
    assert len(claims.groups()) == 1


def test_claims_that_were_cut_off_are_forgotten() -> None:
    claims = Claims.of([claim(1, "a", Known(), ["4839201"])])
    claims.add(claim(2, "b", Known(), ["4839201"]))
    claims.cut(1)
    claims.add(claim(3, "c", Known(), ["5550001"]))
    assert [one.key for one in claims] == ["a", "c"]
    assert len(claims.groups()) == 2
    assert claims.keys().get("3|c") == {1}
    assert claims.keys().get("2|b") is None


def test_a_moved_date_is_nobodys_number(tmp_path: Path) -> None:
    """Year and month of some moved date are the numbers of patients."""
    (tmp_path / "in").mkdir()
    rows = [f"20{20 + i // 12}{1 + i % 12:02d},Ann Kowal{i},2021-06-15" for i in range(36)]
    (tmp_path / "in" / "a.csv").write_text("\n".join(["MRN,name,date", *rows]))
    outcome = folder.deidentify(tmp_path / "in", tmp_path / "out", SECRET)
    assert outcome.withheld == 0
    (written,) = (tmp_path / "out").glob("shared/*")
    assert all(line[-10:-5].startswith("202") for line in written.read_text().splitlines()[1:])
