"""Strict reading of FHIR JSON: nothing is guessed, nothing is lost.

Sources: RFC 8259 (JSON), RFC 7493 (I-JSON: no duplicate names, no lone surrogates), HL7 FHIR R4
section 2.6.2 (JSON: UTF-8, no empty values) and 2.24.0.1 (decimals keep their precision, strings
hold no control characters but tab, carriage return and line feed).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from suwen.core.errors import BadInput, UnsafeInput

SIZE_CAP = 256 * 1024 * 1024
"""Largest document read, in bytes."""
DEPTH_CAP = 100
"""Deepest nesting of objects and arrays read."""
DIGIT_CAP = 400
"""Longest number read, in characters."""

_ESCAPED_CONTROL = re.compile(r"\\(?:u00[01]|u[dD][89a-fA-F]|[bf])")
_BAD_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def _number_cap(text: str) -> None:
    if len(text) > DIGIT_CAP:
        raise UnsafeInput(f"a number of {len(text)} characters", f"at most {DIGIT_CAP}")


def _decimal(text: str) -> Decimal:
    _number_cap(text)
    return Decimal(text)


def _float(text: str) -> float:
    _number_cap(text)
    value = float(text)
    if math.isinf(value):
        raise BadInput("a number beyond the range of a double", "a number below 1.8e308")
    return value


def _integer(text: str) -> int:
    _number_cap(text)
    return int(text)


def _constant(name: str) -> NoReturn:
    raise BadInput(f"the constant {name}", "a JSON number", "send numbers as RFC 8259 writes them")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise BadInput(
            "a JSON object with the same name twice", "each name once", "remove the duplicate"
        )
    return content


def _decoder(number: Callable[[str], float | Decimal]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_float=number,
        parse_int=_integer,
        parse_constant=_constant,
    )


_FLOATS, DECIMALS = _decoder(_float), _decoder(_decimal)


def decode(data: bytes, exact: bool = False) -> Any:
    """Read one JSON document strictly.

    `exact` gives numbers with a point or exponent as `decimal.Decimal`, with every digit as written
    (`1.50`); otherwise they are floats, equal in value to 15 significant digits.

    Raises
    ------
    UnsafeInput
        Larger than `SIZE_CAP`, nested deeper than `DEPTH_CAP`, or an absurdly long number.
    BadInput
        Not UTF-8, not JSON, a name twice, NaN or Infinity, text after the document, or characters
        FHIR does not allow in strings.
    """
    text = text_of(data)
    try:
        decoder = DECIMALS if exact else _FLOATS
        value, end = decoder.raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
    except json.JSONDecodeError as error:
        raise BadInput(
            f"malformed JSON at line {error.lineno}, column {error.colno}",
            "one JSON document",
            "check commas, quotes and brackets there",
        ) from None
    except RecursionError:
        raise UnsafeInput("deeply nested JSON", f"at most {DEPTH_CAP} levels") from None
    if text[end:].strip(" \t\r\n"):
        raise BadInput(
            f"text after the JSON document (from character {end})", "one document", "remove it"
        )
    check_depth(value)
    if escapes_controls(text):
        check_characters(value)
    return value


def text_of(data: bytes) -> str:
    """Return the text of a document, as `decode` takes it."""
    if len(data) > SIZE_CAP:
        raise UnsafeInput(f"{len(data)} bytes of JSON", f"at most {SIZE_CAP}", "send it in parts")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"bytes that are not UTF-8 at offset {error.start}", "JSON in UTF-8", "convert the file"
        ) from None


def escapes_controls(text: str) -> bool:
    """Say whether a text may hold characters, escaped, that FHIR does not allow."""
    return _ESCAPED_CONTROL.search(text) is not None


def check_depth(value: Any) -> None:
    """Raise `UnsafeInput` when `value` nests deeper than `DEPTH_CAP`."""
    level, depth = [value], 0
    while level := [node for node in level if isinstance(node, dict | list)]:
        depth += 1
        if depth > DEPTH_CAP:
            raise UnsafeInput("deeply nested JSON", f"at most {DEPTH_CAP} levels")
        level = [
            child for node in level for child in (node.values() if isinstance(node, dict) else node)
        ]


def check_characters(value: Any) -> None:
    """Raise `BadInput` when a string holds a character FHIR does not allow."""
    level = [value]
    while level:
        node = level.pop()
        if isinstance(node, dict):
            level.extend(node)
            level.extend(node.values())
        elif isinstance(node, list):
            level.extend(node)
        elif isinstance(node, str) and _BAD_CHARACTER.search(node):
            raise BadInput(
                "a string with a control character or half a surrogate pair",
                "text with no control character but tab, carriage return and line feed",
                "remove the character",
            )
