"""What every command and job works with: settings, the store, and who acts."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suwen.app.jobs import DurableJobs, SealedJson, Work
from suwen.core.errors import NotFound
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.keys import seal, unseal

JOBS_PLACE = "jobs"


def operator(store: Store) -> Person:
    """Return who the command line acts as: the operating system's user, a clinician of this store.

    Whoever runs the command holds the key file, so no password is asked; the name stands in the
    decision log.
    """
    name = re.sub(r"[^A-Za-z0-9._@-]", "-", getpass.getuser()) or "operator"
    try:
        return store.person(f"os.{name}")
    except NotFound:
        person = Person(f"os.{name}", name, "clinician")
        store.add_person(person, "")
        return person


def sealed_json(store: Store) -> SealedJson:
    """Return the form in which job arguments and results are kept: sealed with the store's key."""
    cipher = store.secrets.jobs
    return SealedJson(
        lambda plain: seal(cipher, JOBS_PLACE, plain),
        lambda sealed: unseal(cipher, JOBS_PLACE, sealed),
    )


def open_jobs(
    store: Store, settings: Settings, executor: str, work: Mapping[str, Work]
) -> DurableJobs:
    """Return the durable jobs of this store for one executor (`server`, or one command's job).

    On SQLite dbos keeps a file of its own; on PostgreSQL it uses a schema of its own.
    """
    url = settings.database_url
    if not url or url.startswith("sqlite"):
        url = f"sqlite:///{settings.home / 'jobs.sqlite'}"
    locks = _private(settings.home / "locks")
    return DurableJobs(url, executor, locks / f"{executor}.lock", work, sealed_json(store))


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def person_of(payload: dict[str, Any]) -> Person:
    """Return the person a job's payload names."""
    return Person(**payload["person"])
