"""Breast ultrasound with labels: BUSI as whole pictures, BreastMNIST as 28-pixel thumbnails.

References: Al-Dhabyani et al., Data in Brief 28:104863, 2020 (BUSI); Yang et al., Scientific Data
10:41, 2023 (MedMNIST v2, which made BreastMNIST from BUSI: the two may never be mixed).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from suwen.core.errors import BadInput, NotFound
from suwen.imaging.breast import overlays
from suwen.imaging.pictures.picture import Floats, PlanarInput, levelled, read_picture, resized
from suwen.imaging.reading.tags import tag_columns
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Array, Examples, Sample, Source

BUSI: Final = "imaging/busi"
BREASTMNIST: Final = "imaging/breastmnist/breastmnist.npz"
LABELS: Final = ("normal", "benign", "malignant")
"""What the column `label` holds, in the order of the task's classes."""
TWO_LABELS: Final = frozenset({"benign/benign (433).jpg", "malignant/malignant (145).jpg"})
"""One and the same picture under both labels: neither is used."""
MALIGNANT: Final = 0
"""What BreastMNIST calls malignant; 1 is benign or normal, which it does not tell apart."""
ALIKE: Final = 3.0
"""Thumbnails closer than this on average, in grey levels of 256, may show one patient."""

NO_PATIENTS: Final = (
    "No patient is named: near-duplicates stay together, but other pictures of one patient may lie "
    "on both sides of a split, which makes every figure look better than on new patients."
)
BUSI_SOURCE: Final = Source(
    name="BUSI breast ultrasound",
    url="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    licence="CC BY 4.0 per some mirrors, CC0 per others; the authors' own page was not confirmed",
    citation="Al-Dhabyani et al., Data in Brief 28:104863, 2020",
    shippable=True,
    limits=(
        "Women of 25 to 75 years from one hospital in Cairo, 2018; two machines of one maker.",
        NO_PATIENTS,
        "Labels are those of the data set; which were proven by biopsy is not recorded, and some "
        "have been called into question (Pawłowska et al., Data in Brief 48:109247, 2023).",
        "Pictures were squeezed into squares of 256 pixels, so aspect ratio and scale are lost.",
        "More than a quarter of the pictures show cancer: far more than in screening.",
        "Calipers stand on benign pictures far more often than on malignant ones; they are painted "
        "over before training and in use, but how a picture was framed may still tell.",
    ),
)
MNIST_SOURCE: Final = Source(
    name="BreastMNIST (MedMNIST v2)",
    url="https://medmnist.com",
    licence="CC BY 4.0",
    citation="Yang et al., Scientific Data 10:41, 2023",
    shippable=True,
    limits=(
        "Thumbnails of 28 pixels made from BUSI: a yardstick for methods, of no clinical use.",
        NO_PATIENTS,
        "Benign and normal are one label; the pack never names benign.",
        "The file was rebuilt from a public copy; only its sizes could be checked.",
    ),
)


def busi(data: DataFolders, clean: bool = True) -> Examples:
    """Return the pictures of BUSI, near-duplicates in one group, with their marks painted over.

    Raises
    ------
    NotFound
        The data set is in none of the folders, or none of its pictures.
    BadInput
        `index.csv` lacks a column or names another label.
    """
    root = data.find(BUSI)
    rows = _index(root)
    paths = [root / row["file"] for row in rows]
    pictures = [read_picture(path) for path in paths]
    marks = [overlays.found_in(picture) for picture in pictures]
    shown = [
        overlays.filled(picture, found.strokes) if clean else picture
        for picture, found in zip(pictures, marks, strict=True)
    ]
    return Examples(
        source=BUSI_SOURCE,
        keys=tuple(row["file"] for row in rows),
        groups=np.array([row["group"] for row in rows]),
        labels=np.array([LABELS.index(row["label"]) for row in rows]),
        load=lambda i: Sample(key=rows[i]["file"], data=PlanarInput(shown[i])),
        columns={
            "marks": np.array([_marked(found) for found in marks]),
        },
        tags=tag_columns(root, [row["file"] for row in rows]),
        floors={"darkness": darkness(shown)},
    )


def _marked(found: overlays.Marks) -> str:
    if found.calipers:
        return "calipers"
    return "text" if found.words else "none"


def _index(root: Path) -> list[dict[str, str]]:
    found = []
    rows = read_table(root / "index.csv", "file", "label", "group")
    for line, row in enumerate(rows, start=2):
        if row["label"] not in LABELS:
            raise BadInput(f"index.csv line {line}: another label", f"one of {LABELS}")
        if row["file"] not in TWO_LABELS and (root / row["file"]).is_file():
            found.append(row)
    if not found:
        raise NotFound(
            "index.csv names no picture that is there",
            "the folders benign, malignant and normal beside it",
            "check that the data set was unpacked completely",
        )
    return found


def darkness(pictures: Sequence[Floats]) -> Array:
    """Return a trivial score of each picture: how dark its middle is, (n,).

    A tumour is mostly darker than the tissue around it and stands in the middle of its picture.
    """
    found = []
    for picture in pictures:
        height, width = picture.shape
        middle = levelled(picture)[height // 4 : -(height // 4), width // 4 : -(width // 4)]
        found.append(-float(middle.mean()))
    return np.round(found, 6)


def breastmnist(data: DataFolders) -> Examples:
    """Return the thumbnails: training and validation parts, or as a test set the test part.

    Raises
    ------
    NotFound
        The file is in none of the folders, or lacks the wanted part.
    BadInput
        An array has another shape, or another label stands in it.
    """
    parts = ("train", "val") if data.test is None else ("test",)
    path = data.find(BREASTMNIST)
    with np.load(path, allow_pickle=False) as stored:
        content = {name: stored[name] for name in stored.files}
    images, labels = (_joined(content, parts, kind) for kind in ("images", "labels"))
    labels = labels.ravel()
    if images.ndim != 3 or len(images) != len(labels) or not np.isin(labels, (0, 1)).all():
        raise BadInput(
            f"breastmnist.npz with images {images.shape} and labels {labels.shape}",
            "images (n, 28, 28) and labels 0 or 1",
            "use the file of MedMNIST v2",
        )
    pictures = [np.asarray(image, dtype=np.float32) / np.float32(255) for image in images]
    means = np.array([picture.mean() for picture in pictures])
    names = [f"{'-'.join(parts)}/{i}" for i in range(len(images))]
    return Examples(
        source=MNIST_SOURCE,
        keys=tuple(names),
        groups=np.array([f"breastmnist {number}" for number in alike(pictures)]),
        labels=np.where(labels == MALIGNANT, LABELS.index("malignant"), 0),
        columns={
            "brightness": np.array(["dark", "bright"])[(means > np.median(means)).astype(int)]
        },
        tags=tag_columns(path.parent, names),
        load=lambda i: Sample(key=names[i], data=PlanarInput(pictures[i])),
        floors={"darkness": darkness(pictures)},
        lacks=(LABELS.index("benign"),),
    )


def _joined(content: Mapping[str, Array], parts: Sequence[str], kind: str) -> Array:
    names = [f"{part}_{kind}" for part in parts]
    if missing := [name for name in names if name not in content]:
        raise NotFound(
            f"breastmnist.npz without {missing}",
            f"the arrays {names}",
            "use the file of MedMNIST v2, with its test part as an independent test set",
        )
    return np.concatenate([content[name] for name in names])


def alike(pictures: Sequence[Floats]) -> NDArray[np.int32]:
    """Return a number for each picture (n,); near-duplicates, directly or by chain, share one."""
    small = np.stack([resized(picture, (16, 16)).ravel() for picture in pictures]) * 255
    close = scipy.spatial.distance.cdist(small, small, "cityblock") / small.shape[1] < ALIKE
    found: NDArray[np.int32] = scipy.sparse.csgraph.connected_components(
        sparse.csr_matrix(close), directed=False
    )[1]
    return found
