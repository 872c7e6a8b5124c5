"""One row a patient, without what names anyone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from suwen.core.errors import BadInput
from suwen.privacy.cohort.rows import of_resources, of_table, read

TABLE = "MRN,Name,Age,Sex,Zip,Seen,Diagnosis,Remark\n" + "".join(
    f"{4839200 + i},Jane Doe,{40 + i % 9},{'FM'[i % 2]},0213{i % 9},2021-03-0{1 + i % 9},"
    f"{['gout', 'asthma'][i % 2]},told to her sister Ann {i}\n"
    for i in range(20)
)
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "name": [{"family": "Doe"}],
    "gender": "female",
    "birthDate": "1961-04-12",
    "address": [{"postalCode": "02139", "state": "MA", "city": "Boston"}],
}
GOUT = {
    "resourceType": "Condition",
    "subject": {"reference": "Patient/a"},
    "code": {"coding": [{"code": "90560007", "display": "Gout"}]},
}
TODAY = date(2024, 4, 11)


def test_a_table_loses_names_numbers_and_prose() -> None:
    found = of_table(TABLE)
    assert set(found.rows[0]) == {"Age", "Sex", "Zip", "Seen", "Diagnosis"}
    assert found.quasi == {"Age": "age", "Sex": "category", "Zip": "zip", "Seen": "date"}
    assert found.removed == ("MRN", "Name", "Remark")
    assert len(of_table(TABLE, "gout").rows) == 10


def test_a_patient_is_an_age_a_sex_and_three_digits() -> None:
    (row,) = of_resources([PATIENT, GOUT], "gout", TODAY).rows
    assert row == {"age": "62", "sex": "female", "zip": "021", "state": "MA", "conditions": "Gout"}
    assert of_resources([PATIENT, GOUT], "90560007", TODAY).rows
    assert not of_resources([PATIENT, GOUT], "asthma", TODAY).rows


def test_from_ninety_on_ages_are_one() -> None:
    (row,) = of_resources([{**PATIENT, "birthDate": "1925"}], today=TODAY).rows
    assert row["age"] == "90"


def test_a_folder_of_resources_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(f"{json.dumps(PATIENT)}\n{json.dumps(GOUT)}\n")
    (tmp_path / "b.txt").write_text("no resource")
    assert len(read(tmp_path).rows) == 1
    with pytest.raises(BadInput, match="without a Patient"):
        of_resources([GOUT])
    (tmp_path / "c").write_text("Seen today.")
    with pytest.raises(BadInput, match="no table"):
        read(tmp_path / "c")
