"""An export among the files of a folder: its vital signs that were measured now and then.

A folder is read for a report, and what reports rest on is a record: of a watch's day-long heart
rate nothing is taken (`suwen import` stores it), of a cuff, a scale or a meter everything.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import tzinfo
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.streams import Reading
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.importing import DAY, samples_of
from suwen.gateway.devices.quantities import clinical, quantities
from suwen.gateway.devices.record import PER_DAY, resources
from suwen.gateway.devices.sample import Problems, Source
from suwen.gateway.intake import Reading as Intake
from suwen.gateway.intake import SourceFile
from suwen.gateway.vitals import vocabulary

HEAD: Final = 4096
_APPLE: Final = re.compile(rb"<!DOCTYPE\s+HealthData\b|<HealthData[\s>]")
_OTHERWISE: Final = ("FHIR R4", "CSV")
"""Formats a folder has its own reader for."""
_MEDIA: Final = {"Apple Health": "application/xml", "Garmin FIT": "application/octet-stream"}


def may_be_export(data: bytes) -> bool:
    """Say whether a file may be a device's export, by its beginning."""
    head = data[:HEAD]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return b'"resourceType"' not in head
    return head[8:12] == b".FIT" or bool(start == b"<" and _APPLE.search(head))


def read_export(file: SourceFile, data: bytes, reading: Intake, zone: tzinfo | None) -> bool:
    """Add the vital signs of an export; say whether it is one.

    Parameters
    ----------
    file, data
        The file and its bytes.
    reading
        What has been read of the folder.
    zone
        Zone of local times; None: an export that has such times is refused.
    """
    problems = Problems()
    source = Source(file.name, len(data), lambda: io.BytesIO(data), zone)
    try:
        name, samples = samples_of(source, problems)
    except BadInput:
        return False
    if name in _OTHERWISE:
        return False
    days: dict[tuple[object, int], list[Reading]] = {}
    others: Counter[str] = Counter()
    try:
        for one in Converter(problems).readings(samples):
            key = quantities().by_code[one.channel.code]
            if not clinical(key):
                others[key] += 1
                continue
            kept = days.setdefault((one.channel, one.tick // DAY), [])
            if len(kept) <= PER_DAY:
                kept.append(one)
    except BadInput as error:
        reading.refuse(file.name, str(error), f"未读完：{error}")
    _refusals(file, problems, reading)
    found = [one for kept in days.values() if len(kept) <= PER_DAY for one in kept]
    _accept(file, name, found, reading)
    if others or len(found) < sum(map(len, days.values())):
        reading.refuse(
            file.name,
            "what was measured all day long was left out; the page Device data and suwen import "
            "store it",
            "全天连续测量的数据未读取；请使用“设备数据”页面或 suwen import",
        )
    return True


def _refusals(file: SourceFile, problems: Problems, reading: Intake) -> None:
    for reason, told in problems.refused.items():
        reading.refuse(file.name, f"{told.count} × {reason.en}", f"{told.count} × {reason.zh}")


def _accept(file: SourceFile, name: str, found: list[Reading], reading: Intake) -> None:
    if not found:
        return
    blob = file.blob(_MEDIA.get(name, "application/json"))
    reading.blobs.append(blob)
    vitals = vocabulary().vitals
    reading.resources.extend(
        {**one, "meta": {"source": f"blob/{blob.digest}"}} for one in resources(found)
    )
    counts = Counter(quantities().by_code[one.channel.code] for one in found)
    listed = Text(
        en=", ".join(f"{n} {vitals[key].text.en.lower()}" for key, n in sorted(counts.items())),
        zh="，".join(f"{vitals[key].text.zh} {n}" for key, n in sorted(counts.items())),
    )
    reading.accept(f"{name}: {listed.en}", f"{name}：{listed.zh}")
