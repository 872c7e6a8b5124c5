"""Write TOML (v1.0): the standard library reads it but does not write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from suwen.core.errors import BadInput


def plain(value: Any) -> Any:
    """Return `value` made of dict, list, str, int, float and bool only; None entries are left out.

    Raises
    ------
    BadInput
        A value has no such form.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | int | float):
        return value
    raise BadInput(
        f"a value of type {type(value).__name__} in pack settings",
        "numbers, texts, lists and tables",
        "convert it before returning it from fit",
    )


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(repr(value), repr(value))
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(k)} = {_inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    """Return a basic string; JSON escapes are a subset of TOML's, except for delete (0x7f)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def dumps(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return `content` as TOML: tables for mappings, arrays of tables written in line."""
    content = plain(content)
    own = [
        f"{_text(key)} = {_inline(value)}"
        for key, value in content.items()
        if not isinstance(value, dict)
    ]
    parts = ["\n".join(own)] if own else []
    for key, value in content.items():
        if isinstance(value, dict):
            name = (*path, key)
            header = "[" + ".".join(_text(part) for part in name) + "]"
            parts.append(f"{header}\n{dumps(value, name)}".rstrip())
    return "\n\n".join(parts) + "\n"
