"""Where data sets lie: folders searched in order, or one given as a test set; their tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suwen.core.errors import BadInput, NotFound
from suwen.core.settings import settings


def read_table(path: Path, *columns: str) -> list[dict[str, str]]:
    """Return the rows of a CSV table with a header, as texts; row i stands in line i + 2.

    Raises
    ------
    BadInput
        A column of `columns` is missing; others may be there.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise BadInput(
                f"{path.name} without the column {', '.join(missing)}",
                f"the columns {', '.join(columns)}",
                "compare the header with the data set's README",
            )
        return list(reader)


@dataclass(frozen=True)
class DataFolders:
    """The folders of `SUWEN_DATA`, searched from left to right.

    Parameters
    ----------
    folders
        Roots that hold data sets under their relative paths (`imaging/lidc_voi`).
    test
        When given, the only root: the same relative paths and formats as an independent test set.
    """

    folders: tuple[Path, ...]
    test: Path | None = None

    @classmethod
    def from_settings(cls, test: Path | None = None) -> DataFolders:
        """Take the folders of `SUWEN_DATA`."""
        return cls(settings().data, test)

    @property
    def roots(self) -> Sequence[Path]:
        """Folders that are searched."""
        return self.folders if self.test is None else (self.test,)

    def find(self, name: str) -> Path:
        """Return the first existing path called `name` (relative, with slashes).

        Raises
        ------
        NotFound
            It is in none of the folders.
        BadInput
            `name` leads out of the folders.
        """
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BadInput("a data set name that leaves the data folders", "a relative path")
        for root in self.roots:
            if (path := root / name).exists():
                return path
        where = ", ".join(str(root) for root in self.roots) or "no folder at all"
        todo = (
            "set SUWEN_DATA to the folders that hold it, separated by ':'"
            if self.test is None
            else "give --test-data a folder with the same relative paths as the training data"
        )
        raise NotFound(f"no data set {name!r}; looked in {where}", f"a folder with {name}", todo)

    def have(self, name: str) -> bool:
        """Say whether `name` is in one of the folders."""
        return any((root / name).exists() for root in self.roots)
