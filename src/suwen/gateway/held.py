"""An intake as a Case that is held in memory only: for what answers without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Record, canonical, digest_of
from suwen.gateway.intake import Intake

NAME: Final = "files"
"""Id of the patient whose files they are: nobody of a store."""


def case_of(intake: Intake) -> Case:
    """Return what an intake holds as a Case; nothing is stored and nothing is logged."""
    blobs = {blob.digest: blob for blob in intake.blobs}
    records = []
    for resource in intake.resources:
        given = resource.get("id") or digest_of(canonical(resource))[:40]
        reference = f"{resource['resourceType']}/{given}/_history/1"
        records.append(Record(reference=reference, content={**resource, "id": given}))

    def blob(sha256: str) -> bytes:
        found = blobs.get(sha256.removeprefix("blob/"))
        if found is None:
            raise NotFound("bytes that are not among the files", "bytes of one of the files", "")
        return found.checked()

    return Case(NAME, datetime.now(UTC), tuple(records), blob)
