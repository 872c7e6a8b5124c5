"""What a page says: rule, bed, last readings, and the location where the patient shares it.

No name of a patient leaves the house: the bed or the end of the store's own id tells who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from suwen.core.codes import Language, Text
from suwen.records.alert_book import Page

SHORT_ID: Final = 8
PRIORITIES: Final[Mapping[str, Text]] = {
    "high": Text(en="RED", zh="红色"),
    "medium": Text(en="Amber", zh="黄色"),
    "low": Text(en="Notice", zh="提示"),
}
SUPPORT: Final = Text(
    en="Decision support, to be confirmed by a clinician.", zh="仅供决策支持，须由临床人员确认。"
)
NEXT: Final = "Nobody has acknowledged it yet.", "尚无人确认。"


def title(page: Page, language: Language) -> str:
    """Return the first line of a page."""
    one = page.alert
    name = Text(**one.content["name"]).of(language)
    colour = PRIORITIES.get(one.priority, PRIORITIES["low"]).of(language)
    return f"{colour}: {name} - {_where(page, language)}"


def body(page: Page, language: Language) -> str:
    """Return the rest of a page."""
    one, zh = page.alert, language == "zh"
    content = one.content
    unit = _unit(str(content.get("unit", "")))
    lines = []
    if "value" in content:
        lines.append(f"{content['value']:g} {unit}, {_clock(one.at.isoformat())}")
    else:
        said = "最后一次数据" if zh else "last data"
        lines.append(f"{said}: {_clock(str(content.get('since', '')))}")
    if readings := content.get("readings"):
        shown = ", ".join(f"{value:g} ({_clock(at)})" for at, value in readings)
        lines.append(f"{'最近读数' if zh else 'Last readings'}: {shown} {unit}")
    if location := _location(page):
        lines.append(f"{'位置' if zh else 'Location'}: {location}")
    if page.step > 1:
        lines.append(NEXT[zh])
    lines.append(SUPPORT.of(language))
    return "\n".join(lines)


def _where(page: Page, language: Language) -> str:
    place = page.place
    if place is not None and place.ward:
        return f"{place.ward} {place.bed}".strip()
    short = page.alert.patient[-SHORT_ID:]
    return f"患者 {short}" if language == "zh" else f"patient {short}"


def _location(page: Page) -> str:
    shared: Mapping[str, Any] = (page.place.location if page.place else None) or {}
    parts = [str(shared.get("text", ""))]
    if "latitude" in shared:
        parts.append(f"{shared['latitude']:.5f}, {shared['longitude']:.5f}")
    told = "; ".join(part for part in parts if part)
    return f"{told} ({_clock(str(shared['at']))})" if told else ""


def _clock(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone():%m-%d %H:%M:%S}"
    except ValueError:
        return text


def _unit(code: str) -> str:
    return code.replace("mm[Hg]", "mmHg").replace("Cel", "°C")
