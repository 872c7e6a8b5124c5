"""Pages out of the house: a person's own addresses, by apprise. Nothing is sent unless configured.

Addresses stand in `alert-contacts.toml` in SUWEN_HOME, mode 0600, since they hold secrets:

    [contact]
    "nurse.amy" = ["ntfys://topic@ntfy.example.org"]
    "dr.lin" = ["mailtos://...", "jsons://paging.example.org/in"]
"""

from __future__ import annotations

import logging
import re
import stat
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from suwen.core.errors import BadInput

FILE: Final = "alert-contacts.toml"
KINDS: Final = {"high": "failure", "medium": "warning"}
"""Kinds of apprise by priority; others are information."""
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]{0,31}")
Sent = Literal["sent", "failed"]


class Notifier:
    """Sends pages to the addresses of persons.

    Parameters
    ----------
    contacts
        Addresses by person, as apprise takes them.
    """

    def __init__(self, contacts: Mapping[str, Sequence[str]] | None = None) -> None:
        self._known: Mapping[str, Sequence[str]] = dict(contacts or {})
        self._path: Path | None = None
        self._written = 0

    @classmethod
    def of(cls, home: Path) -> Notifier:
        """Read the addresses of a SUWEN_HOME; none where there is no file.

        The file is read again when it was written again; one that cannot be used then changes
        nothing, and whoever keeps the system finds that in the program's log.

        Raises
        ------
        BadInput
            The file may be read by others, or is not as described above.
        """
        made = cls()
        made._path = home / FILE
        made._written = _written(made._path)
        made._known = _read(made._path)
        return made

    @property
    def _contacts(self) -> Mapping[str, Sequence[str]]:
        if self._path is not None and (written := _written(self._path)) != self._written:
            self._written = written
            try:
                self._known = _read(self._path)
            except BadInput as error:
                logging.getLogger("suwen.alerts").error("addresses stay as they were: %s", error)
        return self._known

    def warm(self) -> None:
        """Load what sends, so that the first page is not late."""
        if self._contacts:
            _apprise()

    def reaches(self, person: str) -> bool:
        """Whether a person has an address at all."""
        return bool(self._contacts.get(person))

    def services(self, person: str) -> list[str]:
        """Return the services of a person's addresses (`ntfys`): the rest of them is secret."""
        schemes = (url.partition(":")[0] for url in self._contacts.get(person, ()))
        return sorted({one for one in schemes if SCHEME.fullmatch(one)})

    def send(self, person: str, title: str, body: str, priority: str) -> Sent:
        """Send one page; `failed` where the person has no address or none of them took it."""
        urls = self._contacts.get(person, ())
        if not urls:
            return "failed"
        apprise = _apprise()
        kind = apprise.NotifyType(KINDS.get(priority, "info"))
        known = [one for url in urls if (one := apprise.Apprise.instantiate(url))]
        taken = [one.notify(title=title, body=body, notify_type=kind) for one in known]
        return "sent" if any(taken) else "failed"


def _written(path: Path) -> int:
    """Return when a file was written, or its mode changed, last (ns); 0 for none."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0


def _read(path: Path) -> dict[str, list[str]]:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadInput(f"{FILE} may be read by other users", "mode 0600", f"chmod 600 {FILE}")
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("contact", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unusable(type(error).__name__) from None
    if not all(isinstance(urls, list) for urls in rows.values()):
        raise _unusable("no list")
    return {str(name): [str(url) for url in urls] for name, urls in rows.items()}


@lru_cache(maxsize=1)
def _apprise() -> Any:
    """Return apprise with its services loaded, which takes a second the first time."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its log names addresses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it tries imghdr
        apprise.Apprise.instantiate("json://localhost")
    return apprise


def _unusable(why: str) -> BadInput:
    return BadInput(
        f"{FILE} cannot be used ({why})",
        'lines as "dr.lin" = ["json://..."] under [contact]',
        "correct or remove it",
    )
