"""The hash chain of the decision log: what breaks it, and verifying an exported log offline."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeGuard

from suwen.core.errors import BadInput, IntegrityError
from suwen.core.nouns import canonical

START = "0" * 64
"""The hash before the first entry."""


@dataclass(frozen=True)
class Flaw:
    """A line that is not as it was written, counted from 1, and what is wrong with it."""

    line: int
    what: str


@dataclass(frozen=True)
class Verification:
    """The result of verifying a log.

    Parameters
    ----------
    count
        Entries read.
    flaws
        Everything found wrong, by line.
    sealed
        Whether the seal of the head was checked too (needs the store's key).
    earlier
        Entries of the earlier export the log was compared with; None without one.
    """

    count: int
    flaws: tuple[Flaw, ...]
    sealed: bool
    earlier: int | None = None

    @property
    def intact(self) -> bool:
        """Whether nothing was edited, removed, inserted, reordered or replaced."""
        return not self.flaws


class Chain:
    """Walks lines in order and notes what breaks the chain."""

    def __init__(self) -> None:
        self.count = 0
        self.flaws: list[Flaw] = []
        self._previous = START
        self._sequence = 0
        self._hashes = [START]

    def add(self, text: str, sequence: int, previous: str, stated: str) -> None:
        """Take the next line: its canonical JSON without the hash, and what it states."""
        self.count += 1
        if sha256(text.encode()).hexdigest() != stated:
            self.flaw("edited: its hash does not match its fields")
        if sequence != self._sequence + 1:
            self.flaw(f"removed, inserted or reordered: number {sequence} follows {self._sequence}")
        elif previous != self._previous:
            self.flaw("edited, removed or inserted before it: it names another previous hash")
        self._previous, self._sequence = stated, sequence
        self._hashes.append(stated)

    def flaw(self, what: str, line: int | None = None) -> None:
        """Note what is wrong with a line, the current one by default."""
        self.flaws.append(Flaw(self.count if line is None else line, what))

    def spoilt(self) -> None:
        """Take a line that is no entry at all."""
        self.count += 1
        self._hashes.append("")
        self.flaw("edited: not an entry of the log in the form it was written")

    def check_anchor(
        self, name: str, anchor: Any, seal: Callable[[str], str] | None, *, whole: bool = False
    ) -> None:
        """Compare the lines with a head (count, hash, seal); `whole`: no line may follow it."""
        if not is_anchor(anchor):
            self.flaw(f"the {name} is missing or not whole; entries after this may be missing")
            return
        count, last, stated = anchor
        if seal is not None and not hmac.compare_digest(stated, seal(f"{count}|{last}")):
            self.flaw(f"the {name} was not sealed by this store")
        if count > self.count:
            self.flaw(f"removed: the {name} knows of {count} entries", self.count + 1)
        elif self._hashes[count] != last:
            self.flaw(f"edited: the {name} knows another hash", count)
        if whole and count < self.count:
            self.flaw(f"inserted: the {name} knows of {count} entries", count + 1)

    def check_beginning(self, export: Chain) -> None:
        """Note what is wrong with an earlier export, and where the lines do not begin with its."""
        for flaw in export.flaws:
            self.flaw(f"of the earlier export: {flaw.what}", flaw.line)
        for line, (own, other) in enumerate(zip(self._hashes, export._hashes, strict=False)):
            if own != other:
                self.flaw("replaced: the earlier export holds another entry", line)
                return
        if export.count > self.count:
            what = f"removed: the earlier export holds {export.count} entries"
            self.flaw(what, self.count + 1)


def verify_file(
    path: Path, seal: Callable[[str], str] | None = None, *, against: Path | None = None
) -> Verification:
    """Check an exported log without the store.

    Parameters
    ----------
    path
        The file `export` wrote.
    seal
        The store's keyed hash of heads (`Store.secrets.log_seal`), to check the seal as well.
    against
        An earlier export, with which this one must begin.

    Raises
    ------
    BadInput
        A file cannot be read.
    """
    chain = _read(path, seal)
    return verified(chain, seal, against)


def verified(chain: Chain, seal: Callable[[str], str] | None, against: Path | None) -> Verification:
    """Return what was found, after comparing with an earlier export where there is one.

    An old copy of the whole store is intact in itself, anchor included; it ends before an export
    made since, or goes on otherwise.

    Raises
    ------
    BadInput
        The export cannot be read.
    """
    earlier = None
    if against is not None:
        export = _read(against, seal)
        chain.check_beginning(export)
        earlier = export.count
    return Verification(chain.count, tuple(chain.flaws), seal is not None, earlier)


def _read(path: Path, seal: Callable[[str], str] | None) -> Chain:
    chain, anchor = Chain(), None
    try:
        with path.open(encoding="utf-8") as file:
            for text in file:
                anchor = _add_line(chain, text, anchor)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"the exported log cannot be read ({type(error).__name__})",
            "JSON Lines written by `suwen audit export`",
            "check the path",
        ) from None
    chain.check_anchor("last line", anchor, seal, whole=True)
    return chain


def _add_line(chain: Chain, text: str, anchor: Any) -> Any:
    try:
        entry = json.loads(text)
        if canonical(entry).decode() != text.removesuffix("\n"):
            chain.spoilt()  # A name given twice, say, would read one way and show another.
            return anchor
        if entry.keys() == {"anchor"}:
            return entry["anchor"]
        stated = entry.pop("hash")
        chain.add(canonical(entry).decode(), entry["sequence"], entry["previous"], stated)
    except (ValueError, KeyError, AttributeError, TypeError):
        chain.spoilt()
    return anchor


def is_anchor(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value has the form of a head: count, hash, seal."""
    return (
        isinstance(value, list)
        and [type(part) for part in value] == [int, str, str]
        and value[0] >= 0
    )


def anchor_in(text: bytes) -> list[Any] | None:
    """Return the head written in one slot of the anchor file, None when it is not whole."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if is_anchor(value) else None


def require_intact(verification: Verification) -> None:
    """Raise when a log is not intact.

    Raises
    ------
    IntegrityError
        Names the first line that is wrong.
    """
    if verification.flaws:
        first = verification.flaws[0]
        raise IntegrityError(
            f"the decision log is not intact: line {first.line}: {first.what}",
            "the log as it was written",
            "keep this copy as evidence and compare it with the last export",
        )
