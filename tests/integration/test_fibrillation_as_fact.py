"""Fibrillation in a recording: an unconfirmed fact, then what a clinician says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from suwen.app.demo_patients import ecg
from suwen.app.diagnose import answer, diagnose_folder
from suwen.app.services import operator
from suwen.cli import DiagnoseRequest
from suwen.core.nouns import Act, Finding
from suwen.core.settings import Settings
from suwen.health.advice.task import ADVICE
from suwen.health.risk import fibrillation as af_fact
from suwen.health.risk import task as risk
from suwen.lifecycle.run import replay
from suwen.records import Access, Store
from suwen.server.case import reports
from suwen.server.case.reports import Wish
from suwen.server.risk import cards as risk_cards

NOW = datetime.now(UTC).replace(microsecond=0)


def bundle() -> dict[str, Any]:
    """A woman of 77 with hypertension and a 30-second strip, as her clinic sends it."""
    person = {"reference": "Patient/p"}
    resources = [
        {"resourceType": "Patient", "id": "p", "birthDate": "1949-05-04", "gender": "female",
         "identifier": [{"system": "urn:mrn", "value": "77"}]},
        {"resourceType": "Condition", "id": "h", "subject": person,
         "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]}},
        ecg.observation("fibrillation", 4, (NOW - timedelta(hours=2)).isoformat())
        | {"id": "strip", "subject": person},
    ]  # fmt: skip
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in resources],
    }


class Clinic:
    """One diagnosed patient."""

    def __init__(self, folder: Path) -> None:
        files = folder / "files"
        files.mkdir(parents=True)
        (files / "bundle.json").write_text(json.dumps(bundle()))
        self.home = Settings(home=folder / "home")
        self.patient = diagnose_folder(
            DiagnoseRequest(files, folder / "out", "en"), self.home
        ).patient
        self.store = Store.open(self.home)
        self.access: Access = self.store.session(operator(self.store), "treatment")

    def status(self) -> list[str]:
        conditions = self.access.case(self.patient).of("Condition")
        found = [one for one in conditions if af_fact.made_of(one)]
        return [one.content["verificationStatus"]["coding"][0]["code"] for one in found]

    def advice(self) -> dict[str, Finding]:
        return {one.code.code: one for one in answer(self.access, self.patient, ADVICE)}

    def risks(self) -> dict[str, Finding]:
        return {one.code.code: one for one in answer(self.access, self.patient, risk.RISK)}

    def act(self, act: Act, reason: str = "") -> None:
        stored = reports.latest(self.access, self.patient)
        assert stored is not None
        seen = next(one for one in stored.report.findings if af_fact.seen(one))
        finding = "" if act in (Act.WITHDRAWN, Act.SIGNED) else seen.id
        reports.perform(
            self.access, self.patient, "dr.lin", Wish(act, stored.reference, finding, reason)
        )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    made = Clinic(tmp_path_factory.mktemp("af"))
    yield made
    made.store.close()


def test_a_strip_that_shows_fibrillation_is_unconfirmed_and_asks_for_a_reading(
    written: Clinic,
) -> None:
    assert written.status() == ["unconfirmed"]
    advice = written.advice()
    assert "af-confirm" in advice
    assert "af-anticoagulation" not in advice
    kinds = [one.record.partition("/")[0] for one in advice["af-confirm"].evidence]
    assert kinds == ["Condition", "Observation"], "the fact, and the strip"
    note = advice["af-confirm"].evidence[0].note
    assert note is not None
    assert note.en.endswith("not confirmed")
    assert "%" in note.en, "how probable it is"
    assert note.zh.endswith("未经确认")


def test_the_score_for_fibrillation_waits_and_says_why(written: Clinic) -> None:
    risks = written.risks()
    assert "CHA2DS2-VASc" not in risks
    gaps = risks["risk-not-computed"].reason
    assert gaps is not None
    assert "CHA2DS2-VASc" in gaps.en
    assert "not confirmed: a clinician reads the ECG first" in gaps.en
    assert "须先由医生判读心电图" in gaps.zh


def test_the_page_of_risks_says_the_same(written: Clinic) -> None:
    found = risk_cards.risks_of(written.access.case(written.patient), "en").gaps()
    (waiting,) = [one for one in found if one.key == "CHA2DS2-VASc"]
    assert "a clinician reads the ECG first" in waiting.reasons[0]


def test_the_first_report_already_asks_for_the_reading_and_can_be_replayed(written: Clinic) -> None:
    stored = reports.latest(written.access, written.patient)
    assert stored is not None
    assert "af-confirm" in {one.code.code for one in stored.report.findings}
    said = " ".join(one.text.en for one in stored.report.statements)
    assert "Atrial fibrillation (not confirmed)" in said
    decisions = [one for one in written.access.decisions(written.patient) if one.act == "finding"]
    advised = [one for one in decisions if one.detail["task"] == ADVICE]
    assert all(replay(one, written.access).same for one in advised)


def test_a_signature_alone_confirms_nothing_and_who_accepts_the_finding_does(
    written: Clinic,
) -> None:
    clinic = written
    clinic.act(Act.ACCEPTED)
    assert clinic.status() == ["confirmed"]
    advice = clinic.advice()
    assert "af-anticoagulation" in advice
    assert "af-confirm" not in advice
    assert clinic.risks()["CHA2DS2-VASc"].measures[0].interval.value == 4
    clinic.act(Act.REJECTED, "artefact of movement")
    assert clinic.status() == ["refuted"]
    assert not {"af-confirm", "af-anticoagulation"} & set(clinic.advice())
    answer(clinic.access, clinic.patient, "health.af")
    assert clinic.status() == ["refuted"], "no second fact: what a clinician said stays"
    clinic.act(Act.ACCEPTED)
    clinic.act(Act.SIGNED)
    assert clinic.status() == ["confirmed"]
    clinic.act(Act.WITHDRAWN, "wrong patient")
    assert clinic.status() == ["unconfirmed"]
