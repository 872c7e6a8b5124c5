"""Chest X-rays of children: normal, bacterial and viral pneumonia.

Reference: Kermany et al., Cell 172:1122-1131, 2018 (children of one to five years, Guangzhou).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput, NotFound
from suwen.imaging.pictures.picture import PlanarInput, levelled, read_picture
from suwen.imaging.reading.tags import tag_columns
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Examples, Sample, Source

KERMANY: Final = "imaging/kermany_cxr"
SUBTYPES: Final = ("normal", "bacteria", "virus")
"""What the column `subtype` holds, in the order of the task's classes."""
SOURCE: Final = Source(
    name="Kermany paediatric chest X-rays",
    url="https://data.mendeley.com/datasets/rscbjbr9sj",
    licence="CC BY 4.0",
    citation="Kermany et al., Cell 172:1122-1131, 2018",
    shippable=True,
    limits=(
        "Children of one to five years from one hospital; frontal views only.",
        "The kind of pneumonia is the label of the data set; how it was proven is not recorded.",
        "Three of four pictures show pneumonia: far more than in practice.",
        "Pictures were squeezed into squares and exported as JPEG, so their aspect ratio is lost.",
        "Normal and pneumonia pictures may come from different machines or years; training varies "
        "crop, aspect ratio, tone and sharpness so that this helps little, but cannot remove it.",
        "Whose pictures belong together is read from file names.",
    ),
)


@dataclass(frozen=True)
class Radiograph:
    """One row of `index.csv` whose picture is there."""

    path: Path
    person: str
    subtype: str

    @property
    def key(self) -> str:
        """Unique name: folder and file."""
        return f"{self.path.parent.name}/{self.path.name}"


def read_index(data: DataFolders) -> list[Radiograph]:
    """Return the pictures that are there: the training part, or as a test set the test part.

    Raises
    ------
    NotFound
        The data set is in none of the folders, or none of its pictures.
    BadInput
        `index.csv` lacks a column or names another subtype.
    """
    root = data.find(KERMANY)
    wanted = "train" if data.test is None else "test"
    found = []
    rows = read_table(root / "index.csv", "split", "label", "subtype", "person", "file")
    for line, row in enumerate(rows, start=2):
        path, subtype = root / row["split"] / row["label"] / row["file"], row["subtype"]
        if subtype not in SUBTYPES:
            raise BadInput(f"index.csv line {line}: another subtype", f"one of {SUBTYPES}")
        if row["split"] == wanted and path.is_file():
            found.append(Radiograph(path, row["person"], subtype))
    if not found:
        raise NotFound(
            f"index.csv names no picture of the part {wanted!r} that is there",
            f"{wanted}/NORMAL and {wanted}/PNEUMONIA beside it",
            "check that the data set was unpacked completely",
        )
    return found


def examples(data: DataFolders) -> Examples:
    """Return the pictures as examples, with their mean brightness as floor."""
    rows = read_index(data)
    brightness = [float(levelled(read_picture(row.path)).mean()) for row in rows]
    return Examples(
        source=SOURCE,
        keys=tuple(row.key for row in rows),
        groups=np.array([row.person for row in rows]),
        labels=np.array([SUBTYPES.index(row.subtype) for row in rows]),
        load=partial(_sample, rows),
        columns={"pictures": _counted([row.person for row in rows])},
        tags=tag_columns(data.find(KERMANY), [row.key for row in rows]),
        floors={"mean brightness": np.round(brightness, 6)},
    )


def _counted(people: list[str]) -> NDArray[np.str_]:
    """Return in words how many pictures there are of each picture's person, (n,)."""
    _, place, count = np.unique(people, return_inverse=True, return_counts=True)
    words = np.array(["one of the person", "two or three", "four or more"])
    return np.asarray(words[np.digitize(count[place], [2, 4])])


def _sample(rows: list[Radiograph], index: int) -> Sample:
    row = rows[index]
    return Sample(key=row.key, data=PlanarInput(read_picture(row.path)))
