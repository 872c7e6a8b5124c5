"""Durable jobs on dbos: a crash at any step resumes, nothing is lost, nothing is done twice.

dbos keeps arguments and step results in a database of its own, sealed here with a key derived from
the master key. The application version is pinned: an upgrade resumes the jobs in flight, so a step
keeps accepting the arguments of the release before.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, WorkflowHandle

from suwen.core.errors import Conflict, NotFound, SuwenError, error_of
from suwen.server.held.jobs import JobKind, JobStatus

JOB_FORMAT = "1"
"""Version of the job arguments and steps; raise it only when old jobs can no longer resume."""
POLLING_SECONDS = 0.1
"""How often the database is asked whether a resumed job is done."""

Seal = Callable[[bytes], bytes]
Step = Callable[[dict[str, Any]], dict[str, Any]]
RunStep = Callable[[str, Step, dict[str, Any]], dict[str, Any]]
Work = Callable[[dict[str, Any], RunStep], dict[str, Any]]
"""A job's body: gets the payload and `step(name, function, argument)`, returns its result."""


class SealedJson(Serializer):
    """JSON, encrypted: what a job reads and returns may name a patient's files."""

    def __init__(self, seal: Seal, unseal: Seal) -> None:
        self._seal, self._unseal = seal, unseal

    def name(self) -> str:
        """Return the name dbos stores beside each value."""
        return "suwen_sealed_json"

    def serialize(self, data: Any) -> str:
        """Return `data` as sealed JSON in hexadecimal."""
        if isinstance(data, BaseException):
            data = {"__error__": type(data).__name__}
        return self._seal(json.dumps(data).encode()).hex()

    def deserialize(self, serialized_data: str) -> Any:
        """Return what `serialize` was given; an exception comes back as RuntimeError."""
        value = json.loads(self._unseal(bytes.fromhex(serialized_data)))
        if isinstance(value, dict) and "__error__" in value:
            return RuntimeError(value["__error__"])
        return value


_work: dict[str, Work] = {}


@DBOS.step(name="step")
def _step(name: str, argument: dict[str, Any]) -> dict[str, Any]:
    return _functions[name](argument)


_functions: dict[str, Step] = {}


def _run_step(name: str, function: Step, argument: dict[str, Any]) -> dict[str, Any]:
    _functions[name] = function
    DBOS.set_event("step", name)
    result: dict[str, Any] = _step(name, argument)
    return result


def doing(what: str) -> None:
    """Say how far the step is that is running now; `JobStatus.step` tells it."""
    DBOS.set_event("step", what)


@DBOS.workflow(name="job")
def _job(payload: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": _work[payload["kind"]](payload, _run_step)}
    except SuwenError as error:
        return {"error": error.shape()}


class DurableJobs:
    """Starts jobs, resumes those a crash interrupted, and tells where each stands.

    One process per `executor` at a time (held by a file lock), so that nobody resumes a job that
    is still running.
    """

    def __init__(
        self, url: str, executor: str, lock: Path, work: Mapping[str, Work], sealed: SealedJson
    ) -> None:
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Conflict(
                "another process is already running these jobs",
                "one process at a time",
                "wait for it, or stop it and try again: its work is resumed",
            ) from None
        _work.clear()
        _work.update(work)
        config = DBOSConfig(
            name="suwen",
            system_database_url=url,
            application_version=JOB_FORMAT,
            executor_id=executor,
            serializer=sealed,
            log_level="ERROR",
            notification_listener_polling_interval_sec=0.05,
        )
        DBOS(config=config)
        DBOS.launch()
        self._executor = executor
        self._newest: WorkflowHandle[dict[str, Any]] | None = None

    def submit(self, kind: JobKind, payload: Mapping[str, Any], key: str | None = None) -> str:
        """Start a job and return its id; the same `key` names the same job."""
        job = key or uuid.uuid4().hex
        created = datetime.now(UTC).isoformat()
        with SetWorkflowID(job):
            self._newest = DBOS.start_workflow(
                _job, {**payload, "kind": kind, "job": job, "created": created}
            )
        return job

    def result(self, job: str) -> dict[str, Any]:
        """Wait for a job and return its result; its SuwenError is raised again."""
        handle = self._newest
        if handle is None or handle.workflow_id != job:  # only a job started here wakes its waiter
            handle = DBOS.retrieve_workflow(job)
        outcome = handle.get_result(polling_interval_sec=POLLING_SECONDS)
        if error := outcome.get("error"):
            raise error_of(error)
        result: dict[str, Any] = outcome["result"]
        return result

    def unfinished(self) -> str | None:
        """Return the id of this executor's interrupted job, now running again, if there is one."""
        for status in DBOS.list_workflows(status=["PENDING", "ENQUEUED"], name="job"):
            if status.executor_id == self._executor:
                return str(status.workflow_id)
        return None

    def status(self, job: str) -> JobStatus:
        """Return where a job stands.

        Raises
        ------
        NotFound
            No job of that id.
        """
        found = DBOS.list_workflows(workflow_ids=[job], name="job", load_input=True)
        if not found:
            raise NotFound("no job of that id", "the id that submitting it returned", "list jobs")
        return self._status(found[0])

    def list(self, prefix: str = "") -> Sequence[JobStatus]:
        """Return the known jobs whose id begins so, newest first."""
        found = DBOS.list_workflows(
            name="job",
            workflow_id_prefix=prefix or None,
            sort_desc=True,
            limit=200,
            load_input=True,
        )
        return [self._status(each) for each in found]

    def close(self) -> None:
        """Stop; running jobs are resumed by the next start."""
        DBOS.destroy()
        os.close(self._lock)

    def _status(self, status: Any) -> JobStatus:
        payload = (status.input or {}).get("args", [{}])[0]
        outcome = status.output if status.status == "SUCCESS" else None
        error = (outcome or {}).get("error")
        state = "running"
        if status.status == "SUCCESS":
            state = "failed" if error else "done"
        elif status.status not in {"PENDING", "ENQUEUED", "DELAYED"}:
            state = "failed"
            error = {"code": "crashed", "got": "the job stopped with an unexpected error"}
        result = (outcome or {}).get("result") or {}
        return JobStatus(
            id=status.workflow_id,
            kind=payload.get("kind", "diagnose"),
            state=state,
            person=payload.get("person", {}).get("id", ""),
            patient=payload.get("patient") or result.get("patient", ""),
            step=DBOS.get_event(status.workflow_id, "step", timeout_seconds=0) or "",
            upload=payload.get("upload", ""),
            told=result.get("told", ""),
            created=_time(status.created_at),
            updated=_time(status.updated_at),
            error=error,
        )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
