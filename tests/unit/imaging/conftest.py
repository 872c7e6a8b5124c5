"""A small CT series to spoil."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume

Edit = Callable[..., bytes]


@pytest.fixture(scope="session")
def small_volume() -> Volume:
    """Eight oblong slices of recognisable HU: no axis can be taken for another."""
    z, y, x = np.mgrid[:8, :12, :16]
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 0.8], [0, 0.7, 0], [2.5, 0, 0]]
    affine[:3, 3] = [-40.5, 12.25, -100]
    return Volume((z * 100 + y * 10 + x - 1000).astype(np.int16), affine)


@pytest.fixture(scope="session")
def ct_files(small_volume: Volume) -> list[bytes]:
    """The small volume as eight DICOM CT files."""
    return wrap_ct(small_volume, Label("TEST-1", "Test^Volume", "unit", sex="F", age="050Y"))


@pytest.fixture(scope="session")
def edit() -> Edit:
    """Change fields of a DICOM file: `edit(file, Rows=3)`; None deletes the field."""

    def change(data: bytes, change_header: Callable[[Dataset], None] | None = None,
               **fields: object) -> bytes:  # fmt: skip
        dataset = dcmread(BytesIO(data))
        for keyword, value in fields.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        if "SOPInstanceUID" in fields:
            dataset.file_meta.MediaStorageSOPInstanceUID = fields["SOPInstanceUID"]
        if change_header is not None:
            change_header(dataset)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    return change
