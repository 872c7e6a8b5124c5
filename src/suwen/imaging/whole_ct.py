"""One search of a whole CT by a pack, kept for whoever asks about the same voxels again.

A search takes half a minute. Diagnosing the case again after one more click, and replaying each of
its marks, ask for the same one; it is kept by the content it was made from, so it can only be
found again for the same voxels, the same place in the patient and the same networks.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.detector import Detectors
from suwen.imaging.lungs import Lungs, find_lungs
from suwen.imaging.search import search
from suwen.imaging.volume import Volume

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
        self._most = most
        self._found: OrderedDict[str, Searched] = OrderedDict()
        self._lock = Lock()

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
        key = _key(volume, pack, members)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = _searched(volume, members, networks)
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return found


def _searched(
    volume: Volume, members: Sequence[int], networks: Callable[[Sequence[int]], Detectors]
) -> Searched:
    lungs = find_lungs(volume)
    if not lungs.found:
        return Searched(lungs, np.zeros((0, 5)))
    rest = networks(members[1:]) if len(members) > 1 else None
    return Searched(lungs, search(networks(members[:1]), rest, volume, lungs))


def _key(volume: Volume, pack: str, members: Sequence[int]) -> str:
    """Return the SHA-256 of everything a search depends on."""
    about = (pack, tuple(members), volume.values.shape, volume.values.dtype.str)
    digest = hashlib.sha256(repr(about).encode())
    digest.update(np.ascontiguousarray(volume.affine).tobytes())
    digest.update(np.ascontiguousarray(volume.values).data)
    return digest.hexdigest()
