"""What tests of written DICOM objects share: a place in a series, and what a validator says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from suwen.core.nouns import ImageRegion, Point
from suwen.imaging.reading.assembly import Series


def region(
    series: Series, centre: Point, number: int, record: str = "ImagingStudy/a"
) -> ImageRegion:
    """Return the evidence of one place, on the slice of that number."""
    return ImageRegion(
        record=f"{record}/_history/1",
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        centre=centre,
        low=centre,
        high=centre,
        instance_uid=series.instance_uids[number],
    )


def remarks_of(data: bytes, folder: Path) -> list[str]:
    """Return what dciodvfy, a validator of another maker, says of an object.

    A healthy one gets one line, its kind. Private coding schemes, which the standard allows, are
    not known to it.
    """
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    path = folder / "object.dcm"
    path.write_bytes(data)
    done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line and "99SUWEN" not in line]
