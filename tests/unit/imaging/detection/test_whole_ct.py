"""A CT is searched once for whoever asks about the same voxels with the same networks."""

import numpy as np
import pytest

from suwen.imaging.detection import whole_ct
from suwen.imaging.detection.whole_ct import Searches
from suwen.imaging.volumes.volume import Volume

VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))


@pytest.fixture
def made(monkeypatch):
    """The searches made, in order; each is told apart by its number."""
    found = []

    def search(volume, members, networks):
        found.append((volume, tuple(members)))
        return len(found)

    monkeypatch.setattr(whole_ct, "_searched", search)
    return found


def ask(searches, volume=VOLUME, pack="a", members=(0, 1)):
    return searches.of(volume, pack, members, lambda some: None)


def test_the_same_ct_is_searched_once(made):
    searches = Searches()
    same = Volume(VOLUME.values.copy(), VOLUME.affine.copy())
    assert ask(searches) == ask(searches, same) == 1
    assert len(made) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"volume": Volume(VOLUME.values + 1, VOLUME.affine)},
        {"volume": Volume(VOLUME.values.reshape(2, 4, 3), VOLUME.affine)},
        {"volume": Volume(VOLUME.values, 2 * VOLUME.affine)},
        {"volume": Volume(VOLUME.values.astype(np.uint16), VOLUME.affine)},
        {"pack": "b"},
        {"members": (0,)},
    ],
    ids=["voxels", "shape", "place", "type", "pack", "members"],
)
def test_anything_else_is_searched_anew(made, changed):
    searches = Searches()
    assert ask(searches) != ask(searches, **changed)
    assert len(made) == 2


def test_the_search_asked_for_longest_ago_is_forgotten(made):
    searches = Searches(most=2)
    for pack in ("a", "b", "a", "c"):
        ask(searches, pack=pack)
    assert len(made) == 3
    ask(searches, pack="a")
    assert len(made) == 3
    ask(searches, pack="b")
    assert len(made) == 4
