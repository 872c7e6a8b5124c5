"""Write shipped packs again as this release keeps things; what they answer stays the same.

    python scripts/repack.py PACK...

Each PACK is a folder that a trusted key has signed. Trees are compressed, pictures of examples are
drawn again from their data set (SUWEN_DATA), plots keep few colours, the card states the new size.
A pack whose answers or golden cases are not what they were is left as it is. The others are signed
with the key of SUWEN_HOME.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from suwen.app import rooms
from suwen.core import registry
from suwen.core.settings import settings
from suwen.lifecycle import golden, packs
from suwen.lifecycle.card import page as card
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.plots import drawing
from suwen.lifecycle.reasons import similar
from suwen.lifecycle.sealed import keys, manifest, trees
from suwen.lifecycle.task import Task


def answers(task: Task, pack: Pack) -> list[Array]:
    """Return what a pack says of its golden cases, to the last digit."""
    return [
        np.asarray(task.predict(pack, sample).scores) for sample, _, _ in golden.cases(task, pack)
    ]


def repacked(task: Task, pack: Pack, folder: Path) -> Pack:
    """Write the pack into `folder` as this release keeps things, unsigned."""
    shutil.copytree(pack.folder, folder, ignore=shutil.ignore_patterns(*SEALS))
    trees.compress_in(folder)
    draft = Pack.draft(folder)
    if draft.pictures is not None:
        examples = task.examples(DataFolders.from_settings(), str(pack.settings["dataset"]))
        similar.add_pictures(task, examples, draft)
    for path in (folder / "plots").glob("*.png"):
        drawing.keep(Image.open(path), path)
    described = draft.content("card.json", needed=True)
    described["cost"]["pack_mb"] = size_of(folder) / 2**20
    with tempfile.TemporaryDirectory() as plots:
        shutil.copytree(folder / "plots", plots, dirs_exist_ok=True)
        card.write(described, folder, Path(plots))
    return Pack.draft(folder)


SEALS = (manifest.MANIFEST, manifest.SIGNATURE)


def size_of(folder: Path) -> int:
    """Return the bytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(folders: list[str]) -> None:
    """Write each pack again in its place."""
    rooms.load()
    for folder in map(Path, folders):
        pack = Pack.load(folder)
        packs.check_shippable(pack)
        task = registry.find(pack.task)
        with tempfile.TemporaryDirectory() as place:
            made = repacked(task, pack, Path(place) / folder.name)
            pairs = zip(answers(task, pack), answers(task, made), strict=True)
            if problems := golden.check(task, made):
                raise SystemExit(f"{folder}: {problems[0]}")
            if not all(np.array_equal(before, after) for before, after in pairs):
                raise SystemExit(f"{folder}: an answer is not what it was")
            before = size_of(folder)
            manifest.seal(made.folder, keys.signing_key(settings().home))
            shutil.rmtree(folder)
            shutil.copytree(made.folder, folder)
        said = f"{before} -> {size_of(folder)} bytes, {Pack.load(folder).identity}"
        sys.stdout.write(f"{folder.name}: {said}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
