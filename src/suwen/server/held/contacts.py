"""How persons are paged, and whether a page reaches them: what the server asks for."""

from __future__ import annotations

from typing import Literal, Protocol


class Contacts(Protocol):
    """What can page persons. Their addresses hold secrets, so they are told to nobody."""

    def services(self, person: str) -> list[str]:
        """Return the services of a person's addresses; empty for somebody who has none."""
        ...

    def test(self, person: str, asker: str, ward: str) -> Literal["sent", "failed"]:
        """Send a person a page that says it is a test of a ward's pages, and who asked for it.

        Raises
        ------
        Busy
            The same person was sent a test a moment ago.
        """
        ...


class NoContacts:
    """A server that pages nobody: none has an address."""

    def services(self, person: str) -> list[str]:
        """Return none."""
        return []

    def test(self, person: str, asker: str, ward: str) -> Literal["sent", "failed"]:
        """Reach nobody."""
        return "failed"
