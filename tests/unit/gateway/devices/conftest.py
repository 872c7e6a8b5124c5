"""Reads bytes as a device's export: its format, its readings, what was refused, how it ended."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suwen.core.errors import BadInput
from suwen.core.streams import Reading
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.importing import samples_of
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.sample import Problems, Source

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass
class Read:
    """What a file gave: `values` holds (quantity, value, UTC time) in the order of the file."""

    format: str = ""
    readings: list[Reading] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    error: BadInput | None = None

    @property
    def values(self) -> list[tuple[str, float, str]]:
        return [
            (
                quantities().by_code[one.channel.code],
                one.value,
                one.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            )
            for one in self.readings
        ]

    @property
    def refused(self) -> dict[str, int]:
        return {reason.en: told.count for reason, told in self.problems.refused.items()}

    @property
    def left(self) -> dict[str, int]:
        return {reason.en: told.count for reason, told in self.problems.left.items()}


def read_bytes(data: bytes, zone: str = "", name: str = "export", born: str = "") -> Read:
    out = Read()
    out.problems.born = born
    known = ZoneInfo(zone) if zone else None
    source = Source(name, len(data), lambda: io.BytesIO(data), known)
    try:
        out.format, samples = samples_of(source, out.problems)
        for reading in Converter(out.problems, NOW).readings(samples):
            out.readings.append(reading)
    except BadInput as error:
        out.error = error
    return out


@pytest.fixture
def read() -> Callable[..., Read]:
    """A function that reads an export: bytes, text, or a JSON value."""

    def run(content: Any, zone: str = "", name: str = "export", born: str = "") -> Read:
        if isinstance(content, str):
            content = content.encode()
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        return read_bytes(content, zone, name, born)

    return run
