"""What tells a visit's talk and the note drafted from it from other documents of a patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from suwen.core.codes import SUWEN, VISIT_TALK

SYSTEM: Final = f"{SUWEN}/codes"
NOTE_CODE: Final = "visit-note"
TALK_CODE: Final = VISIT_TALK.code
PRELIMINARY: Final = "preliminary"


def is_talk(content: Mapping[str, Any]) -> bool:
    """Say whether a resource is the talk of a visit, which is no note."""
    return _coded(content, TALK_CODE)


def is_note(content: Mapping[str, Any]) -> bool:
    """Say whether a resource is a note of a visit kept here, draft or not."""
    return _coded(content, NOTE_CODE)


def is_draft(content: Mapping[str, Any]) -> bool:
    """Say whether a resource is such a note that nobody confirmed."""
    return is_note(content) and content.get("status") == PRELIMINARY


def _coded(content: Mapping[str, Any], code: str) -> bool:
    return any(
        coding.get("system") == SYSTEM and coding.get("code") == code
        for category in content.get("category") or ()
        if isinstance(category, dict)
        for coding in category.get("coding") or ()
    )
