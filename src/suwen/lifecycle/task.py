"""The Task contract: a named clinical question with typed input and output.

A room registers an instance with `core.registry.register`; training, evaluation, cards, the command
line, the HTTP API, the workbench and the contract tests are written once against what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Evidence, Finding, Reference
from suwen.lifecycle.kinds import Answers

if TYPE_CHECKING:
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.recipe import Recipe
    from suwen.records import Access

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


@dataclass(frozen=True)
class Reads:
    """What a task needs from a Case: a FHIR resource type, for images with their modality."""

    resource_type: str
    modality: str = ""
    what: Text | None = None


@dataclass(frozen=True)
class Perturbation:
    """A change that really happens in the clinic: `apply(sample, strength, seed)`.

    Parameters
    ----------
    name
        What changes, with the unit of the strength in brackets.
    strengths
        In rising order; what is not changed at all has the strength 0.
    apply
        Returns the changed sample of a sample, a strength and a seed.
    truth
        For a change that moves what is looked for (a rotation): the true mask after it, of the mask
        before, the unchanged sample, the strength and the seed. Without it the truth stays.
    """

    name: str
    strengths: tuple[float, ...]
    apply: Callable[[Sample, float, int], Sample]
    truth: Callable[[Array, Sample, float, int], Array] | None = None


@runtime_checkable
class Task(Protocol):
    """A named clinical question. Attributes describe it; five methods answer it.

    A task may also say that it is a step of another's answer (`inner = True`), that it looks
    through whole studies (`searches = True`), that its answer depends on the moment of the Case
    (`timed = True`: how old a person or a value is), which of the house's own records it reads
    beside the patient's (`house`, FHIR resource types), by which knowledge outside its pack it
    reads a Case (`read_by`, files, so that a replay can name what changed), which of its data sets
    are there to be tested on because they share nobody with others (`apart`: those others, by
    name), and by how much logits may differ between kinds of processors (`score_tolerance`, for
    networks that round to whole numbers inside).
    """

    name: str
    """`room.question`, for example `imaging.nodule_malignancy`."""
    title: Text
    reads: tuple[Reads, ...]
    answers: Answers
    after: tuple[str, ...]
    """Tasks whose findings this one reads; they run first."""
    datasets: tuple[str, ...]
    """Names accepted by `examples`; the first is the default."""
    perturbations: tuple[Perturbation, ...]

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return what there is to answer about in `case`; an empty list when not applicable.

        `earlier` holds the findings of the tasks named in `after` on the same Case.
        """
        ...

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Load the labelled examples of `dataset`.

        Raises
        ------
        NotFound
            The data set is in none of the folders.
        """
        ...

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member and write its weights (`*.onnx`, `*.lgb.txt`) into `folder`.

        Returns the member's settings for `pack.toml` (preprocessing, file names, learning curve
        under `history`, `start` where the weights come from when not from noise).
        Resumable: a finished epoch found in `folder` is not trained again.
        """
        ...

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Answer one sample with the pack's members (all, or those listed). Imports no torch."""
        ...

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Turn an output into coded, banded findings with evidence."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A second small contract, for tasks whose answer can be shown on the input."""

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return the array that `saliency` explains and `score_of` takes, as the weights see it."""
        ...

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return the relevance of each element of the sample's input, in the input's own shape."""
        ...

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the logit of `sample` with its input replaced by `values` (same shape).

        With more than two classes: of the class that is most probable for the sample as it is, or
        where the question is asked as a whole (`Choice.headline`) of anything but the first class.
        """
        ...


@runtime_checkable
class Warns(Protocol):
    """A small contract for tasks that raise alarms: how these fare on whole recordings."""

    def alarms(self, pack: Pack, examples: Examples) -> Mapping[str, Any]:
        """Return what the card shows of alarms on recordings that no answering member saw.

        `ahead` (minutes), `people`, and `rows`: `level` (names in two languages), `way` (`pack` or
        the name of a floor), `events`, `sensitivity`, `false_a_day` and `lead_minutes`, each
        {value, low, high} or None where nothing was to be found.
        """
        ...


@runtime_checkable
class Corrects(Protocol):
    """A small contract for tasks whose answers people correct: what was corrected trains again."""

    def corrected(self, access: Access) -> Examples | None:
        """Return what people corrected, as far as this person may see it; None without any.

        It has `truth` or `labels` like other examples. Its data come from patient records, so it
        is only ever trained on: no figure, golden case or plot of a pack is made from it.
        """
        ...


@runtime_checkable
class Resembles(Protocol):
    """A third small contract, for choices that can name development examples like a sample."""

    def embedding(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Array:
        """Return where each member's networks place the sample, shape (members, d)."""
        ...

    def told(self, examples: Examples) -> Mapping[str, Array]:
        """Return numbers known of each example beside its label, by name, (n,); NaN: unknown."""
        ...

    def example_in_words(self, label: int, told: Mapping[str, float]) -> tuple[Text, Text | None]:
        """Return what an example was in the words of its data set, and what else was known."""
        ...
