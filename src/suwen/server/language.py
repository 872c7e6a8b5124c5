"""The language of a request, and the workbench's own sentences in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from babel.dates import format_timedelta

from suwen.core.codes import Language, Text
from suwen.diagnosis import language as sentences

FOLDER = Path(__file__).parent / "translations"
COOKIE = "suwen_language"
LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}


def say(language: Language, text: str, /, **values: object) -> str:
    """Return the page text `text` in `language`, its `%(name)s` filled from `values`."""
    return sentences.say(language, text, FOLDER, **values)


def page_text(text: str) -> Text:
    """Return the page text `text` in both languages."""
    return Text(en=text, zh=say("zh", text))


def chosen(cookie: str | None, accept: str | None, default: Language) -> Language:
    """Return the language of a request: the cookie, else Accept-Language, else the setting."""
    if cookie in get_args(Language):
        return cast(Language, cookie)
    for part in (accept or "").split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in get_args(Language):
            return cast(Language, tag)
    return default


def moment(at: datetime) -> str:
    """Return a date and time in the server's time zone, the same in both languages."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def age(language: Language, at: datetime) -> str:
    """Return how long ago `at` was, for example `3 hours ago`."""
    return str(
        format_timedelta(at - datetime.now(UTC), add_direction=True, locale=LOCALES[language])
    )
