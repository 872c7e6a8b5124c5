"""Cohorts in which everyone has others alike: made of sent files, logged, handed out as one ZIP.

Whoever asks needs the right to pseudonymise (`records/policy.toml`). What was sent stands in the
inbox, sealed, only until it is read; what was made is kept in memory until it is fetched or others
came.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from suwen.core.errors import BadInput
from suwen.privacy.cohort import export as cohort_export
from suwen.privacy.cohort import rows as cohort_rows
from suwen.privacy.cohort.made import Goal
from suwen.records.inbox import FOLDER, Inbox
from suwen.records.pseudonyms import Pseudonyms
from suwen.records.uploads import Sent
from suwen.server.asking import PURPOSES, Asking
from suwen.server.held.cohorts import Made

PROJECT: Final = "default"
_PURPOSES: Final = {**PURPOSES, "administrator": "administration"}


class Wanted(BaseModel):
    """What a cohort has to fulfil."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(5, ge=2, le=10_000, description="Fewest people alike.")
    diversity: int = Field(1, ge=1, le=1000, description="Fewest different values (l).")
    sensitive: list[str] = Field(default_factory=list, max_length=20)
    """Columns that must differ among people alike."""
    quasi: list[str] = Field(default_factory=list, max_length=50)
    """NAME=age|zip|date|category, or NAME=none: before what the columns are taken for."""
    suppressed: float = Field(0.05, ge=0, lt=1, description="Largest share of rows left out.")
    local: bool = Field(False, description="Ranges of each class instead of common bands.")
    condition: str = Field("", max_length=200)
    """Only patients with this code, or this in a condition's name."""

    def goal(self) -> Goal:
        """Return the goal."""
        return Goal(self.k, tuple(self.sensitive), self.diversity, self.suppressed)

    def kinds(self) -> dict[str, str]:
        """Return the kinds of quasi-identifiers that are said.

        Raises
        ------
        BadInput
            One is not written NAME=KIND.
        """
        pairs = [text.rpartition("=") for text in self.quasi]
        if not all(name and kind for name, _, kind in pairs):
            raise BadInput(
                "a quasi-identifier without a kind", "NAME=KIND", "such as Admitted=date"
            )
        return {name.strip(): kind.strip() for name, _, kind in pairs}


def may_export(asking: Asking) -> Pseudonyms:
    """Return where the act is kept, before anything is read.

    Raises
    ------
    Denied
        The policy does not let this person de-identify data; the denial is logged.
    """
    purpose = _PURPOSES[asking.person.role]
    pseudonyms = asking.bench.store.pseudonyms(asking.person, purpose, PROJECT)
    pseudonyms.secret()
    return pseudonyms


def export(asking: Asking, sent: str, wanted: Wanted) -> Made:
    """Make a cohort of sent files; the act is logged before anything of it is handed out.

    Parameters
    ----------
    asking
        Who wants it.
    sent
        Name in the inbox of one CSV table, or of files of FHIR JSON or NDJSON; they are dropped.
    wanted
        What has to hold. Where it cannot be reached nothing is made.

    Raises
    ------
    Denied
        The policy does not let this person de-identify data; the denial is logged.
    BadInput
        The files hold no patients, or the goal cannot be reached.
    """
    inbox = Inbox(asking.bench.store)
    target = asking.bench.store.home / FOLDER / f"{sent}-cohort"

    def log(counts: cohort_export.Counts) -> None:
        pseudonyms.keep({}, {"cohort": dict(counts)})

    try:
        pseudonyms, kinds, goal = may_export(asking), wanted.kinds(), wanted.goal()
        rows = cohort_rows.of_files([_content(one) for one in inbox.files(sent)], wanted.condition)
        done = cohort_export.write(rows, kinds, goal, target, log, local=wanted.local)
        return Made(_zipped(target), done.report)
    finally:
        inbox.drop(sent)
        shutil.rmtree(target, ignore_errors=True)


def _content(one: Sent) -> bytes:
    with one.open() as file:
        return file.read()


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"cohort/{path.name}")
    return out.getvalue()
