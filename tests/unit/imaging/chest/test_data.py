"""The labelled chest X-rays: the part that is asked for, grouped by person."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from suwen.core.errors import BadInput, NotFound
from suwen.imaging.chest import data as chest_data
from suwen.lifecycle.data import DataFolders

ROWS = [
    ("train", "NORMAL", "normal", "N-1", "n1.jpeg"),
    ("train", "PNEUMONIA", "bacteria", "P1", "b1.jpeg"),
    ("train", "PNEUMONIA", "virus", "P1", "v1.jpeg"),
    ("test", "NORMAL", "normal", "N-2", "n2.jpeg"),
    ("test", "PNEUMONIA", "virus", "P2", "v2.jpeg"),
]


@pytest.fixture
def root(tmp_path):
    """Every training picture, and one of the two test pictures."""
    folder = tmp_path / chest_data.KERMANY
    for split, label, _, _, name in ROWS[:-1]:
        place = folder / split / label
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((24, 24), 90, np.uint8)).save(place / name)
    lines = [",".join(row) for row in [("split", "label", "subtype", "person", "file"), *ROWS]]
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_training_never_sees_the_test_part(root):
    found = chest_data.examples(DataFolders((root,)))
    assert found.keys == ("NORMAL/n1.jpeg", "PNEUMONIA/b1.jpeg", "PNEUMONIA/v1.jpeg")
    assert found.labels.tolist() == [0, 1, 2]
    assert found.groups.tolist() == ["N-1", "P1", "P1"]
    assert found.columns["pictures"].tolist()[0] == "one of the person"
    assert found.columns["pictures"].tolist()[1] == "two or three"


def test_a_test_folder_gives_the_test_pictures_that_are_there(root):
    found = chest_data.examples(DataFolders((), test=root))
    assert found.keys == ("NORMAL/n2.jpeg",)
    image = found.load(0).data.image
    assert image.shape == (24, 24)
    assert image.mean() == pytest.approx(90 / 255, abs=0.01)


def test_a_table_without_its_pictures_is_an_error(root):
    for path in (root / chest_data.KERMANY).rglob("*.jpeg"):
        path.unlink()
    with pytest.raises(NotFound, match="no picture"):
        chest_data.examples(DataFolders((root,)))


def test_a_table_without_a_column_names_it(root):
    (root / chest_data.KERMANY / "index.csv").write_text("split,label\ntrain,NORMAL\n")
    with pytest.raises(BadInput, match="person"):
        chest_data.examples(DataFolders((root,)))
