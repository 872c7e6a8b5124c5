"""Pages: who sends them, and what one says: rule, bed, last readings, a location that is shared.

No name of a patient leaves the house: the bed or the end of the store's own id tells who it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from suwen.core.codes import Language, Text
from suwen.core.errors import Busy, NotFound
from suwen.gateway.notifier import Notifier, Sent
from suwen.records import Store
from suwen.records.alerts.pages import Page

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


BETWEEN_TESTS_S: Final = 30.0
TEST: Final = Text(en="Test: no alert", zh="测试：并非报警")
TEST_BODY: Final = Text(
    en="{asker} tries whether pages of the ward {ward} reach you. Nothing has to be done.",
    zh="{asker} 正在测试病区 {ward} 的呼叫能否送达您，无需处理。",
)


class Pager:
    """Sends pages to persons, each in their own language."""

    def __init__(self, store: Store, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier
        self._tested: dict[str, float] = {}
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Load what sends, so that the first page is not late."""
        self._notifier.warm()

    def services(self, person: str) -> list[str]:
        """Return by which services a person is reached, without the addresses."""
        return self._notifier.services(person)

    def send(self, page: Page) -> str:
        """Send one page; return what became of it, as `Pages.told` takes it."""
        if page.alert.acknowledged is not None:
            return "dropped"
        try:
            language = self._store.person(page.person).language
        except NotFound:
            return "failed"
        first, text = title(page, language), body(page, language)
        return self._notifier.send(page.person, first, text, page.alert.priority)

    def test(self, person: str, asker: str, ward: str) -> Sent:
        """Send a person a page that says it is a test, and by whom.

        Raises
        ------
        NotFound
            No such person.
        Busy
            The person was sent a test in the last `BETWEEN_TESTS_S` seconds.
        """
        with self._lock:
            now = time.monotonic()
            wait = self._tested.get(person, -float("inf")) + BETWEEN_TESTS_S - now
            if wait > 0:
                raise Busy(wait, whole=False)
            self._tested[person] = now
        language = self._store.person(person).language
        text = TEST_BODY.of(language).format(asker=asker, ward=ward)
        return self._notifier.send(person, TEST.of(language), text, "low")


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
