"""The labelled nodules as Examples of the two tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from suwen.core.errors import NotFound
from suwen.imaging.nodules.data import (
    INDETERMINATE,
    LIDC,
    LIDC_SOURCE,
    Crop,
    Nodule,
    read_crop,
    read_nodules,
)
from suwen.imaging.nodules.segmentation import mask_from
from suwen.imaging.reading.tags import tag_columns
from suwen.imaging.volumes.nodule import Mask, NoduleInput
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.metrics.overlap import dice

FLOOR_HU = -400.0
"""A voxel denser than this belongs to the nodule, says the trivial method."""
SIZE_BANDS_MM = (6.0, 8.0, 15.0)
"""Limits of the diameter subgroups (the follow-up classes of the Fleischner Society 2017)."""


def examples_of(
    data: DataFolders,
    load: Callable[[Nodule], NoduleInput],
    truth: Callable[[Nodule], Array] | None = None,
    indeterminate: bool = True,
) -> Examples:
    """Return the nodules of `imaging/lidc_voi` as examples.

    Parameters
    ----------
    data
        Folders searched.
    load
        Input of a nodule.
    truth
        Its mask, for segmentation.
    indeterminate
        Whether nodules whose most frequent rating is 3 are among them.
    """
    nodules = [
        nodule for nodule in read_nodules(data) if indeterminate or nodule.rating != INDETERMINATE
    ]
    if not nodules:
        raise NotFound(
            "nodules.csv names no nodule whose crop is there",
            "image/ and nodule_mask/ beside it",
            "check that the data set was unpacked completely",
        )
    diameter = np.array([nodule.diameter_mm for nodule in nodules])
    rating = np.array([nodule.rating for nodule in nodules])
    bands = np.array(["< 6 mm", "6 to < 8 mm", "8 to < 15 mm", ">= 15 mm"])
    return Examples(
        source=LIDC_SOURCE,
        keys=tuple(nodule.key for nodule in nodules),
        groups=np.array([nodule.patient for nodule in nodules]),
        labels=np.array([int(nodule.malignant) for nodule in nodules]),
        load=lambda i: _sample(nodules[i], load),
        truth=None if truth is None else (lambda i: truth(nodules[i])),
        columns={
            "diameter_mm": diameter,
            "diameter": bands[np.digitize(diameter, SIZE_BANDS_MM)],
            "reader_ratings": np.array([" ".join(map(str, n.ratings)) for n in nodules]),
            "attributes": np.array([" ".join(map(str, n.attributes)) for n in nodules]),
            "rating": np.where(rating == INDETERMINATE, "rating 3", "rating 3 excluded"),
        },
        tags=tag_columns(
            data.find(LIDC), [nodule.key for nodule in nodules], [slice_mm(n) for n in nodules]
        ),
        floors={"diameter": diameter},
    )


def slice_mm(nodule: Nodule) -> float:
    """Return the slice spacing of a crop in mm."""
    return crop_of(nodule).volume.spacing[0]


def _sample(nodule: Nodule, load: Callable[[Nodule], NoduleInput]) -> Sample:
    return Sample(key=nodule.key, data=load(nodule))


def crop_input(nodule: Nodule, mask: Mask | None = None) -> NoduleInput:
    """Return a crop with its middle as the point."""
    crop = crop_of(nodule)
    return NoduleInput(volume=crop.volume, point=crop.centre, mask=mask)


@lru_cache(maxsize=1024)
def crop_of(nodule: Nodule) -> Crop:
    """Return the crop of a nodule, read once (all 787 crops take 80 MB)."""
    return read_crop(nodule)


def by_threshold(examples: Examples) -> Examples:
    """Return the examples with the Dice of what lies above -400 HU at the point as floor."""
    if examples.truth is None:
        return examples
    overlaps = []
    for i in range(len(examples)):
        data: NoduleInput = examples.load(i).data
        dense = (np.asarray(data.volume.values, dtype=np.float32) > FLOOR_HU).astype(np.float32)
        overlaps.append(dice(examples.truth(i), mask_from(dense, data)))
    return replace(examples, floors={"threshold at -400 HU": np.array(overlaps)})
