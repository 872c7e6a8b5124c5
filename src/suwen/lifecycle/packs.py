"""Which pack answers a task now: folders of `SUWEN_PACKS`, then `SUWEN_HOME/packs`, then shipped.

A root holds packs one or two folders deep (`<task>/<version>/pack.toml` or `<name>/pack.toml`). The
first root with a pack for the task wins, in it the newest version. A pack trained on the first of
the task's data sets answers Cases; one trained on another is there to be measured on that.
Nothing is promoted by itself: a person installs a pack.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import suwen
from suwen.core import registry
from suwen.core.errors import BadInput, Conflict, IntegrityError, NotFound, StorageUnavailable
from suwen.core.settings import settings
from suwen.lifecycle import golden
from suwen.lifecycle.pack import SETTINGS, Pack
from suwen.lifecycle.sealed import keys
from suwen.lifecycle.sealed.manifest import MANIFEST, SIGNATURE, seal

KEPT = 64
"""Packs kept loaded: more than answer one patient, or each patient would have all loaded anew."""


def shipped() -> list[Path]:
    """Return the `packs/` folders of the rooms."""
    return sorted(Path(suwen.__file__).parent.glob("*/packs"))


def roots() -> list[Path]:
    """Return the folders searched for packs, in order."""
    return [*settings().packs, settings().home / "packs", *shipped()]


def folders(root: Path) -> list[Path]:
    """Return the pack folders below one root."""
    found = [*root.glob(f"*/{SETTINGS}"), *root.glob(f"*/*/{SETTINGS}")]
    return sorted(path.parent for path in found if not path.parent.name.startswith("."))


def _described(folder: Path) -> tuple[str, str, str, str]:
    """Return task, name, version and data set; empty when `pack.toml` cannot be read."""
    try:
        changed = (folder / SETTINGS).stat()
        return _read(folder / SETTINGS, changed.st_mtime_ns, changed.st_size)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, KeyError, OSError):
        return "", "", "", ""


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> tuple[str, str, str, str]:
    content = tomllib.loads(path.read_text())
    named = (str(content[key]) for key in ("task", "name", "version"))
    return (*named, str(content.get("dataset", "")))  # type: ignore[return-value]


def installed() -> Iterator[tuple[Path, str, str]]:
    """Yield (folder, task, version) of every pack that can be found, verified or not."""
    for root in roots():
        for folder in folders(root):
            task, _, version, _ = _described(folder)
            yield folder, task, version


def current_folder(task: str, dataset: str = "") -> Path:
    """Return the folder of the pack that answers `task` now.

    With `dataset` the one to be measured on that data set: trained on it if there is one, else
    the one that answers Cases.

    Raises
    ------
    NotFound
        There is none.
    """
    own = [
        [folder for folder in folders(root) if _described(folder)[0] == task] for root in roots()
    ]
    first = _first_dataset(task)
    for wanted in dict.fromkeys([dataset, first] if dataset else [first]):
        for found in own:
            if made_for := [one for one in found if wanted in ("", _described(one)[3])]:
                return _newest(made_for)
    where = ", ".join(map(str, roots()))
    raise NotFound(
        f"no pack for {task}; looked in {where}",
        "a folder with pack.toml for this task",
        f"train one (`suwen train {task}`) and install it (`suwen packs install RUN`)",
    )


def in_use(folder: Path) -> bool:
    """Say whether the pack in `folder` answers Cases, or is the one measured on its data set."""
    task, _, _, dataset = _described(folder)
    return bool(task) and current_folder(task, dataset) == folder


def _newest(own: Sequence[Path]) -> Path:
    return max(own, key=lambda folder: _described(folder)[2])


def _first_dataset(task: str) -> str:
    """Return the data set whose pack answers Cases; empty for a task that is not known."""
    try:
        return str(registry.find(task).datasets[0])
    except NotFound:
        return ""


@lru_cache(maxsize=KEPT)
def _loaded(folder: Path, changed: int) -> Pack:
    pack = Pack.load(folder)
    if any(folder.is_relative_to(root) for root in shipped()):
        check_shippable(pack)
    return pack


def check_shippable(pack: Pack) -> None:
    """Check that the data a pack was trained on let its weights be handed on.

    Raises
    ------
    IntegrityError
        They do not: such a pack may lie in `SUWEN_HOME`, never among those that ship.
    """
    if not pack.content("card.json").get("data", {}).get("shippable", True):
        raise IntegrityError(
            f"the pack {pack.folder.name} among those that ship, trained on data that may not",
            "packs whose data allow it; others in SUWEN_HOME",
            "take it out of there; for use here: suwen packs install FOLDER",
        )


def current(task: str, dataset: str = "") -> Pack:
    """Return the verified pack that answers `task` now; verified again when its manifest changes.

    `dataset` as for `current_folder`.

    Raises
    ------
    NotFound
        There is none.
    IntegrityError
        The pack is not what was signed, or ships and may not.
    """
    folder = current_folder(task, dataset)
    stamp = folder / MANIFEST
    return _loaded(folder, stamp.stat().st_mtime_ns if stamp.exists() else 0)


def find(identity: str) -> Pack:
    """Return the verified pack with exactly this identity (`name@version+sha256`).

    Raises
    ------
    NotFound
        It is not installed here any more.
    """
    name, _, rest = identity.partition("@")
    for folder, _, version in installed():
        if _described(folder)[1] == name and rest.startswith(f"{version}+"):
            pack = Pack.load(folder)
            if pack.identity == identity:
                return pack
    raise NotFound(
        f"the pack {identity.rpartition('+')[0]} with digest {identity[-64:][:12]} is not here",
        "the pack the decision was made with",
        "install it again from its source or backup",
    )


def sign(folder: Path) -> Pack:
    """Sign a draft with the key of this installation, after its golden cases agree.

    A pack that bears a signature already must be intact and its signer trusted: what somebody
    changed afterwards is not signed anew.

    Raises
    ------
    BadInput
        A golden case differs.
    IntegrityError
        It was changed after it was signed, or its signer is not trusted.
    NotFound
        There is no pack in `folder`.
    """
    signed = (folder / SIGNATURE).exists() or not (folder / SETTINGS).is_file()
    pack = Pack.load(folder) if signed else Pack.draft(folder)
    if problems := golden.check(registry.find(pack.task), pack):
        raise BadInput(
            problems[0],
            "golden cases that agree",
            "do not use this draft; make it again on this machine",
        )
    seal(folder, keys.signing_key(settings().home))
    return Pack.load(folder)


def install(folder: Path) -> Path:
    """Verify a pack and copy it to `SUWEN_HOME/packs/<task>/<version>`; return where it lies.

    Raises
    ------
    Conflict
        A pack of that version is installed already.
    StorageUnavailable
        The disk is full; nothing was half installed.
    """
    pack = Pack.load(folder)
    target = settings().home / "packs" / pack.task / str(pack.settings["version"])
    if target.exists():
        raise Conflict(f"{target} is there already", "a new version", "remove it first if it must")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    try:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        Pack.load(partial)
        return partial.rename(target)
    except (OSError, shutil.Error) as error:
        taken = target.exists()
        raise (Conflict if taken else StorageUnavailable)(
            f"{target} could not be written ({'it is there already' if taken else error})",
            "room on the disk and no second writer",
            "see `suwen packs list`, free some space, then install again",
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
