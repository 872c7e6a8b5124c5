"""Asking for long work, and following it."""

from __future__ import annotations

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from suwen.core.errors import Denied, NotFound
from suwen.server.asking import Asking
from suwen.server.held.jobs import JobStatus
from suwen.server.sent.uploads import staged


def ask_diagnosis(asking: Asking, patient: str) -> JobStatus:
    """Submit a diagnosis of a patient whose case the asker may open."""
    _actor(asking)
    asking.access.case(patient)
    jobs = asking.bench.jobs
    return jobs.status(jobs.submit("diagnose", asking.job_payload(patient=patient)))


async def ask_intake(request: Request, asking: Asking) -> JobStatus:
    """Take in the files of one patient and submit a job that reads and diagnoses them."""
    _actor(asking)
    jobs = asking.bench.jobs
    async with staged(request, asking) as sent:
        payload = asking.job_payload(inbox=sent.name)
        job = await run_in_threadpool(jobs.submit, "intake", payload)
    return await run_in_threadpool(jobs.status, job)


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
