"""Why the search marked a place: what its networks see there that raises their logit.

All networks look at 48 mm of the slice around a mark (`search.around`). Each cell of 6 mm is made
lung in turn and they are asked again: how far the logit at the mark falls is what the cell is worth
to it. It explains the networks on that slice, not the joining of marks over slices.

Reference: Zeiler & Fergus, ECCV 2014 (occlusion).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Attachment, Band, Explanation, Finding
from suwen.imaging.detection.detector import PIXEL_MM, channels, networks_of
from suwen.imaging.detection.scan import ScanInput
from suwen.imaging.detection.search import LOOKED_AT, around, at_middle
from suwen.imaging.nodules.findings import NIFTI, PNG
from suwen.imaging.nodules.saliency import LUNG_HU
from suwen.imaging.pictures.key_images import patch_image
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.volumes.nodule import AIR_HU
from suwen.imaging.volumes.patches import Floats
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Array, Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain

METHOD: Final = "occlusion"
MAP: Final = "occlusion"
PICTURE: Final = "key-image-occlusion"
MOST_EXPLAINED: Final = 6
"""Strong marks of a CT that are explained, the strongest: each takes most of a second."""
UNEXPLAINED: Final = Explanation(
    method=METHOD,
    hidden_because=Text(
        en=f"Only the {MOST_EXPLAINED} strongest marks are explained.",
        zh=f"仅解释最强的 {MOST_EXPLAINED} 处标记。",
    ),
)


class ExplainedMarks:
    """What `lifecycle.task.Explains` asks, of the mark in the focus of a sample."""

    explanations = (METHOD,)

    def input_of(self, pack: Pack, sample: Sample) -> Floats:
        """Return what the networks see around the focus, in HU."""
        data: ScanInput = sample.data
        return around(data.volume, focus_of(data))

    def baseline(self, pack: Pack, sample: Sample) -> Floats:
        """Return the same filled with lung."""
        return lung_only(self.input_of(pack, sample))

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how much the logit falls when each cell is made lung."""
        if method != METHOD:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        return occlusion(pack, self.input_of(pack, sample), range(pack.members))

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the networks' mean logit in the middle of what they see."""
        return float(logits_of(pack, [values], range(pack.members))[0])


def focus_of(data: ScanInput) -> NDArray[np.float64]:
    """Return the index (z, y, x) of what is explained; the middle where no place is given."""
    if data.focus is None:
        return (np.array(data.volume.values.shape) - 1) / 2
    return data.volume.to_index(data.focus)


def lung_only(values: Floats) -> Floats:
    """Return a patch filled with the lung in it."""
    air = values[values < AIR_HU]
    return np.full_like(values, float(np.median(air)) if air.size else LUNG_HU)


def logits_of(pack: Pack, patches: Sequence[Array], members: Sequence[int]) -> Array:
    """Return the mean of some members' logits in the middle of patches in HU, (n,)."""
    shown = np.stack([channels(patch) for patch in patches])
    return np.asarray(np.mean(at_middle(networks_of(pack, members).run(shown)), axis=0))


def occlusion(pack: Pack, values: Floats, members: Sequence[int]) -> Floats:
    """Return how much the logit falls when each cell of a patch is made lung, in its shape.

    Interpolated between the middles of the cells: what is checked is what is drawn.
    """
    cell, empty = explain.cells_of(values.shape), lung_only(values)
    changed = [np.where(cell == k, empty, values) for k in range(int(cell.max()) + 1)]
    full, *rest = logits_of(pack, [values, *changed], members)
    side = explain.CELLS_A_SIDE[values.ndim]
    drop = (full - np.array(rest)).reshape(side, side)
    zoom = len(values) / side
    return np.asarray(ndimage.zoom(drop, zoom, order=1, mode="nearest", grid_mode=True), np.float32)


def explained(
    task: Any, pack: Pack, sample: Sample, marked: Sequence[tuple[Array, Finding]]
) -> list[tuple[Array, Finding]]:
    """Return marks, the strongest first, with their findings: strong ones with what they rest on.

    Map and picture are there only when the explanation passed its checks.
    """
    found = []
    for place, (mark, finding) in enumerate(marked):
        said = finding
        if finding.band is Band.RULE_IN and place < MOST_EXPLAINED:
            said = _explained(task, pack, sample, finding, mark[1:4])
        elif finding.band is Band.RULE_IN:
            said = finding.model_copy(update={"explanations": (UNEXPLAINED,)})
        found.append((mark, said))
    return found


def _explained(task: Any, pack: Pack, sample: Sample, found: Finding, place: Array) -> Finding:
    x, y, z = (float(value) for value in place)
    data = replace(sample.data, focus=(x, y, z))
    relevance, explanation = explain.check_if_shown(task, pack, replace(sample, data=data), METHOD)
    attachments: tuple[Attachment, ...] = ()
    if relevance is not None and explanation.hidden_because is None:
        picture = patch_image(data.volume, focus_of(data), relevance, PIXEL_MM)
        attachments = (
            Attachment.of(MAP, NIFTI, write_nifti(in_patient(data, relevance))),
            Attachment.of(PICTURE, PNG, picture),
        )
    return found.model_copy(
        update={"explanations": (explanation,), "attachments": (*found.attachments, *attachments)}
    )


def in_patient(data: ScanInput, relevance: Floats) -> Volume:
    """Return a map of the patch as a volume of one slice where it lies in the patient."""
    spacing = np.array(data.volume.spacing)
    corner = focus_of(data) - np.array([0, 1, 1]) * (LOOKED_AT - 1) / 2 * PIXEL_MM / spacing
    affine = data.volume.affine.copy()
    affine[:3, 1:3] *= PIXEL_MM / spacing[1:]
    affine[:3, 3] = data.volume.to_point(corner)
    return Volume(relevance[None], affine)
