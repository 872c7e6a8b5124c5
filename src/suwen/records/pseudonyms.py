"""Pseudonyms: who is behind them, sealed; finding out is an act of its own, allowed and logged.

One file a pseudonym in the folder `pseudonyms` of SUWEN_HOME, under a keyed name that says nothing
and sealed with a key that only the master key opens. A pseudonym belongs to a project, whose secret
is derived from the root secret: data of two projects cannot be joined.

Source: Regulation (EU) 2016/679 art. 4(5) (pseudonymisation: the additional information is kept
apart); ISO 25237:2017 section 5.1.5 (re-identification under policy, with a record).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from suwen.core.errors import BadInput, IntegrityError, NotFound
from suwen.core.nouns import canonical
from suwen.records import acts
from suwen.records.blobs import BlobFolder, opened, sealed
from suwen.records.gate import Gate
from suwen.records.people import Person

if TYPE_CHECKING:
    from suwen.records.store import Store

LONGEST: Final = 64
"""Most characters of a project's name or of a pseudonym."""


class Pseudonyms:
    """The acts of one person on the pseudonyms of one project. Made by `Store.pseudonyms`.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Store, person: Person, purpose: str, project: str) -> None:
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
        with self._gate.act("pseudonymise", "", "Project") as work:
            for name in names:
                place = self._place(name)
                content = sealed(self._store.secrets.pseudonyms, place, canonical(identities[name]))
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
            place = self._place(pseudonym)
            detail = {
                "project": secrets.hashed(f"project|{self.project}"),
                "reason_digest": secrets.content_digest(reason.encode()),
            }
            # Logged in any case: asking is the act.
            work.log(self._gate.entry("re-identified", "", subject, detail))
        try:
            stored = self._folder.read(secrets.file_name(place))
        except IntegrityError:
            raise NotFound(
                "no such pseudonym in this project", "one its data carry", "check both names"
            ) from None
        found: dict[str, Any] = json.loads(opened(secrets.pseudonyms, place, stored))
        return found

    def _place(self, pseudonym: str) -> str:
        return f"pseudonym|{self.project}|{pseudonym}"
