"""What an open store holds: database, policy, keys, blobs, decision log and people.

Everything below the store is written against this; `Store` adds who may do what with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suwen.core.nouns import Decision
from suwen.records.blobs import BlobFolder
from suwen.records.database import Database
from suwen.records.keys import MasterKeySource, Secrets
from suwen.records.log import Act, Log
from suwen.records.people import People
from suwen.records.policy import Policy
from suwen.records.vault import Vault
from suwen.records.work import Work


class Holdings:
    """The parts of one installation's records. Safe to share between threads."""

    def __init__(self, home: Path, url: str, master_key: str = "") -> None:
        self.home = home
        self.database = Database(url)
        try:
            self.database.migrate()
            self.policy = Policy.load(home)
            self.vault = Vault(self.database, MasterKeySource(master_key, home))
            self.blobs = BlobFolder(home / "blobs")
            self.log = Log(self.database, self.secrets.log_seal, home / "decisions.anchor")
            self.people = People(self.secrets.people)
            self.log.begin()
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    @property
    def secrets(self) -> Secrets:
        """Keyed hashes and own ids of this store."""
        return self.vault.secrets

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Yield one unit of work: what it writes and what it logs are committed together."""
        with self.database.transaction() as connection:
            work = Work(connection, self.log)
            yield work
        if work.head is not None:
            self.log.anchor(work.head)

    def note(self, person: str, act: str, detail: Mapping[str, Any]) -> Decision:
        """Log an act that concerns no patient: a sign-in, a lock-out, a change of settings."""
        with self.work() as work:
            return work.log(Act(person, act, "", f"Person/{person}", "administration", detail))
