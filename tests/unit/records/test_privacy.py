"""Nothing of a patient stands in the clear: not in files, file names, logs or error texts."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import event, text

from suwen.core.errors import SuwenError
from suwen.core.nouns import digest_of
from suwen.records import Person
from suwen.records.tables import metadata

MARKER = "Zhuge9Liang7Marker"


def marked(clinic) -> list[dict]:
    patient = clinic.wang() | {
        "id": MARKER,
        "name": [{"family": MARKER}],
        "identifier": [{"system": f"urn:{MARKER}", "value": MARKER}],
    }
    pulse = clinic.pulse(MARKER, subject={"reference": f"Patient/{MARKER}"})
    pulse["code"] = {"coding": [{"system": f"http://{MARKER}", "code": MARKER}], "text": MARKER}
    pulse["note"] = [{"text": MARKER}]
    return [patient, pulse]


def everything(clinic) -> str:
    """Do one of everything with marked content; return all errors that came of it."""
    doctor, errors = clinic.doctor, []
    patient = doctor.new_patient([(f"urn:{MARKER}", MARKER)])
    _, pulse = doctor.put(marked(clinic), patient)
    doctor.put_blob(patient, MARKER.encode() * 100, "text/plain")
    doctor.search("Observation", patient, code=MARKER, identifier=f"{MARKER}|{MARKER}")
    doctor.decide("rejected", patient, pulse.reference, {"reason": MARKER, "comment": MARKER})
    clinic.other.break_glass(patient, f"{MARKER} unconscious")
    doctor.delete(pulse.reference, f"{MARKER} was wrong")
    clinic.store.add_person(Person("p1", MARKER, "patient", patient=patient), "hash")
    broken = clinic.pulse(MARKER, status=MARKER, birthDate=MARKER, subject=MARKER)
    attempts = [
        lambda: doctor.put([broken | {MARKER: MARKER}], patient),
        lambda: doctor.put([broken | {"resourceType": MARKER}], patient),
        lambda: doctor.put([{"resourceType": "Finding", MARKER: MARKER, "task": MARKER}], patient),
        lambda: doctor.put([clinic.pulse(MARKER)], patient, expected={f"Observation/{MARKER}": 7}),
        lambda: doctor.put([clinic.pulse(note=[{"text": object()}])], patient),
        lambda: doctor.read(f"Observation/{MARKER}"),
        lambda: doctor.read(f"{MARKER} {MARKER}"),
        lambda: doctor.blob(patient, MARKER),
        lambda: doctor.case(MARKER),
        lambda: doctor.search(f"{MARKER}!"),
        lambda: clinic.other.put(marked(clinic), MARKER),
        lambda: doctor.decide("finding", patient, "Finding/x", {"x": {MARKER}}),
        lambda: doctor.decide("finding", patient, "Finding/x" * 99, {"x": MARKER}),
    ]
    for attempt in attempts:
        with pytest.raises(SuwenError) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error is not None:
            errors.append(f"{error} {error!r}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(errors)


def test_no_error_text_and_no_log_line_names_the_patient(clinic, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        errors = everything(clinic)
    assert MARKER not in errors
    assert MARKER not in caplog.text
    captured = capfd.readouterr()
    assert MARKER not in captured.out + captured.err


def test_no_file_and_no_file_name_tells_of_the_patient(clinic, tmp_path):
    everything(clinic)
    clinic.store.log.export(clinic.home / "log.jsonl")
    digest = digest_of(MARKER.encode() * 100)
    files = [path for path in clinic.home.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        name, content = str(path.relative_to(clinic.home)), path.read_bytes()
        assert MARKER not in name
        assert digest[:12] not in name
        assert MARKER.encode() not in content, name
        if "log.jsonl" not in name and "suwen.sqlite" not in name:
            assert digest.encode() not in content, name


def test_no_table_tells_of_the_patient(clinic):
    everything(clinic)
    with clinic.store.database.transaction() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(table.select()):
                for value in row:
                    raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value)
                    whole = raw if isinstance(raw, bytes) else raw.encode()
                    assert MARKER.encode() not in whole, table.name


def test_no_error_of_the_database_carries_its_parameters(clinic):
    with (
        pytest.raises(SuwenError) as caught,
        clinic.store.database.transaction() as connection,
    ):
        connection.execute(text("INSERT INTO nowhere VALUES (:x)"), {"x": MARKER})
    assert MARKER not in str(caught.value)
    assert caught.value.__suppress_context__


def test_nothing_in_the_clear_is_even_sent_to_be_stored(sqlite_clinic):
    seen: list[str] = []

    def look(conn, cursor, statement, parameters, context, many):
        if not statement.startswith("SELECT"):
            seen.append(str(parameters))

    event.listen(sqlite_clinic.store.database._engine, "before_cursor_execute", look)
    everything(sqlite_clinic)
    assert len(seen) > 50
    assert not [line for line in seen if MARKER in line]
