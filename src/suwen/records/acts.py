"""Acts: the words of the decision log, and how an entry names what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from suwen.core.errors import BadInput
from suwen.core.nouns import canonical, digest_of
from suwen.records.policy import Action

RESERVED = frozenset(
    {"denied", "read", "blob", "search", "history", "case", "list", "log-read", "put", "put-blobs"}
    | {"delete", "register", "break-glass", "review", "share", "person-added", "person-changed"}
    | {"master-key-rotated", "data-key-rotated", "patient-key-destroyed"}
    | {"de-identified", "re-identified"}
    | {"alert-raised", "alert-cleared", "alert-escalated", "alert-paged", "alerts-listed"}
    | {"alert-acknowledged", "alert-snoozed", "alert-rule-tried", "alert-rule-enabled"}
    | {"alert-rule-disabled", "alert-budget-exceeded", "ward-defined", "ward-placed"}
    | {"page-tested"}
    | {"readings-put", "streams-opened", "streams-thinned"}
    | {"device-added", "device-renewed", "device-revoked", "device-sent", "set-aside-read"}
    | {"upload-received", "upload-read"}
)
"""Acts only the store itself writes into the log."""
SIGNING = frozenset({"signed", "withdrawn"})
LISTED = 100
"""References named one by one in a log entry; more are named by their count and digest."""
REASON_CHARACTERS = (3, 2000)


@dataclass(frozen=True)
class Entry:
    """A decision to be logged in the same transaction as the resources of a put.

    Parameters
    ----------
    of
        The place in the list of resources whose reference is the decision's subject.
    detail
        References, digests, versions; what stands under `reason`, `text` or `comment` is kept
        sealed outside the log.
    """

    act: str
    of: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True)
class Version:
    """One version of a record: when it was written, and whether it says "deleted"."""

    reference: str
    at: datetime
    deleted: bool


def may_log(act: str) -> None:
    """Raise `BadInput` when `act` is one only the store itself writes into the log."""
    if act in RESERVED or not act:
        raise BadInput(f"the act {act[:32]!r} is the store's own", "another name", "rename it")


def action_of(act: str) -> Action:
    """Return what the policy must allow for this act to be logged."""
    return "sign" if act in SIGNING else "decide"


def check_reason(reason: str) -> None:
    """Raise `BadInput` when what was given is no usable reason."""
    low, high = REASON_CHARACTERS
    if not low <= len(reason.strip()) <= high:
        raise BadInput("no usable reason was given", f"{low} to {high} characters", "say why")


def many(references: Sequence[str]) -> dict[str, Any]:
    """Return how a log entry names many references."""
    named: dict[str, Any] = {"n": len(references)}
    if len(references) <= LISTED:
        return named | {"references": list(references)}
    return named | {"digest": digest_of(canonical(list(references)))}
