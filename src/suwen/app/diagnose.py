"""The main job: a folder of patient files in; findings, a draft report and its forms out.

Each step is durable (`app.jobs`) and idempotent by content, so a crash between or within steps
loses nothing and does nothing twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any

from suwen.app import suspected
from suwen.app.jobs import RunStep
from suwen.app.services import open_jobs, operator, person_of
from suwen.cli import DiagnoseRequest, Outcome
from suwen.core import registry
from suwen.core.codes import ADVICE, Language, Text
from suwen.core.errors import BadInput, NotFound, StorageUnavailable, SuwenError
from suwen.core.files import replaced
from suwen.core.nouns import Band, Case, Finding, Report, Status, canonical, digest_of
from suwen.core.settings import Settings, settings
from suwen.diagnosis.compose import compose
from suwen.diagnosis.problems import shown
from suwen.diagnosis.review import carry_over
from suwen.gateway.folder import Given, read_files, read_folder
from suwen.gateway.storing import store_intake
from suwen.imaging.case.points import point_records
from suwen.lifecycle import packs
from suwen.lifecycle.logged import finding_ids
from suwen.lifecycle.run import answered, run, stored_findings, with_data
from suwen.notes.coding.synonyms import stored as stored_terms
from suwen.notes.facts.amended import of_case
from suwen.records import Access, Person, Store, report_of
from suwen.records.inbox import Inbox
from suwen.server.case.quotations import quotations

PURPOSE = "treatment"


class Diagnosis:
    """The body of a diagnosis job on one store; the same for the command line and the server."""

    def __init__(self, store: Store, search: bool) -> None:
        self._store = store
        self._search = search
        self._cases: dict[str, Case] = {}

    def __call__(self, payload: dict[str, Any], step: RunStep) -> dict[str, Any]:
        """Run the steps; `payload` is that of `server.held.jobs`, or has `folder` and `out`."""
        try:
            result = self._steps(payload, step)
        except SuwenError:
            self._drop(payload)
            raise
        return result

    def _drop(self, payload: dict[str, Any]) -> None:
        """Destroy what was sent, once it is stored or refused."""
        if sent := payload.get("inbox"):
            Inbox(self._store).drop(str(sent))

    def _steps(self, payload: dict[str, Any], step: RunStep) -> dict[str, Any]:
        state: dict[str, Any] = {
            "payload": payload,
            "patient": payload.get("patient", ""),
            "understood": [],
            "not_understood": [],
            "findings": [],
        }
        if payload.get("folder") or payload.get("inbox"):
            state |= step("intake", self._intake, state)
            self._drop(payload)
        if payload.get("points"):
            state |= step("points", self._points, state)
        state |= step("open", self._open, state)
        for name in state["tasks"]:
            answered = step(name, self._answer, state | {"task": name})
            for part in ("findings", "not_understood", "references"):
                state[part] = [*state[part], *answered.get(part, ())]
        state |= step("report", self._report, state)
        state["files"] = []
        if payload.get("out"):
            state |= step("outputs", self._write, state)
        return {key: value for key, value in state.items() if key != "payload"}

    def _access(self, state: dict[str, Any]) -> Access:
        return self._store.session(person_of(state["payload"]), PURPOSE)

    def _case(self, state: dict[str, Any]) -> Case:
        """Return the Case as it was opened; kept while this job runs, so images are read once."""
        key = digest_of(canonical(state["references"]))
        if key not in self._cases:
            self._cases.clear()
            self._cases[key] = self._access(state).case(
                state["patient"],
                datetime.fromisoformat(state["at"]) if "at" in state else None,
                references=state["references"],
            )
        return self._cases[key]

    def _intake(self, state: dict[str, Any]) -> dict[str, Any]:
        payload = state["payload"]
        if sent := payload.get("inbox"):
            intake = read_files(sent_files(self._store, str(sent)))
        else:
            intake = read_folder(Path(payload["folder"]))
        patient = store_intake(self._access(state), intake)
        return {
            "patient": patient,
            "understood": [text.model_dump() for text in intake.understood],
            "not_understood": [text.model_dump() for text in intake.not_understood],
        }

    def _points(self, state: dict[str, Any]) -> dict[str, Any]:
        access = self._access(state)
        points = [(x, y, z) for x, y, z in state["payload"]["points"]]
        case = access.case(state["patient"])
        access.put(point_records(case, points), state["patient"])
        return {}

    def _open(self, state: dict[str, Any]) -> dict[str, Any]:
        case = self._access(state).case(state["patient"])
        return {
            "at": case.at.isoformat(),
            "references": [record.reference for record in case.records],
            "tasks": sorted(
                (task.name for task in in_order() if self._search or not searches(task)),
                key=lambda name: name not in suspected.FIRST,
            ),
        }

    def _answer(self, state: dict[str, Any]) -> dict[str, Any]:
        task = registry.find(state["task"])
        access = self._access(state)
        try:
            packs.current_folder(task.name)
        except NotFound:
            return {"findings": [], "not_understood": [_no_pack(task).model_dump()]}
        earlier = self._findings(access, state, task.after)
        pack = partial(packs.current, task.name)
        found = run(task, pack, self._case(state), access, earlier)
        facts = suspected.keep(access, self._case(state), found)
        ids = [finding.id for finding in found]
        new = [one for one in facts if one not in state["references"]]
        return {"findings": ids, "not_understood": [], "references": new}

    def _findings(
        self, access: Access, state: dict[str, Any], tasks: Sequence[str]
    ) -> list[Finding]:
        """Return what tasks found in this job, in the order it was found."""
        blob, found = self._case(state).blob, set(state["findings"])
        stored = {
            one.id: one
            for task in tasks
            for one in stored_findings(access, state["patient"], task)
            if one.id in found
        }
        return [with_data(stored[one], blob) for one in state["findings"] if one in stored]

    def _report(self, state: dict[str, Any]) -> dict[str, Any]:
        access = self._access(state)
        found = self._findings(access, state, state["tasks"])
        case, local = self._case(state), stored_terms(access)
        people = of_case(case, found, local)
        report = compose(
            case,
            [*(one for one in found if told(one)), *people.findings],
            [Text(**text) for text in state["not_understood"]],
            datetime.fromisoformat(state["payload"]["created"]),
            people.reviews,
            quotations(case, found, local),
        )
        earlier = [report_of(record) for record in access.search("Report", state["patient"])]
        report = carry_over(report, earlier)
        for one in earlier:
            if _says_the_same(one, report):
                return {"report": one.id}
        access.put([report], state["patient"])
        return {"report": report.id}

    def _write(self, state: dict[str, Any]) -> dict[str, Any]:
        record = self._access(state).read(f"Report/{state['report']}", state["patient"])
        language = state["payload"].get("language", "en")
        from suwen.app.outputs import files  # Beside the networks: see `_import_outputs`.

        made, left_out = files(self._store, self._case(state), report_of(record), language)
        folder = Path(state["payload"]["out"])
        return {
            "files": [str(_replace(folder / name, data)) for name, data in made.items()],
            "not_understood": [*state["not_understood"], *(one.model_dump() for one in left_out)],
        }


def sent_files(store: Store, name: str) -> Iterator[Given]:
    """Yield the files of a sending, opened piece by piece out of the inbox.

    Folders were not sent: the second file of a name, and the third, stand in folders of their own,
    so that a header finds the signals that came with it.
    """
    met: Counter[str] = Counter()
    for one in Inbox(store).files(name):
        met[one.name] += 1
        folder = str(met[one.name]) if met[one.name] > 1 else ""
        yield Given(PurePosixPath(folder, one.name), one.open)


def _says_the_same(earlier: Report, report: Report) -> bool:
    """Whether a draft already says exactly this; then no second one is made."""
    changing = {"id", "created"}
    return earlier.model_dump(exclude=changing) == report.model_dump(exclude=changing)


def _no_pack(task: Any) -> Text:
    return Text(
        en=f"{task.title.en}: no pack is installed, so the question was not answered",
        zh=f"{task.title.zh}：未安装模型包，未作答",
    )


def in_order() -> list[Any]:
    """Return the registered tasks, each after those whose findings it reads."""
    waiting = {task.name: task for task in registry.tasks()}
    ordered: list[Any] = []
    while waiting:
        ready = [t for t in waiting.values() if not any(name in waiting for name in t.after)]
        if not ready:
            raise BadInput("tasks that wait for each other", "no circle in `after`", "correct it")
        for task in ready:
            ordered.append(waiting.pop(task.name))
    return ordered


def told(finding: Finding) -> bool:
    """Say whether a finding stands in reports.

    Those of a task marked `inner` are steps of another's answer; that it could not begin is told.
    Advice that can wait, or is withheld, has its own place (`suwen advise`).
    """
    if finding.code.system == ADVICE and finding.status is Status.SUGGESTED:
        return False
    task = registry.find(finding.task)
    if not getattr(task, "inner", False):
        return True
    return finding.band is Band.ABSTAIN and not task.after


def searches(task: Any) -> bool:
    """Say whether a task looks through whole studies, which takes long."""
    return bool(getattr(task, "searches", False))


def needed_by(name: str) -> set[str]:
    """Return a task and those whose findings it builds on, directly or not, that do not search."""
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [
                each for each in registry.find(one).after if not searches(registry.find(each))
            ]
    return found


def answer(access: Access, patient: str, name: str) -> list[Finding]:
    """Answer one task on a patient's current records, with the tasks it builds on."""
    case = access.case(patient)
    found: dict[str, list[Finding]] = {}
    wanted = needed_by(name)
    for task in in_order():
        if task.name in wanted:
            earlier = [finding for before in task.after for finding in found.get(before, [])]
            pack = partial(packs.current, task.name)
            found[task.name] = run(task, pack, case, access, earlier)
            suspected.keep(access, case, found[task.name])
    return found[name]


def answer_held(case: Case, name: str) -> list[Finding]:
    """Answer one task on a Case that lies in no store, with the tasks it builds on.

    Everything found is returned, the answers of the task itself last; nothing is kept or logged.
    """
    found: list[Finding] = []
    wanted = needed_by(name)
    for task in in_order():
        if task.name in wanted:
            found += answered(task, packs.current(task.name), case, found)
    return found


def diagnose_folder(request: DiagnoseRequest, home: Settings | None = None) -> Outcome:
    """Run the main job on a folder; an interrupted run of the same request is resumed.

    Raises
    ------
    NotFound
        There is no such folder.
    """
    started = time.monotonic()
    folder = request.folder.resolve()
    if not folder.is_dir():
        got = "a file, no folder" if folder.exists() else "no such folder"
        raise NotFound(
            got, "a folder with the files of one patient", "check the path; put files into a folder"
        )
    chosen = home or settings()
    out = (request.out or folder.with_name(f"{folder.name}-report")).resolve()
    with Store.open(chosen) as store:
        person = operator(store)
        payload = {
            "person": asdict(person),
            "folder": str(folder),
            "out": str(out),
            "language": request.language,
            "points": [list(point) for point in request.points],
        }
        Thread(target=_import_outputs, daemon=True).start()
        executor = f"folder-{digest_of(canonical(payload))[:24]}"
        jobs = open_jobs(store, chosen, executor, {"diagnose": Diagnosis(store, chosen.search)})
        try:
            job = jobs.unfinished() or jobs.submit("diagnose", payload)
            result = jobs.result(job)
            return _outcome(store, person, request, result, time.monotonic() - started)
        finally:
            jobs.close()


def _import_outputs() -> None:
    """Import what writes the outputs while the networks, outside the interpreter, answer."""
    import suwen.app.outputs  # noqa: F401


def _outcome(
    store: Store, person: Person, request: DiagnoseRequest, result: dict[str, Any], seconds: float
) -> Outcome:
    access = store.session(person, PURPOSE)
    report = report_of(access.read(f"Report/{result['report']}", result["patient"]))
    wanted = {finding.id for finding in report.findings}
    numbers = [
        decision.sequence
        for decision in store.log.entries(patient=result["patient"])
        if wanted.intersection(finding_ids(decision))
    ]
    language: Language = "zh" if request.language == "zh" else "en"
    return Outcome(
        patient=result["patient"],
        report=result["report"],
        summary=summary(report, language),
        understood=tuple(Text(**text).of(language) for text in result["understood"]),
        not_understood=tuple(Text(**text).of(language) for text in result["not_understood"]),
        files=tuple(Path(path) for path in result["files"]),
        seconds=seconds,
        finding_decisions=tuple(numbers),
    )


def summary(report: Report, language: Language) -> tuple[str, ...]:
    """Return the statements of the report's first section, in reading order."""
    first = report.statements[0].section if report.statements else ""
    kept = {finding.id for finding in shown(report)}
    return tuple(
        statement.text.of(language)
        for statement in report.statements
        if statement.section == first and (not statement.findings or kept & set(statement.findings))
    )


def _replace(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replaced(path) as file:
            file.write(data)
    except OSError as error:
        raise StorageUnavailable(
            f"{path.name} could not be written ({type(error).__name__})",
            "a writable folder with free space",
            "free some space or choose another folder with --out; the report itself is stored",
        ) from None
    return path
