"""The Task contract: a named clinical question with typed input and output.

A room registers an instance with `core.registry.register`; training, evaluation, cards, the command
line, the HTTP API, the workbench and the contract tests are written once against what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from suwen.core.codes import Text
from suwen.core.nouns import Case, Finding
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers

if TYPE_CHECKING:
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.recipe import Recipe
    from suwen.records import Access


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
