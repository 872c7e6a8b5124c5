"""An error's sentences in the reader's language, those put together at run time included.

An error is one English sentence wherever it is raised, stored or logged. A page translates it when
it is shown: by the catalogue, or by the entry of the catalogue whose `%(a)s` places it fills.
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel.messages.pofile import read_po

from suwen.core.codes import Language
from suwen.diagnosis.language import DOMAIN
from suwen.server.language import FOLDER, say

PLACE = re.compile(r"%\((\w+)\)s")
COLONS = {"en": ": ", "zh": "："}
STOPS = {"en": ".", "zh": "。"}
QUOTES = "'\""


def told(language: Language, text: str) -> str:
    """Return an error's words in `language`; unknown words stay as they are."""
    translated = say(language, text)
    if language == "en" or translated != text:
        return translated
    for pattern, form in _forms(language):
        if match := pattern.fullmatch(text):
            values = {k: say(language, v.strip(QUOTES)) for k, v in match.groupdict().items()}
            return form % values
    return text


def sentence(language: Language, text: str, label: str = "") -> str:
    """Return an error's words as a sentence, after a label when there is one."""
    words = f"{label}{COLONS[language] if label else ''}{told(language, text).rstrip('.。')}"
    return words[:1].upper() + words[1:] + STOPS[language]


@lru_cache(maxsize=2)
def _forms(language: Language) -> list[tuple[re.Pattern[str], str]]:
    """Return the catalogue's texts with places as patterns, the most particular first."""
    with (FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        entries = [(str(e.id), str(e.string)) for e in read_po(source, locale=language)]
    found = []
    for text, translated in entries:
        parts = PLACE.split(text)
        if len(parts) > 1:
            fixed, names = parts[::2], parts[1::2]
            pattern = re.escape(fixed[0])
            for name, part in zip(names, fixed[1:], strict=True):
                pattern += f"(?P<{name}>.+?){re.escape(part)}"
            found.append((-len("".join(fixed)), re.compile(pattern, re.DOTALL), translated))
    return [(pattern, translated) for _, pattern, translated in sorted(found, key=lambda f: f[0])]
