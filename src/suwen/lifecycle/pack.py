"""A Pack: an answer to a Task, as a signed folder. Nothing in it is ever executed.

pack.toml         task, name, version, data set, recipe, settings of each member
member-K/         weights of member K: *.onnx, *.lgb.txt.gz
calibrator.json   score to probability, or value to interval: the one that ships, one a fold
thresholds.json   decision bands with their error budget and measured rates (choices, places)
prediction_sets.json  which classes remain possible, with stated coverage (choices)
guard.json        input domain
initialisers.json names and spreads of the ONNX weights, for the randomisation check
explain.json      what the explanation checks measured on development examples
gallery.npz       development examples as the networks see them, to name the most similar (choices)
gallery.json      what such neighbours are worth
gallery_pictures.npz  small pictures of them, where they may be passed on
golden/           input and expected output of a few examples
card.md card.json plots/
MANIFEST.json SIGNATURE.json
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from suwen.core.errors import BadInput, IntegrityError, NotFound
from suwen.core.settings import settings
from suwen.lifecycle.calibration.answers import Answers
from suwen.lifecycle.examples import Array
from suwen.lifecycle.sealed import keys as signing
from suwen.lifecycle.sealed import manifest, trees
from suwen.lifecycle.sealed.gallery import FILE as GALLERY
from suwen.lifecycle.sealed.gallery import Gallery
from suwen.lifecycle.sealed.gallery_pictures import FILE as PICTURES
from suwen.lifecycle.sealed.gallery_pictures import Pictures
from suwen.lifecycle.sealed.guard import Guard
from suwen.lifecycle.sealed.weights import Hear, Weights

SETTINGS = "pack.toml"
FORMAT = 1
DRAFT = "0" * 64
"""Manifest digest of a pack that is still being made."""


def member_folder(member: int) -> str:
    """Return the folder of one member inside the pack."""
    return f"member-{member}"


class Pack:
    """A verified pack. Build it with `load`; sessions and boosters open when first asked for."""

    def __init__(self, files: manifest.Files, sha256: str, randomised: int | None = None) -> None:
        self.folder = folder = files.folder
        self.sha256 = sha256
        self._files = files
        self.seed = randomised
        """What random weights are made from; None for a pack as it was signed."""
        self.settings: Mapping[str, Any] = tomllib.loads(files.read(SETTINGS).decode())
        if self.settings.get("format") != FORMAT:
            raise BadInput(
                f"the pack {folder.name} has format {self.settings.get('format')!r}",
                f"format {FORMAT}",
                "use the release of Suwen that made it, or train it again",
            )
        self.task = str(self.settings["task"])
        self.members = int(self.settings["members"])
        """Number of members of the ensemble; member k never saw fold k."""
        self._weights = Weights(files, self.content("initialisers.json"), randomised)
        self.answers = Answers(self.content, calibrated=(folder / "calibrator.json").is_file())
        """What the scores of its members mean."""

    @classmethod
    def load(cls, folder: Path, trusted: Mapping[str, Any] | None = None) -> Pack:
        """Verify signature and every byte of `folder`, then open it.

        Parameters
        ----------
        folder
            Folder with `pack.toml`.
        trusted
            Public keys by fingerprint; by default those shipped and those of `SUWEN_HOME`.

        Raises
        ------
        NotFound
            There is no pack in `folder`.
        IntegrityError
            A file was changed, added or removed, or the signer is not trusted.
        """
        if not (folder / SETTINGS).is_file():
            raise NotFound(f"no pack in {folder}", f"a folder with {SETTINGS}", "check the path")
        known = signing.trusted_keys(settings().home) if trusted is None else trusted
        sha256, files = manifest.verify(folder, known)
        return cls(files, sha256)

    @classmethod
    def draft(cls, folder: Path) -> Pack:
        """Open a pack that its own training run is still assembling, before it is signed."""
        return cls(manifest.Files(folder), DRAFT)

    @property
    def identity(self) -> str:
        """Name, version and manifest digest: `name@version+sha256`."""
        return f"{self.settings['name']}@{self.settings['version']}+{self.sha256}"

    def member(self, member: int) -> Mapping[str, Any]:
        """Return what `Task.fit` returned for one member (without its history)."""
        return dict(self.settings.get(member_folder(member), {}))

    def path(self, name: str, member: int | None = None) -> Path:
        """Return the path of a file, of the pack or of one member.

        Raises
        ------
        NotFound
            The pack has no such file.
        """
        folder = self.folder if member is None else self.folder / member_folder(member)
        path = folder / name
        if ".." in Path(name).parts or not path.is_file():
            raise NotFound(
                f"no file {path.name!r} in the pack {self.folder.name}",
                "a file named in its manifest",
                "use the pack with the version of the room that trained it",
            )
        return path

    def read(self, name: str, member: int | None = None) -> bytes:
        """Return the bytes of a file as they were signed, of the pack or of one member."""
        path = self.path(name, member)
        return self._files.read(path.relative_to(self.folder).as_posix())

    def session(self, name: str, member: int | None = None) -> Any:
        """Return the ONNX Runtime session of `name` (`net.onnx`), opened once, on one thread."""
        return self._weights.session(self.path(name, member))

    def run(
        self, files: Sequence[tuple[str, int]], output: str, feed: Mapping[str, Array]
    ) -> list[Array]:
        """Return one output of several networks, given as (name, member), for the same input.

        They run side by side on `SUWEN_THREADS` threads; see `Weights.run`.
        """
        return self._weights.run([self.path(name, k) for name, k in files], output, feed)

    def booster(self, name: str, member: int | None = None) -> Any:
        """Return the LightGBM booster of `name` (`trees.lgb.txt`), opened once.

        The file is kept compressed (`trees.lgb.txt.gz`), in packs of earlier releases as it is.
        """
        try:
            return self._weights.booster(self.path(name + trees.COMPRESSED, member))
        except NotFound:
            return self._weights.booster(self.path(name, member))

    def randomised(self, seed: int) -> Pack:
        """Return the same pack with every ONNX weight replaced by noise of the same spread.

        The splits and the leaves of its trees change places at random.

        For the model-randomisation check (Adebayo et al., NeurIPS 2018): an explanation that does
        not change when the weights do says nothing about the model.
        """
        return Pack(self._files, self.sha256, seed)

    def content(self, name: str, needed: bool = False) -> dict[str, Any]:
        """Return a JSON file of the pack (`card.json`); an empty dict when the pack has none.

        Raises
        ------
        IntegrityError
            It is `needed` and not there.
        """
        if (self.folder / name).is_file():
            return dict(json.loads(self._files.read(name)))
        if needed:
            raise IntegrityError(
                f"the pack {self.folder.name} has no {name}",
                f"a pack of a task that needs {name}",
                manifest.TODO,
            )
        return {}

    @cached_property
    def guard(self) -> Guard:
        """The input-domain guard."""
        return Guard.from_json(self.content("guard.json", needed=True))

    @cached_property
    def gallery(self) -> Gallery | None:
        """The development examples it can name as similar; None in a pack that keeps none."""
        if not (self.folder / GALLERY).is_file():
            return None
        return Gallery.from_bytes(self._files.read(GALLERY))

    @cached_property
    def pictures(self) -> Pictures | None:
        """Pictures of the gallery's examples, in its order; None in a pack that keeps none."""
        if self.gallery is None or not (self.folder / PICTURES).is_file():
            return None
        found = Pictures.from_bytes(self._files.read(PICTURES))
        if len(found) != len(self.gallery.keys):
            raise BadInput(
                f"{len(found)} pictures of {len(self.gallery.keys)} examples", "one of each"
            )
        return found


def overheard(pack: Pack, hear: Hear) -> Pack:
    """Return the same pack, telling `hear` the file and the input of each run of a network."""
    found = Pack(pack._files, pack.sha256)
    found._weights = Weights(pack._files, {}, hear=hear)
    return found
