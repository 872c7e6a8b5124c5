"""DICOM Parametric Map of where a network looked, in the patient's frame beside its series.

Only maps that are shown leave: those whose explanation passed its checks. The map is cut to the box
it fills, on the planes of the source slices, so that it stays small; it refers to those slices.

Reference: DICOM PS3.3 2024e section A.75 (Parametric Map IOD).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from suwen.core.codes import RELEVANCE
from suwen.core.errors import BadInput
from suwen.core.nouns import Finding
from suwen.imaging.objects.coding import concept, unit
from suwen.imaging.objects.seg import DEVICE, MODULES, attached, encoded, origin, sampled_on, stamp
from suwen.imaging.reading.assembly import Series
from suwen.imaging.reading.geometry import Slice
from suwen.imaging.reading.instance import headers_for
from suwen.imaging.volumes.nodule import place_in

SERIES_NUMBER: Final = 9004
SALIENCY: Final = "saliency"
"""Role of the attachment that holds a map."""
LABEL: Final = "SALIENCY"
LATERALITY: Final = {"left": "L", "right": "R"}


def shows_map(finding: Finding) -> bool:
    """Say whether a finding has a map that passed the checks of its explanation."""
    checked = [one for one in finding.explanations if "occlusion" not in one.method]
    passed = bool(checked) and all(one.hidden_because is None for one in checked)
    return passed and any(one.role == SALIENCY for one in finding.attachments)


def parametric_map(
    series: Series,
    finding: Finding,
    blob: Callable[[str], bytes] | None = None,
    created: datetime | None = None,
) -> bytes:
    """Return the map of one finding as a DICOM Parametric Map of floats.

    Parameters
    ----------
    series
        The source series (`CaseSeries.source`).
    finding
        A finding with a map that may be shown, see `shows_map`.
    blob
        Returns stored bytes by SHA-256, for attachments that no longer hold their data.
    created
        When the content was made; now when not given. Equal input then gives equal bytes.

    Raises
    ------
    BadInput
        The finding shows no map, it does not meet the series, or the source headers lack what a
        parametric map must copy.
    """
    volume = attached(finding, SALIENCY, blob) if shows_map(finding) else None
    values = None if volume is None else sampled_on(series.slices, volume)
    if values is None or not values.any():
        raise BadInput(
            "no map on this series that may be shown",
            "a finding whose explanation passed its checks, with its map",
            "leave the map out",
        )
    seed = f"pm {series.series_uid} {series.part} {finding.id}"
    with headers_for("a parametric map", MODULES):
        return _encode(series, finding, values, seed, created)


def _encode(
    series: Series,
    finding: Finding,
    values: NDArray[np.float32],
    seed: str,
    created: datetime | None,
) -> bytes:
    kept = np.flatnonzero(values.any(axis=(1, 2)))
    rows, columns = (np.flatnonzero(values.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = values[kept][:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    slices = [series.slices[int(index)] for index in kept]
    first = slices[0]
    widest = float(np.abs(box).max())
    document = hd.pm.ParametricMap(
        source_images=list({one.uid: one.instance.referable for one in slices}.values()),
        pixel_array=np.ascontiguousarray(box, dtype=np.float32),
        **origin(seed, SERIES_NUMBER),
        **DEVICE,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_meaning(-widest, widest)],
        content_description=_described(finding),
        content_label=LABEL,
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=list(first.spacing),
            slice_thickness=series.stack.step if series.stack else 1.0,
        ),
        plane_orientation=hd.PlaneOrientationSequence(
            "PATIENT", [*map(float, first.across), *map(float, first.down)]
        ),
        plane_positions=[_corner(one, int(rows[0]), int(columns[0])) for one in slices],
        voi_lut_transformations=[
            hd.VOILUTTransformation(window_center=0.0, window_width=2 * widest)
        ],
        series_description="Where the network looked (software, unverified)",
    )
    document.Laterality = LATERALITY.get(place_in(finding.site)[0], "")  # empty: not known
    if created is not None:
        stamp(document, created, seed)
    return encoded(document)


def _meaning(low: float, high: float) -> hd.pm.RealWorldValueMapping:
    """Return what a stored value is: itself, without unit."""
    return hd.pm.RealWorldValueMapping(
        lut_label=LABEL,
        lut_explanation="Raises (> 0) or lowers (< 0) the log odds",
        unit=unit("1"),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=concept(RELEVANCE),
    )


def _corner(one: Slice, row: int, column: int) -> hd.PlanePositionSequence:
    """Return the place of the pixel at which the cut map begins on a slice."""
    offset = one.down * one.spacing[0] * row + one.across * one.spacing[1] * column
    return hd.PlanePositionSequence("PATIENT", [float(x) for x in one.position + offset])


def _described(finding: Finding) -> str:
    what = finding.tracking.label if finding.tracking else finding.code.name.en
    return f"{what}: {codes.DCM.ArtificialIntelligence.meaning}"[:64]
