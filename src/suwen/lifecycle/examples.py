"""What goes into a Task and what comes out of its weights: samples, labelled examples, outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.core.nouns import Evidence, Reference

Array = NDArray[Any]
T = TypeVar("T")
NOT_RECORDED: Final = "not recorded"
"""Stands in a column of `Examples.tags` for a sample of which nothing is recorded."""


@dataclass(frozen=True)
class Sample:
    """One thing a task answers about (one nodule, one note, one window).

    `data` is the room's own typed input. `inputs` are the references whose bytes decide the answer;
    `evidence` is where in the Case the sample lies; `earlier` are the ids of those findings of the
    tasks before that decide it (None: all of them).
    """

    key: str
    data: Any
    evidence: tuple[Evidence, ...] = ()
    inputs: tuple[Reference, ...] = ()
    earlier: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Source:
    """Where labelled examples come from; `shippable`: weights trained on it may ship."""

    name: str
    url: str
    licence: str
    citation: str
    shippable: bool
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examples:
    """Labelled samples, loaded one by one.

    Parameters
    ----------
    keys
        One name a sample, unique.
    groups
        What may not be split: the patient, subject or document of each sample, shape (n,).
    labels
        Class index for `Choice`, value for `Value`, ignored for the other kinds, shape (n,).
    load
        Sample of index i, with its data.
    truth
        For `Mask`: the true mask of index i (bool array shaped as the output's mask). For `Places`:
        the true places of index i, shape (k, 2 + d), k may be 0: centre in mm in the sample's own
        frame (d = 2 or 3), diameter in mm, and 1 where it counts or 0 where a mark on it is
        neither hit nor false alarm (a nodule that too few readers saw). For `Spans`: the true
        stretches, shape (k, 3): start, end (exclusive) and number of the type. For `Ranked`: the
        codes that are right, texts of shape (k,).
    columns
        Per-sample columns for subgroups, strata and size matching, each of shape (n,).
    tags
        What is recorded of each sample beside its data (manufacturer, sex ...), for subgroups; each
        of shape (n,), `NOT_RECORDED` where nothing is. It changes no training, so it is no part of
        the fingerprint.
    floors
        What trivial methods answer, each of shape (n,). `Choice`: scores (for example the diameter
        alone); `Value`: values; `Mask`: the Dice coefficient of a trivial mask of each sample.
        With more than two classes, by shape and type: (n, classes) one score a class; (n,) whole
        numbers the class called by a trivial rule; (n,) other numbers a score for "anything but
        the first class". The majority class stands there by itself.
    floor_marks
        The floors of `Places` and `Spans`: what a trivial method marks in index i, by name, shaped
        as `Output.marks`; of `Ranked`: the codes it names, best first. Asked for one by one, since
        such a method reads the image or the text.
    agrees
        For `Calculated`: whether an output agrees with the reference of index i within its stated
        tolerance. `floors` then hold 1 where a trivial answer agrees, else 0.
    ratios
        What else is measured on the same samples, by metric key: of each sample what counts and
        out of how many, two columns of shape (n,) whose sums are divided.
    lacks
        Classes that the data set has no example of, by number, because it does not tell them
        apart from others. A pack trained on it never names them.
    """

    source: Source
    keys: tuple[str, ...]
    groups: Array
    labels: Array
    load: Callable[[int], Sample]
    truth: Callable[[int], Array] | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    tags: Mapping[str, Array] = field(default_factory=dict)
    floors: Mapping[str, Array] = field(default_factory=dict)
    floor_marks: Mapping[str, Callable[[int], Array]] = field(default_factory=dict)
    agrees: Callable[[int, Output], bool] | None = None
    lacks: tuple[int, ...] = ()
    ratios: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    def truth_of(self, i: int) -> Array:
        """Return what is true of the example at index i.

        Raises
        ------
        BadInput
            The data set has labels only.
        """
        if self.truth is None:
            raise BadInput("examples without a truth", "Examples.truth", "add it to `examples`")
        return self.truth(i)

    def subset(self, index: Array) -> Examples:
        """Return the examples at `index` (integers), in that order."""
        chosen = np.asarray(index, dtype=int)

        def moved(asked: Callable[[int], T]) -> Callable[[int], T]:
            return lambda i: asked(int(chosen[i]))

        return replace(
            self,
            keys=tuple(self.keys[i] for i in chosen),
            groups=self.groups[chosen],
            labels=self.labels[chosen],
            load=moved(self.load),
            truth=None if self.truth is None else moved(self.truth),
            columns={name: column[chosen] for name, column in self.columns.items()},
            tags={name: column[chosen] for name, column in self.tags.items()},
            floors={name: scores[chosen] for name, scores in self.floors.items()},
            floor_marks={name: moved(marks) for name, marks in self.floor_marks.items()},
            agrees=None if self.agrees is None else _renumbered(self.agrees, chosen),
            ratios={name: (a[chosen], b[chosen]) for name, (a, b) in self.ratios.items()},
        )


def _renumbered(
    agrees: Callable[[int, Output], bool], chosen: Array
) -> Callable[[int, Output], bool]:
    return lambda i, output: agrees(int(chosen[i]), output)


@dataclass(frozen=True)
class Output:
    """What the weights say about one sample, before calibration and bands.

    Parameters
    ----------
    scores
        `Choice`: one uncalibrated logit a member of the ensemble, shape (members,) for two classes
        and (members, classes) for more (what the softmax takes). `Value`: one value a member.
        Other kinds: empty, shape (0,).
    mask
        `Mask`: bool array in the sample's own grid.
    domain
        Features the input-domain guard looks at, by name.
    parts
        What else `findings` needs (feature maps, measurements); never stored.
    marks
        `Places`: every mark, also weak ones, shape (m, 2 + d), m may be 0: uncalibrated logit (the
        mean of the members that answered), centre in mm in the sample's own frame (d = 2 or 3),
        diameter in mm. `Spans`: every stretch, shape (m, 4), m may be 0: uncalibrated logit of its
        being right, start, end (exclusive), number of the type.
    ranked
        `Ranked`: codes, the best first.
    values
        `Calculated`: what the formula gives, by name; empty where it gives nothing.
    spread
        `Value`: the expected error of each member's value, positive, shape (members,), where the
        weights say it; the interval may then widen with it.
    """

    scores: Array
    domain: Mapping[str, float]
    mask: Array | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)
    marks: Array | None = None
    ranked: tuple[str, ...] = ()
    values: Mapping[str, float | bool | str] = field(default_factory=dict)
    spread: Array | None = None
