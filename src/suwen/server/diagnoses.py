"""Asking for long work, and following it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import BinaryIO

from suwen.core.errors import Denied, NotFound
from suwen.server.asking import Asking
from suwen.server.jobs import JobStatus
from suwen.server.uploads import stage


def ask_diagnosis(asking: Asking, patient: str) -> JobStatus:
    """Submit a diagnosis of a patient whose case the asker may open."""
    _actor(asking)
    asking.access.case(patient)
    jobs = asking.bench.jobs
    return jobs.status(jobs.submit("diagnose", asking.job_payload(patient=patient)))


def ask_intake(asking: Asking, files: Sequence[tuple[str, BinaryIO]]) -> JobStatus:
    """Keep the files of one patient and submit a job that reads and diagnoses them."""
    _actor(asking)
    bench = asking.bench
    folder = stage(bench.settings.home, files, bench.settings.max_upload_mb)
    try:
        job = bench.jobs.submit("intake", asking.job_payload(folder=str(folder)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return bench.jobs.status(job)


def own_job(asking: Asking, job: str) -> JobStatus:
    """Return a job of the one who asks.

    Raises
    ------
    NotFound
        Unknown, or someone else's.
    """
    status = asking.bench.jobs.status(job)
    if status.person != asking.person.id:
        raise NotFound("no such job of yours", "the id of a job you asked for", "see the jobs page")
    return status


def _actor(asking: Asking) -> None:
    if not asking.may["act"]:
        raise Denied(
            f"the role {asking.person.role} asks for no diagnosis",
            "a clinician or a nurse",
            "ask someone of the care team",
        )
