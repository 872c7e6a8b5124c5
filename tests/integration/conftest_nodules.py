"""Cases made of DICOM bytes without a store, and where the real data lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suwen.core.nouns import Case, Record, digest_of
from suwen.core.settings import settings
from suwen.imaging.case.series import imaging_study
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.lifecycle.data import DataFolders

FALL_BACK = Path(__file__).parents[2].parent / "shared" / "data"


def data_folders() -> DataFolders:
    """The folders of SUWEN_DATA, else the one beside the repository."""
    return DataFolders(settings().data or (FALL_BACK,))


def data_set(name: str) -> Path:
    """The folder of a data set; the test is skipped where it is absent."""
    if not data_folders().have(name):
        pytest.skip(f"{name} is not in SUWEN_DATA")
    return data_folders().find(name)


def case_of(
    files: Sequence[bytes] | None,
    before: Case | None = None,
    more: Sequence[dict[str, Any]] = (),
) -> Case:
    """A Case of DICOM files (or of an earlier Case) with further records."""
    if files is not None:
        blobs = {digest_of(data): data for data in files}
        instances = [read_instance(data) for data in files]
        named = {
            instance.text("SOPInstanceUID"): digest
            for instance, digest in zip(instances, blobs, strict=True)
        }
        study = imaging_study(assemble(instances), named, "p1")
        records = (Record(reference="ImagingStudy/s1/_history/1", content=study),)
        return Case("p1", datetime(2024, 1, 1, tzinfo=UTC), records, blobs.__getitem__)
    assert before is not None
    added = tuple(
        Record(reference=f"{content['resourceType']}/m{number}/_history/1", content=content)
        for number, content in enumerate(more)
    )
    return Case(before.patient, before.at, (*before.records, *added), before.blob)
