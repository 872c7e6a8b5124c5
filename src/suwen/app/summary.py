"""The summary of notes for the command line: of files, which are not kept, or of a patient."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from suwen.app.diagnose import PURPOSE, answer, answer_held
from suwen.app.services import operator
from suwen.cli import SummaryRequest, Written
from suwen.core.codes import Language
from suwen.core.errors import BadInput
from suwen.core.nouns import Finding
from suwen.core.settings import Settings, settings
from suwen.gateway.folder import read_folder
from suwen.gateway.held import case_of
from suwen.notes.coding.synonyms import stored as local_terms
from suwen.notes.questions import ENTITIES, FACTS
from suwen.notes.summary.overview import Overview, overview
from suwen.notes.summary.sheet import as_json, as_text
from suwen.records import Access, Store, finding_of

MOST_FINDINGS = 20_000
"""Findings of one patient that are looked through."""


def summarise(request: SummaryRequest, home: Settings | None = None) -> Written:
    """Return the summary that was asked for, in the form it was asked in.

    Of files nothing is stored and nothing is logged. Of a patient of the store, notes that nobody
    has read yet are read, as whoever holds the machine; their findings are stored and logged.

    Raises
    ------
    NotFound
        There is no such file, folder or patient.
    BadInput
        No note can be read, or the files are of two patients.
    """
    if request.path is not None:
        intake = read_folder(request.path)
        case = case_of(intake)
        made = _with_notes(overview(case, answer_held(case, FACTS)))
        reasons = [text.of(request.language) for text in intake.not_understood]
        return Written(_written(made, request), (*reasons, *_unread(made, request.language)))
    with Store.open(home or settings()) as store:
        access = store.session(operator(store), PURPOSE)
        case = access.case(request.patient)
        local = local_terms(access)
        made = _with_notes(overview(case, _stored(access, request.patient), local))
        if not made.findings:
            answer(access, request.patient, FACTS)
            made = overview(case, _stored(access, request.patient), local)
        return Written(_written(made, request), _unread(made, request.language))


def _stored(access: Access, patient: str) -> list[Finding]:
    return [
        finding_of(record)
        for task in (ENTITIES, FACTS)
        for record in access.search("Finding", patient, code=task, limit=MOST_FINDINGS)
    ]


def _with_notes(made: Overview) -> Overview:
    if made.notes:
        return made
    reasons = "; ".join(dict.fromkeys(one.reason.en for one in made.unread))
    raise BadInput(
        f"no note that can be read{f' ({reasons})' if reasons else ''}",
        "notes as text, Markdown, RTF, HTML, PDF, C-CDA or FHIR",
        "check that they are the right files",
    )


def _unread(made: Overview, language: Language) -> tuple[str, ...]:
    return tuple(one.reason.of(language) for one in made.unread)


def _written(made: Overview, request: SummaryRequest) -> str:
    language = request.language
    if request.form == "fhir":
        return json.dumps(made.fhir(datetime.now(UTC), language), ensure_ascii=False, indent=2)
    sheet = made.sheet
    if request.rewrite and (rewritten := made.rewritten(language)):
        sheet = replace(sheet, parts=(*made.rewriting(rewritten, language), *sheet.parts))
    if request.form == "json":
        return json.dumps(as_json(sheet), ensure_ascii=False, indent=2)
    return as_text(sheet, language, markdown=request.form == "markdown")
