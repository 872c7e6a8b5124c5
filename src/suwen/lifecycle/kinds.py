"""The kinds of answer a Task may give; everything generic is written once for each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput


def short_names(codes: Sequence[Code]) -> tuple[str, ...]:
    """Return a short name of each concept for metric keys: its code, or its name if a number."""
    texts = (c.name.en if c.code.isdigit() else c.code for c in codes)
    return tuple(re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") for text in texts)


@dataclass(frozen=True)
class Choice:
    """The answer is one of some classes; with two, `classes[1]` is the one looked for.

    With more, `classes[0]` is what is left when none of the others is there (normal, sinus
    rhythm), and `code` the concept they are kinds of (arrhythmia): it is named when the question
    as a whole is answered, and when it is not. `gravest` is the class whose misses weigh most: how
    many of it are found at 90 % specificity is measured.

    `headline` says which question the plain metric keys (`auroc`, `accuracy`, `ece`) answer with
    more than two classes: `each` class against the rest, or `any` of the others against the first.
    With `any` one operating point decides between the first class and the others, and the metrics
    of the classes end in `_of_classes`. `figures` names what the field reads off the confusion
    table (..., K, K: truth by row) beside the usual, by metric key; for more than two classes.

    Raises
    ------
    BadInput
        There are more than two classes and no `code`, two have the same short name, or the
        gravest is none of them.
    """

    classes: tuple[Code, ...]
    code: Code | None = None
    headline: Literal["each", "any"] = "each"
    gravest: Code | None = None
    figures: tuple[tuple[str, Callable[[NDArray[Any]], NDArray[Any]]], ...] = ()
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        if len(set(self.keys)) < len(self.classes):
            raise BadInput("two classes of one short name", "short names that differ")
        if self.gravest is not None and self.gravest not in self.classes:
            raise BadInput("a gravest class that is none of the classes", "one of them")
        if len(self.classes) > 2 and self.code is None:
            raise BadInput(
                f"{len(self.classes)} classes without a name for what they are kinds of",
                "Choice(classes, code) with more than two classes",
                "give the concept that is asked about, for example the heart rhythm",
            )

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.classes[1] if self.code is None else self.code

    @property
    def whole(self) -> bool:
        """Whether there are more than two classes and the first against the others is asked."""
        return self.headline == "any" and len(self.classes) > 2

    @property
    def watched(self) -> int | None:
        """The number of the gravest class, where one was named."""
        return None if self.gravest is None else self.classes.index(self.gravest)

    @property
    def keys(self) -> tuple[str, ...]:
        """A short name of each class for metric keys: its code, or its name if that is a number."""
        return short_names(self.classes)


@dataclass(frozen=True)
class Mask:
    """The answer is a region of the image."""

    code: Code
    kind: Literal["mask"] = "mask"

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code


@dataclass(frozen=True)
class Value:
    """The answer is a number with a UCUM unit.

    `by` names a column of whole numbers (minutes ahead) whose values are measured each by itself
    too: their metrics end in it (`rmse_60`).
    """

    code: Code
    unit: str
    by: str = ""
    kind: Literal["value"] = "value"

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code


@dataclass(frozen=True)
class Places:
    """The answer is any number of places, each with the probability that `code` lies there.

    `per` names what one sample is (a slice, a scan): the unit that false alarms are counted in.
    """

    code: Code
    per: Text
    kind: Literal["places"] = "places"

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code


@dataclass(frozen=True)
class Spans:
    """The answer is any number of stretches of a text, each of one of some types.

    Parameters
    ----------
    code
        The concept asked about as a whole (what the note names, what identifies a person).
    types
        What a stretch may be.
    match
        `exact`: a stretch is right when start, end and type are (strict); `covered`: a true stretch
        is found when all its letters and digits lie in answered ones, of whatever type.
    headline
        Short name of the type that the plain keys `precision`, `recall` and `f1` are of; empty:
        all types together.
    """

    code: Code
    types: tuple[Code, ...]
    match: Literal["exact", "covered"] = "exact"
    headline: str = ""
    kind: Literal["spans"] = "spans"

    def __post_init__(self) -> None:
        if len(set(self.keys)) < len(self.types) or (
            self.headline and self.headline not in self.keys
        ):
            raise BadInput(
                f"the types {self.keys} with the headline {self.headline!r}",
                "types of different short names, the headline one of them",
            )

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code

    @property
    def keys(self) -> tuple[str, ...]:
        """A short name of each type for metric keys."""
        return short_names(self.types)


@dataclass(frozen=True)
class Ranked:
    """The answer is a list of codes of some vocabulary, the best first."""

    code: Code
    kind: Literal["ranked"] = "ranked"

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code


@dataclass(frozen=True)
class Calculated:
    """The answer is what a published formula gives for what was entered.

    It is right where it agrees with a reference within the tolerance that the reference states.
    """

    code: Code
    kind: Literal["calculated"] = "calculated"

    @property
    def asked(self) -> Code:
        """The concept asked about."""
        return self.code


Answers = Choice | Mask | Value | Places | Spans | Ranked | Calculated
