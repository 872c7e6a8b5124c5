"""A long JSON object read member by member: of one of its lists one item is in memory at a time.

As strict as `json.decode`, with decimals as they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from suwen.core.errors import BadInput, UnsafeInput
from suwen.records.fhir import json as fhir_json

_BLANK: Final = re.compile(r"[ \t\r\n]*")


class Member(NamedTuple):
    """A member of the object, or one item of the list that is read in parts."""

    name: str
    value: Any
    item: bool


def members(data: bytes, parted: str) -> Iterator[Member]:
    """Yield the members of an object; of the list called `parted` each item by itself.

    Raises
    ------
    BadInput, UnsafeInput
        As `json.decode`; what was yielded before is void then.
    """
    text = fhir_json.text_of(data)
    try:
        yield from _Reader(text).members(parted)
    except (json.JSONDecodeError, StopIteration) as error:
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"malformed JSON{at}", "one JSON object", "check it there") from None
    except RecursionError:
        raise UnsafeInput("deeply nested JSON", f"at most {fhir_json.DEPTH_CAP} levels") from None


class _Reader:
    """The way through the text of one object."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.suspect = fhir_json.escapes_controls(text)

    def members(self, parted: str) -> Iterator[Member]:
        names: set[str] = set()
        self._take("{")
        while not self._takes("}"):
            if names:
                self._take(",")
            name = self._name()
            if name in names:
                raise BadInput(
                    "a JSON object with the same name twice", "each name once", "remove it"
                )
            names.add(name)
            self._take(":")
            if name == parted and self._takes("["):
                yield from self._items(name)
            else:
                yield Member(name, self._value(), False)
        self._skip()
        if self.at < len(self.text):
            raise BadInput("text after the JSON document", "one document", "remove it")

    def _items(self, name: str) -> Iterator[Member]:
        first = True
        while not self._takes("]"):
            if not first:
                self._take(",")
            first = False
            yield Member(name, self._value(), True)

    def _name(self) -> str:
        self._take('"')
        self.at -= 1
        name, self.at = fhir_json.DECIMALS.raw_decode(self.text, self.at)
        return str(name)

    def _value(self) -> Any:
        self._skip()
        value, self.at = fhir_json.DECIMALS.raw_decode(self.text, self.at)
        fhir_json.check_depth(value)
        if self.suspect:
            fhir_json.check_characters(value)
        return value

    def _skip(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]

    def _takes(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.at)
        self.at += found
        return found

    def _take(self, sign: str) -> None:
        if not self._takes(sign):
            raise json.JSONDecodeError(f"no {sign}", self.text, self.at)
