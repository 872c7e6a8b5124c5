"""A folder that is there whole or not at all: made beside its place, then put there."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suwen.core.errors import StorageUnavailable


@contextmanager
def appearing(target: Path, what: str) -> Iterator[Path]:
    """Yield a private folder that becomes `target` when the block ends; with an error in it none.

    Raises
    ------
    StorageUnavailable
        The folder cannot be written; `what` it holds is named.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True, mode=0o700)
        yield part
        part.replace(target)
    except OSError as error:
        raise StorageUnavailable(
            f"{what} cannot be written ({type(error).__name__})",
            "a folder with room for it",
            "choose another place",
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
