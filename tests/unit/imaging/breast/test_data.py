"""Labelled breast pictures: groups, labels, the picture with two labels, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from suwen.core.errors import BadInput, NotFound
from suwen.imaging.breast import data as breast_data
from suwen.imaging.breast.task import BreastUltrasound
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure import figures as measure

TASK = BreastUltrasound()


def grey(seed, edge=96):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(20, 160, (12, 12)).astype(np.uint8))
    return np.asarray(small.resize((edge, edge), Image.Resampling.BICUBIC))


@pytest.fixture
def busi(tmp_path):
    """A tiny BUSI: the picture with two labels, and a caliper on one benign picture."""
    root = tmp_path / "imaging" / "busi"
    rows = [
        ("benign", "benign (1)", "benign/benign (1)"),
        ("benign", "benign (2)", "benign/benign (1)"),
        ("benign", "benign (433)", "benign/benign (433)"),
        ("malignant", "malignant (1)", "malignant/malignant (1)"),
        ("malignant", "malignant (145)", "benign/benign (433)"),
        ("normal", "normal (1)", "normal/normal (1)"),
    ]
    lines = ["file,label,group"]
    for number, (label, name, group) in enumerate(rows):
        (root / label).mkdir(parents=True, exist_ok=True)
        picture = grey(number, 256)
        if name == "benign (2)":
            for x in (100, 180):
                picture = picture.copy()
                picture[125:132, x : x + 1] = 250
                picture[128:129, x - 3 : x + 4] = 250
        Image.fromarray(picture).save(root / label / f"{name}.jpg", quality=98)
        lines.append(f"{label}/{name}.jpg,{label},{group}")
    (root / "index.csv").write_text("\n".join(lines))
    return DataFolders((tmp_path,))


def thumbnails(folder, parts, labels=(0, 1, 1)):
    target = folder / "imaging" / "breastmnist"
    target.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part in parts:
        images = np.stack([grey(10 + k, 28) for k in range(len(labels))])
        arrays |= {f"{part}_images": images, f"{part}_labels": np.array(labels)[:, None]}
    np.savez(target / "breastmnist.npz", **arrays)
    return target


def test_near_duplicates_share_a_group_and_the_picture_with_two_labels_is_left_out(busi):
    found = TASK.examples(busi, "busi")
    assert [key.split("/")[1] for key in found.keys] == [
        "benign (1).jpg", "benign (2).jpg", "malignant (1).jpg", "normal (1).jpg",
    ]  # fmt: skip
    assert found.labels.tolist() == [1, 1, 2, 0]
    assert found.groups[0] == found.groups[1]
    assert len(set(found.groups)) == 3
    assert found.columns["marks"].tolist() == ["none", "calipers", "none", "none"]
    measure.check_examples(TASK, found)


def test_calipers_are_painted_over_unless_the_marked_pictures_are_asked_for(busi):
    clean, marked = TASK.examples(busi, "busi"), TASK.examples(busi, "busi_marked")
    before, after = marked.load(1).data.image, clean.load(1).data.image
    assert before[128, 100] > 0.8 > after[128, 100]
    assert np.array_equal(marked.load(0).data.image, clean.load(0).data.image)


def test_an_index_with_another_label_or_without_a_column_is_refused(busi):
    path = busi.folders[0] / "imaging" / "busi" / "index.csv"
    text = path.read_text()
    path.write_text(text.replace("jpg,normal,", "jpg,odd,"))
    with pytest.raises(BadInput, match="line 7: another label"):
        TASK.examples(busi, "busi")
    path.write_text(text.replace("file,label,group", "file,label,patient"))
    with pytest.raises(BadInput, match="group"):
        TASK.examples(busi, "busi")


def test_an_index_of_pictures_that_are_not_there_is_refused(busi):
    path = busi.folders[0] / "imaging" / "busi" / "index.csv"
    path.write_text("file,label,group\nbenign/gone.jpg,benign,a\n")
    with pytest.raises(NotFound, match="no picture that is there"):
        TASK.examples(busi, "busi")


def test_thumbnails_know_malignant_and_not_and_say_that_benign_is_lacking(tmp_path):
    thumbnails(tmp_path, ("train", "val"))
    found = TASK.examples(DataFolders((tmp_path,)), "breastmnist")
    assert found.labels.tolist() == [2, 0, 0, 2, 0, 0]
    assert found.lacks == (1,)
    assert len(set(found.groups)) == 3, "the validation part repeats the training part here"
    measure.check_examples(TASK, found)
    assert found.load(0).data.image.shape == (28, 28)


def test_the_independent_part_is_the_test_arrays_of_the_same_file(tmp_path):
    thumbnails(tmp_path, ("train", "val", "test"), (1, 0))
    found = TASK.examples(DataFolders((), tmp_path), "breastmnist")
    assert found.labels.tolist() == [0, 2]
    assert found.keys[0].startswith("test/")


def test_thumbnails_without_the_wanted_part_or_with_another_label_are_refused(tmp_path):
    thumbnails(tmp_path, ("train",))
    with pytest.raises(NotFound, match="val_images"):
        TASK.examples(DataFolders((tmp_path,)), "breastmnist")
    thumbnails(tmp_path, ("train", "val"), (0, 1, 7))
    with pytest.raises(BadInput, match="labels"):
        TASK.examples(DataFolders((tmp_path,)), "breastmnist")


def test_pictures_alike_by_a_chain_share_a_number():
    first = grey(1, 28) / 255
    chain = [first, first + 2.5 / 255, first + 5.0 / 255, grey(2, 28) / 255]
    assert breast_data.alike([one.astype(np.float32) for one in chain]).tolist() == [0, 0, 0, 1]


def test_the_darker_the_middle_the_higher_the_trivial_score():
    light = np.full((40, 40), 0.6, np.float32)
    light[0], light[-1] = 0.0, 1.0
    dark = light.copy()
    dark[15:25, 15:25] = 0.1
    low, high = breast_data.darkness([light, dark])
    assert low < high
