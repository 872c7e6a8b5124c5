"""The files of an export: a file, a folder, or a ZIP archive as phones and Takeout write them.

Archives are read in place, member by member, and never unpacked onto the disk. An archive that
blows up more than any export does is refused before it is read.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO, Final, cast

from suwen.core.errors import BadInput, NotFound, UnsafeInput
from suwen.gateway.devices.sample import Source

FILE_CAP: Final = 50_000
"""Most files of one export."""
RATIO_CAP: Final = 200
"""Most bytes one compressed byte may become; exports become 20 to 60."""


def sources(path: Path, zone: tzinfo | None) -> Iterator[Source]:
    """Yield the files of a folder in sorted order, or the one file; links are not followed.

    Raises
    ------
    NotFound
        There is no such file or folder.
    BadInput
        More than `FILE_CAP` files, or an archive that is broken.
    UnsafeInput
        An archive that blows up.
    """
    if not path.exists():
        raise NotFound("no such file or folder", "an export of a device", "check the path")
    yield from unpacked(
        Source(name, one.stat().st_size, _opening(one), zone) for one, name in _paths(path)
    )


def unpacked(files: Iterable[Source]) -> Iterator[Source]:
    """Yield files, and in the place of an archive those in it.

    Raises
    ------
    BadInput
        More than `FILE_CAP` files, or an archive that is broken.
    UnsafeInput
        An archive that blows up.
    """
    for count, one in enumerate(files, 1):
        if count > FILE_CAP:
            raise BadInput(f"more than {FILE_CAP} files", "the export of one person", "")
        if _is_archive(one):
            with one.open() as file:
                yield from _members(file, one)
        else:
            yield one


def _paths(path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_file():
        yield path, path.name
        return
    for folder, below, names in os.walk(path):
        below.sort()
        for name in sorted(names):
            one = Path(folder) / name
            if not one.is_symlink() and one.is_file():
                yield one, one.relative_to(path).as_posix()


def _opening(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _is_archive(one: Source) -> bool:
    try:
        with one.open() as file:
            return zipfile.is_zipfile(file)
    except OSError:
        return False


def _members(file: BinaryIO, whole: Source) -> Iterator[Source]:
    """Yield the files in an archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if len(members) > FILE_CAP:
                raise BadInput(f"more than {FILE_CAP} files", "the export of one person", "")
            for one in sorted(members, key=lambda one: one.filename):
                if one.file_size > RATIO_CAP * max(one.compress_size, 1024):
                    raise UnsafeInput(
                        f"an archive that blows up more than {RATIO_CAP} times",
                        "the archive a phone or Takeout wrote",
                        "check where it is from",
                    )
                name = f"{whole.name}/{one.filename}"
                yield Source(name, one.file_size, _member(archive, one), whole.zone)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
        raise BadInput(
            "an archive that is broken or has a password", "a whole ZIP archive", "write it again"
        ) from None


def _member(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.open(one))
