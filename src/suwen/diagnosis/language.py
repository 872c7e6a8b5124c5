"""Sentences in English and Chinese by gettext; the English text is the message id.

The catalogue is kept as a `.po` file only and compiled in memory, so that what a translator edits
is what runs. Any room above may load its own folder of the same layout
(`<folder>/<language>/LC_MESSAGES/suwen.po`) with `catalogue` and `say`.
"""

from __future__ import annotations

import gettext
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from suwen.core.codes import Language, Text

DOMAIN = "suwen"
FOLDER = Path(__file__).parent / "translations"


@lru_cache(maxsize=16)
def catalogue(language: Language, folder: Path = FOLDER) -> gettext.NullTranslations:
    """Return the translations of `language` in `folder` (English is the source, needs none).

    Raises
    ------
    FileNotFoundError
        The folder has no catalogue of that language.
    """
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (folder / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def message(text: str) -> str:
    """Mark a text for translation where it stands as data; `say` or `both` translates it later."""
    return text


def say(language: Language, text: str, folder: Path = FOLDER, /, **values: object) -> str:
    """Return `text` in `language`, its `%(name)s` filled from `values`.

    A value that is a `Text` is taken in the same language. Without values `text` is not formatted,
    so that a percent sign may stand alone.
    """
    translated = catalogue(language, folder).gettext(text)
    return translated % _in(language, values) if values else translated


def both(text: str, /, **values: object) -> Text:
    """Return `text` in both languages, filled as `say` does."""
    return Text(en=say("en", text, **values), zh=say("zh", text, **values))


def joined(parts: list[Text], en: str = "; ", zh: str = "；") -> Text:
    """Return the parts as one text, with the separator of each language."""
    return Text(en=en.join(part.en for part in parts), zh=zh.join(part.zh for part in parts))


def sentences(parts: list[Text]) -> Text:
    """Return the parts one after the other; Chinese sentences need no space between them."""
    return joined(parts, " ", "")


def same(text: str) -> Text:
    """Return a text that reads the same in both languages (a name, a number, quoted words)."""
    return Text(en=text, zh=text)


def moment(at: datetime) -> str:
    """Return a date and time as `2026-03-01 08:30 UTC`, with the offset when it is another zone."""
    zone = "UTC" if at.utcoffset() == UTC.utcoffset(None) else at.strftime("UTC%z")
    return f"{at:%Y-%m-%d %H:%M} {zone if at.tzinfo else ''}".rstrip()


def _in(language: Language, values: dict[str, object]) -> dict[str, object]:
    return {
        name: value.of(language) if isinstance(value, Text) else value
        for name, value in values.items()
    }
