"""How a mention or a fact is meant, as codes: whether it is there, when, and whose it is."""

from __future__ import annotations

from typing import Final

from suwen.core.codes import EXPERIENCER, PRESENCE, TEMPORALITY, Code, Text

_NAMES: Final = {
    PRESENCE: {
        "present": ("Present", "存在"),
        "absent": ("Denied or not found", "否认或未见"),
        "possible": ("Possible", "可能"),
        "conditional": ("Under a condition", "有条件"),
        "hypothetical": ("Hypothetical", "假设"),
    },
    TEMPORALITY: {"recent": ("Current", "当前"), "historical": ("In the past", "既往")},
    EXPERIENCER: {
        "patient": ("Patient", "患者本人"),
        "family": ("Family member", "家族成员"),
        "other": ("Another person", "他人"),
    },
}


def meant(system: str, code: str) -> Code:
    """Return the code of a presence, a time or a person."""
    en, zh = _NAMES[system][code]
    return Code(system=system, code=code, name=Text(en=en, zh=zh))


def meanings(presence: str, temporality: str, experiencer: str) -> tuple[Code, Code, Code]:
    """Return all three."""
    return (
        meant(PRESENCE, presence),
        meant(TEMPORALITY, temporality),
        meant(EXPERIENCER, experiencer),
    )
