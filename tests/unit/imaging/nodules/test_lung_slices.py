"""Labelled lung slices are read with their nodules; broken tables give one clear error."""

import numpy as np
import pytest
from PIL import Image

from suwen.core.errors import BadInput
from suwen.imaging.detection.scan import places_of, slice_volume
from suwen.imaging.detection.task import blobs
from suwen.imaging.nodules.lung_slices import read_slices
from suwen.lifecycle.data import DataFolders

IMAGES = "image,width,height,patient_id,series_uid,group,split\n"
BOXES = "image,luna_row,role,x0,y0,x1,y1\n"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "imaging" / "luna16_slices"
    (root / "images").mkdir(parents=True)
    picture = np.zeros((40, 50), np.uint8)
    picture[20:26, 30:36] = 255
    Image.fromarray(picture).save(root / "images" / "a.jpg", quality=95)
    (root / "images.csv").write_text(
        IMAGES + "a.jpg,50,40,P1,1.2,P1,train\nmissing.jpg,50,40,P2,1.3,P2,val\n"
    )
    (root / "boxes.csv").write_text(
        BOXES + "a.jpg,1,primary,30,20,36,26\na.jpg,2,ignore,5,6,9,10\n"
    )
    return root


def folders(root):
    return DataFolders((root.parent.parent,))


def test_a_slice_comes_with_its_nodules_and_missing_pictures_are_left_out(folder):
    (one,) = read_slices(folders(folder))
    assert (one.name, one.patient, one.split) == ("a.jpg", "P1", "train")
    assert one.places.tolist() == [[33, 23, 6, 1], [7, 8, 4, 0]]
    assert one.hu.shape == (40, 50)
    assert one.hu.min() == pytest.approx(-1000, abs=30)
    assert one.hu[22, 32] == pytest.approx(400, abs=60)


def test_places_are_in_space_with_the_slice_at_height_zero(folder):
    (one,) = read_slices(folders(folder))
    assert places_of(one).tolist() == [[33, 23, 0, 6, 1], [7, 8, 0, 4, 0]]
    assert slice_volume(one).spacing == (1, 1, 1)
    assert slice_volume(one).to_point(np.array([0.0, 23.0, 33.0])).tolist() == [33, 23, 0]


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        ("images.csv", "image,width\na.jpg,50\n", "group"),
        ("boxes.csv", BOXES + "a.jpg,1,primary,30,twenty,36,26\n", "line 2"),
        ("boxes.csv", "image,x0\na.jpg,3\n", "without the column y0"),
    ],
)
def test_a_broken_table_is_named_with_its_line(folder, table, content, said):
    (folder / table).write_text(content)
    with pytest.raises(BadInput, match=said):
        read_slices(folders(folder))


def test_the_floor_marks_a_bright_round_spot_in_dark_lung():
    hu = np.full((80, 80), -850.0, np.float32)
    y, x = np.mgrid[:80, :80]
    hu[(y - 40) ** 2 + (x - 30) ** 2 < 16] = 30
    marks = blobs(hu)
    best = marks[marks[:, 0].argmax()]
    assert best[1:3] == pytest.approx([30, 40], abs=1)
    assert 4 < best[4] < 14
