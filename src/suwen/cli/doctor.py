"""`suwen doctor`: what is installed, what works, and what to do about each problem."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

NEEDED_FREE_MB = 1024
EXTRAS = {
    "ocr": ("rapidocr", "to find text burned into images when they are de-identified"),
    "train": ("torch", "to train"),
    "dev": ("pytest", "to develop"),
}
"""Module by which an extra is known, and what it is for."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: `good` is None when it is optional and absent."""

    name: str
    good: bool | None
    says: str
    todo: str = ""


def command() -> None:
    """Check installation, home, keys, database, decision log, packs and data folders."""
    failed = 0
    for check in checks():
        sign = {True: "ok", False: "PROBLEM", None: "absent"}[check.good]
        typer.echo(f"{sign:>8}  {check.name}: {check.says}")
        if check.good is False:
            failed += 1
        if check.todo and not check.good:
            typer.echo(f"{'':>8}  -> {check.todo}")
    if failed:
        raise typer.Exit(1)


def checks() -> Iterator[Check]:
    """Yield every check; a check that raises a SuwenError is a problem with that error's advice."""
    yield from _installation()
    yield from _guarded("settings", _settings)
    yield from _guarded("home", _home)
    yield from _guarded("records", _records)
    yield from _guarded("packs", _packs)
    yield from _guarded("data", _data)


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    from suwen.core.errors import SuwenError

    try:
        yield from check()
    except SuwenError as error:
        yield Check(name, False, error.got, error.todo)


def _installation() -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, requires, version
    from importlib.util import find_spec

    import suwen

    running = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), running, "install Python 3.11 or newer")
    missing = []
    for line in requires("suwen") or []:
        if "extra ==" in line:
            continue
        name = line.split(">")[0].split("[")[0].strip()
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    yield Check(
        "suwen",
        not missing,
        f"{suwen.__version__}, missing: {', '.join(missing)}" if missing else suwen.__version__,
        "pip install -c constraints.txt -e .",
    )
    for extra, (module, purpose) in EXTRAS.items():
        present = find_spec(module) is not None
        yield Check(
            f"extra [{extra}]",
            present or None,
            "installed" if present else f"not installed (needed only {purpose})",
            f"pip install -c constraints.txt -e '.[{extra}]'",
        )
    try:
        import lightgbm  # noqa: F401
    except OSError:
        yield Check("openmp", False, "libgomp.so.1 is missing", "apt-get install libgomp1")


def _settings() -> Iterator[Check]:
    from suwen.core.settings import settings, unknown_variables

    settings()
    strange = unknown_variables(os.environ)
    for name, like in strange.items():
        todo = f"did you mean {like}? " if like else ""
        yield Check("settings", False, f"{name} is no setting", f"{todo}`suwen settings` lists all")
    if not strange:
        yield Check("settings", True, "every SUWEN_* variable is one")


def _home() -> Iterator[Check]:
    from suwen.core.settings import settings

    home = settings().home
    if not home.exists():
        yield Check("home", None, f"{home} does not exist yet", "it is made at first use")
        home = next(parent for parent in home.parents if parent.exists())
    else:
        mode = home.stat().st_mode & 0o777
        yield Check("home", not mode & 0o077, f"{home}, mode {mode:04o}", f"chmod 700 {home}")
    free = shutil.disk_usage(home).free // 2**20
    yield Check(
        "disk", free >= NEEDED_FREE_MB, f"{free} MiB free", "free some space or move SUWEN_HOME"
    )


def _records() -> Iterator[Check]:
    from suwen.core.settings import settings
    from suwen.records.blobstore import tidy
    from suwen.records.store import Store

    if not settings().database_url and not (settings().home / "suwen.sqlite").exists():
        yield Check("records", None, "no database yet", "it is made at first use")
        return
    with Store.open(settings()) as store:
        counts = store.counts()
        yield Check("keys", True, "the master key opens the store")
        yield Check("database", True, f"{counts['patients']} patients, schema up to date")
        removed = tidy(store)
        yield Check("blobs", True, f"{removed} files that a crash left removed")
        verification = store.log.verify()
        yield Check(
            "decision log",
            verification.intact,
            f"{counts['decisions']} entries" + ("" if verification.intact else ", not intact"),
            "suwen audit verify names the line; keep the disk as it is and restore from backup",
        )


def _packs() -> Iterator[Check]:
    from suwen.core import registry
    from suwen.core.errors import SuwenError
    from suwen.lifecycle import golden, packs

    for task in registry.tasks():
        try:
            pack = packs.current(task.name)
            problems = golden.check(task, pack)
        except SuwenError as error:
            yield Check(task.name, False, error.got, error.todo)
            continue
        says = (
            "; ".join(problems)
            or f"{pack.settings['version']}, {pack.sha256[:12]}, golden cases agree"
        )
        todo = "reinstall the pack; if it stays, this processor computes differently: tell us"
        yield Check(task.name, not problems, says, todo)


def _data() -> Iterator[Check]:
    from suwen.core.settings import settings

    folders = settings().data
    if not folders:
        todo = "set SUWEN_DATA to train, to evaluate or to see real nodules in the demo"
        yield Check("data", None, "SUWEN_DATA names no folder", todo)
    for folder in folders:
        yield Check("data", folder.is_dir(), f"{folder}{_sets(folder)}", "correct SUWEN_DATA")


def _sets(folder: Path) -> str:
    found = sorted(
        path.parent.relative_to(folder).as_posix() for path in folder.glob("*/*/README.md")
    )
    return f": {len(found)} data sets" if found else ""
