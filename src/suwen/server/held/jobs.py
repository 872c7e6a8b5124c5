"""What the server needs from durable jobs; the application passes the real thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

JobKind = Literal["diagnose", "intake", "import"]
"""`diagnose`: run every applicable task on a patient and compose the draft report. `intake`: read
the files that were sent into the store first, then diagnose. `import`: read what devices measured
out of files that were sent for a patient."""

JobState = Literal["queued", "running", "done", "failed"]


class JobStatus(BaseModel):
    """Where a job stands. `error` names what went wrong without patient content."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    state: JobState
    person: str
    """Id of the person who asked for it."""
    patient: str = ""
    """Pseudonymous id; empty until an intake knows whose files they are."""
    step: str = ""
    """What it is doing now, for example a task's name; of an `import` also how many readings it
    took so far (`import:150000`)."""
    upload: str = ""
    """What an `import` reads: the id of an upload of `records.uploads`."""
    told: str = ""
    """Name by which `records.uploads` knows the account of a finished `import`."""
    created: datetime
    updated: datetime
    error: dict[str, str] | None = None


class Jobs(Protocol):
    """Long work that survives a crash. Submitting the same `key` again returns the same job."""

    def submit(self, kind: JobKind, payload: Mapping[str, Any], key: str | None = None) -> str:
        """Start a job and return its id.

        `payload` is JSON: `person` (the fields of a Person), `language`, and for `diagnose`
        `patient`, for `intake` `inbox` (a sending of `records.inbox`, which the job drops),
        for `import` `patient`, `upload`, `zone` of local times and `units` of quantities (both
        only as somebody answered).
        """
        ...

    def status(self, job: str) -> JobStatus:
        """Return where the job stands; raises `NotFound` for an unknown id."""
        ...

    def list(self, prefix: str = "") -> Sequence[JobStatus]:
        """Return the known jobs whose id begins so, newest first."""
        ...
