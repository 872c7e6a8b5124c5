"""Wrapped volumes are valid CT series; the phantom holds what it says it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.imaging.dicom_objects import remarks_of

from suwen.core.errors import BadInput
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.phantom import Nodule, Phantom, Sheet, chest_phantom
from suwen.imaging.volumes.volume import Volume

NODULES = (
    Nodule((-78, 20, 10), 14, "spiculated"),
    Nodule((80, 35, -20), 8, "solid"),
    Nodule((-60, -30, 40), 18, "part-solid"),
    Nodule((70, -20, 50), 10, "ground-glass"),
)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return chest_phantom(7, NODULES)


def test_equal_seeds_give_equal_files_and_other_seeds_other_uids(small_volume: Volume) -> None:
    label = Label("LIDC-IDRI-0005", "LIDC-IDRI-0005", "crop 1")
    assert wrap_ct(small_volume, label) == wrap_ct(small_volume, label)
    other = wrap_ct(small_volume, Label("LIDC-IDRI-0005", "LIDC-IDRI-0005", "crop 2"))
    uids = [read_instance(data[0]).text("SOPInstanceUID")
            for data in (wrap_ct(small_volume, label), other)]  # fmt: skip
    assert uids[0] != uids[1]
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_a_volume_stored_head_first_is_turned_not_mirrored(small_volume: Volume) -> None:
    affine = small_volume.affine.copy()
    affine[:3, 0] *= -1
    files = wrap_ct(Volume(small_volume.values, affine), Label("A", "A", "down"))
    (series,) = assemble(read_instance(data) for data in files)
    volume = series.volume()
    for index in ((0, 0, 0), (7, 11, 15), (3, 2, 9)):
        point = affine[:3] @ [*index, 1]
        at = np.rint(volume.to_index(point)).astype(int)
        assert volume.values[tuple(at)] == small_volume.values[index]


def test_a_sheared_grid_is_refused(small_volume: Volume) -> None:
    affine = small_volume.affine.copy()
    affine[:3, 0] += [1, 0, 0]
    with pytest.raises(BadInput, match="sheared"):
        wrap_ct(Volume(small_volume.values, affine), Label("A", "A", "x"))


@pytest.mark.peer
def test_dciodvfy_finds_nothing_to_say_about_a_wrapped_slice(
    ct_files: list[bytes], tmp_path: Path
) -> None:
    assert remarks_of(ct_files[0], tmp_path) == ["CTImage"]


def test_the_phantom_follows_from_its_seed() -> None:
    small = {"shape": (40, 96, 96), "spacing": (5.0, 4.0, 4.0)}
    first, again, other = (chest_phantom(seed, (), **small) for seed in (3, 3, 4))
    assert np.array_equal(first.volume.values, again.volume.values)
    assert not np.array_equal(first.volume.values, other.volume.values)


def test_each_nodule_has_the_stated_size_and_density(phantom: Phantom) -> None:
    for nodule, mask in zip(NODULES, phantom.masks, strict=True):
        volume_mm3 = mask.sum() * phantom.volume.voxel_mm3
        assert (6 * volume_mm3 / np.pi) ** (1 / 3) == pytest.approx(nodule.diameter_mm, rel=0.06)
        centre = phantom.volume.to_point(np.argwhere(mask).mean(axis=0))
        assert np.linalg.norm(centre - nodule.centre) < 1.5
        middle = tuple(np.rint(phantom.volume.to_index(nodule.centre)).astype(int))
        density = float(phantom.volume.values[middle])
        if nodule.kind == "ground-glass":
            assert -700 < density < -400
        else:
            assert -60 < density < 140


def test_the_lungs_and_the_body_have_clinical_densities(phantom: Phantom) -> None:
    def around(point: tuple[float, float, float]) -> float:
        z, y, x = np.rint(phantom.volume.to_index(point)).astype(int)
        return float(np.median(phantom.volume.values[z - 1 : z + 2, y - 2 : y + 3, x - 2 : x + 3]))

    assert around((-95, -20, 20)) == pytest.approx(-850, abs=40)  # right lung
    assert around((20, -20, -40)) == pytest.approx(50, abs=25)  # heart
    assert around((0, 76, 13)) > 150  # vertebra
    assert around((0, 0, 70)) < -850  # trachea
    assert around((-172, 5, 0)) < -950  # room air


def test_a_nodule_outside_the_lungs_is_refused() -> None:
    with pytest.raises(BadInput, match="outside the phantom's lungs"):
        chest_phantom(1, (Nodule((0, 76, 0), 8),), (40, 96, 96), (5, 4, 4))


def test_a_drawn_fissure_is_a_faint_sheet_that_no_vessel_comes_near() -> None:
    sheet = Sheet(-1, 0.0, 0.9, inner_mm=60.0)
    small = {"shape": (80, 110, 110), "spacing": (3.0, 3.2, 3.2)}
    plain = chest_phantom(3, (), **small).volume
    drawn = chest_phantom(3, (), **small, fissures=(sheet,)).volume
    x, y, z = plain.to_point(np.argwhere(np.ones(plain.values.shape))).T
    inside = ((x + 72) / 50) ** 2 + (y / 70) ** 2 + (z / 60) ** 2 < 1
    away = np.abs(sheet.distance(z, y, x))
    on, beside = inside & (away < 0.5) & (x < -62), inside & (away > 3) & (away < 4.5) & (x < -62)
    values = drawn.values.ravel()
    assert 20 < np.median(values[on]) - np.median(values[beside]) < 100
    assert np.percentile(values[beside], 99) < -600
    missing = inside & (away < 0.5) & (x > -58)
    assert (values[missing] == plain.values.ravel()[missing]).all()
