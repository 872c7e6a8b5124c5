"""Advice for the command line: of the files of one patient, or of a patient of the store."""

from __future__ import annotations

import json

from suwen.app.diagnose import PURPOSE, answer
from suwen.app.services import operator
from suwen.cli import AdviceRequest, Written
from suwen.core.settings import Settings, settings
from suwen.gateway.folder import read_folder
from suwen.gateway.storing import store_intake
from suwen.health.advice.facts import Person, person_of
from suwen.health.advice.plan import as_json, as_text, bundle
from suwen.health.advice.task import ADVICE, advised, texts_of
from suwen.health.risk.equation import library
from suwen.lifecycle import packs
from suwen.records import Store


def advise(request: AdviceRequest, home: Settings | None = None) -> Written:
    """Return the advice in the form it was asked in; its findings are stored and logged.

    Raises
    ------
    NotFound
        There is no such file, folder or patient.
    BadInput
        Nothing of the files was understood, or they are of two patients.
    """
    with Store.open(home or settings()) as store:
        access = store.session(operator(store), PURPOSE)
        unread: tuple[str, ...] = ()
        patient = request.patient
        if request.path is not None:
            intake = read_folder(request.path)
            patient = store_intake(access, intake)
            unread = tuple(text.of(request.language) for text in intake.not_understood)
        answer(access, patient, ADVICE)
        case = access.case(patient)
        person = person_of(case, library()) or Person({})
        found = advised(texts_of(packs.current(ADVICE)), person)
    if request.form == "json":
        return Written(json.dumps(as_json(found), ensure_ascii=False, indent=2), unread)
    if request.form == "fhir":
        plan = bundle(found, patient, case.at, request.language)
        return Written(json.dumps(plan, ensure_ascii=False, indent=2), unread)
    return Written(as_text(found, request.language, request.form == "markdown"), unread)
