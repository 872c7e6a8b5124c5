"""One search of a whole CT by a pack, kept for whoever asks about the same voxels again.

A search takes half a minute. Diagnosing the case again after one more click, and replaying each of
its marks, ask for the same one; it is kept by the content it was made from, so it can only be
found again for the same voxels, the same place in the patient and the same networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.nouns import digest_of
from suwen.imaging.anatomy.lungs import Lungs, find_lungs
from suwen.imaging.detection.detector import Detectors
from suwen.imaging.detection.search import search
from suwen.imaging.volumes.kept import Kept
from suwen.imaging.volumes.volume import Volume

KEPT: Final = 8
"""Searches kept; each holds its marks and the lungs at a coarse grid, some megabytes."""


@dataclass(frozen=True)
class Searched:
    """The lungs of a CT and the marks in them.

    `marks` has the shape (n, 5): logit, x, y, z in mm (LPS), diameter; no marks where no lungs
    were found.
    """

    lungs: Lungs
    marks: NDArray[np.float64]


class Searches:
    """The last searches, by what they were made from; safe to ask from several threads."""

    def __init__(self, most: int = KEPT) -> None:
        self._kept: Kept[Searched] = Kept(most)

    def of(
        self,
        volume: Volume,
        pack: str,
        members: Sequence[int],
        networks: Callable[[Sequence[int]], Detectors],
    ) -> Searched:
        """Return the search of a CT, made now unless it is kept.

        Parameters
        ----------
        volume
            Axial slices in HU.
        pack
            Digest of the pack that answers.
        members
            Numbers of the networks: the first looks at every slice, the others at candidates.
        networks
            Returns some members' networks; called only when the search is made.
        """
        key = digest_of(repr((pack, tuple(members), volume.digest())).encode())
        return self._kept.of(key, lambda: _searched(volume, members, networks))


def _searched(
    volume: Volume, members: Sequence[int], networks: Callable[[Sequence[int]], Detectors]
) -> Searched:
    lungs = find_lungs(volume)
    if not lungs.found:
        return Searched(lungs, np.zeros((0, 5)))
    rest = networks(members[1:]) if len(members) > 1 else None
    return Searched(lungs, search(networks(members[:1]), rest, volume, lungs))
