"""Names of channels, and the places their sealed content is bound to."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from suwen.records.keys import Secrets

if TYPE_CHECKING:
    from suwen.core.streams import Channel


def number_of(secrets: Secrets, patient: str, channel: Channel) -> int:
    """Return the number of a channel: 63 bits of a keyed hash."""
    return _number(secrets, patient, *channel)


@lru_cache(maxsize=65536)
def _number(secrets: Secrets, patient: str, code: str, unit: str, device: str) -> int:
    return int(secrets.hashed(f"channel|{patient}|{code}|{unit}|{device}")[:16], 16) >> 1


def code_of(secrets: Secrets, patient: str, code: str) -> str:
    """Return the keyed hash of a quantity's code, another one for every patient."""
    return secrets.hashed(f"stream|{patient}|{code}")


def place_of_channel(number: int) -> str:
    """Return the associated data of a channel's row."""
    return f"channel|{number}"


def place_of_chunk(number: int, first: int, step: int, part: str = "content") -> str:
    """Return the associated data of a chunk's content or outline."""
    return f"chunk|{number}|{first}|{step}|{part}"
