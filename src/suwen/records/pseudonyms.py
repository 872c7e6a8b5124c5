"""Pseudonyms: who is behind them, sealed; finding out is an act of its own, allowed and logged.

Files in the folder `pseudonyms` of SUWEN_HOME, under keyed names that say nothing and sealed with a
key that only the master key opens. A file holds the pseudonyms of a project that begin alike, so
that a million people are a thousand files; a file of one pseudonym, as older versions wrote them,
is read as well. A pseudonym belongs to a project, whose secret is derived from the root secret:
data of two projects cannot be joined.

Source: Regulation (EU) 2016/679 art. 4(5) (pseudonymisation: the additional information is kept
apart); ISO 25237:2017 section 5.1.5 (re-identification under policy, with a record).
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import canonical
from suwen.records import acts
from suwen.records.blobs import BlobFolder, opened, sealed
from suwen.records.gate import Gate
from suwen.records.holdings import Holdings
from suwen.records.people import Person

BEGINNING: Final = 4
"""Characters of a pseudonym that those of one file share: `S-` and two, 1024 files a project."""
LONGEST: Final = 64
"""Most characters of a project's name or of a pseudonym."""


class Pseudonyms:
    """The acts of one person on the pseudonyms of one project. Made by `Store.pseudonyms`.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Holdings, person: Person, purpose: str, project: str) -> None:
        if not project.isprintable() or not 1 <= len(project) <= LONGEST:
            raise BadInput("no usable name of a project", f"1 to {LONGEST} characters", "name it")
        self.project = project
        self._store = store
        self._gate = Gate(store, person, purpose)
        self._folder = BlobFolder(store.home / "pseudonyms")

    def secret(self) -> bytes:
        """Return the 32 secret bytes all subject keys of the project are derived from."""
        with self._gate.act("pseudonymise", "", "Project"):
            return self._store.secrets.project(self.project)

    def keep(self, identities: Mapping[str, Mapping[str, Any]], detail: Mapping[str, Any]) -> None:
        """Seal who is behind each pseudonym, and log that data were de-identified.

        Parameters
        ----------
        identities
            By pseudonym, what names the person (JSON). A pseudonym kept before is overwritten.
        detail
            Counts for the decision log; no patient content.

        Raises
        ------
        StorageUnavailable
            They cannot be written.
        """
        names = sorted(identities)
        with self._gate.act("pseudonymise", "", "Project") as work, self._alone():
            for beginning, several in groupby(names, lambda name: name[:BEGINNING]):
                place = self._place(beginning)
                held = {**self._read(place), **{name: dict(identities[name]) for name in several}}
                content = sealed(self._store.secrets.pseudonyms, place, canonical(held))
                self._folder.write(self._store.secrets.file_name(place), content)
            digest = self._store.secrets.hashed(f"project|{self.project}")
            shown: Sequence[str] = names[: acts.LISTED]
            known = {"n": len(names), "pseudonyms": list(shown), "project": digest}
            work.log(self._gate.entry("de-identified", "", "Project", {**detail, **known}))

    def reidentify(self, pseudonym: str, reason: str) -> dict[str, Any]:
        """Return who is behind a pseudonym; the act and a digest of its reason are logged.

        Raises
        ------
        BadInput
            No usable reason is given.
        NotFound
            The project knows no such pseudonym.
        """
        acts.check_reason(reason)
        subject = f"Pseudonym/{pseudonym[:LONGEST]}"
        secrets = self._store.secrets
        with self._gate.act("reidentify", "", subject) as work:
            detail = {
                "project": secrets.hashed(f"project|{self.project}"),
                "reason_digest": secrets.content_digest(reason.encode()),
            }
            # Logged in any case: asking is the act.
            work.log(self._gate.entry("re-identified", "", subject, detail))
        found = self._read(self._place(pseudonym[:BEGINNING])).get(pseudonym)
        if found := found or self._read(f"pseudonym|{self.project}|{pseudonym}"):
            return found
        raise NotFound(
            "no such pseudonym in this project", "one its data carry", "check both names"
        )

    def _read(self, place: str) -> dict[str, Any]:
        """Return what a file holds, nothing where there is none."""
        name = self._store.secrets.file_name(place)
        if not self._folder.path(name).exists():
            return {}
        held = opened(self._store.secrets.pseudonyms, place, self._folder.read(name))
        content: dict[str, Any] = json.loads(held)
        return content

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until nobody else adds to the files, and hold them."""
        self._folder.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _place(self, beginning: str) -> str:
        return f"pseudonyms|{self.project}|{beginning}"
