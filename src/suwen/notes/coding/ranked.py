"""From a mention to codes: names that are the same first, names like it after, ranked and cut off.

Which names are looked at is `notes.coding.candidates`. They are ranked by a logistic model of two
dozen features (`knowledge/coding_model.json`, fitted by `notes.coding.fit` on the training parts of
BC5CDR and NCBI Disease); below its threshold a mention is unmapped, which is an answer. Local
synonyms (`notes.coding.synonyms`) stand before everything. An abbreviation is read as its text
defines it ("long form (SF)", Schwartz and Hearst).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from suwen.core.codes import LOINC, Code, Language, Text
from suwen.core.errors import BadInput
from suwen.notes.coding.candidates import Alike, Finder
from suwen.notes.vocabulary import abbreviations
from suwen.notes.vocabulary.names import (
    ANATOMY,
    DRUGBANK,
    HPO,
    ICD10,
    ICD10_BEIJING,
    ICD10CM,
    KNOWLEDGE,
    MESH,
    OMIM,
    PROCEDURE,
    Vocabulary,
    installed,
)

MODEL: Final = KNOWLEDGE / "coding_model.json"
LONGEST: Final = 200
"""Characters of the longest mention that is coded."""
LOCAL: Final = "local"
"""Source of a candidate that is a local synonym."""
SYSTEMS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "problem": (HPO, ICD10, ICD10CM, ICD10_BEIJING, MESH, OMIM),
    "drug": (MESH, DRUGBANK),
    "test": (LOINC,),
    "procedure": (PROCEDURE,),
    "anatomy": (ANATOMY,),
}
"""Code systems of each kind; the first has the say where one code has to be named."""


class Context(NamedTuple):
    """What a text says about its own words: abbreviations and their long forms."""

    definitions: Mapping[str, str] = {}

    @classmethod
    def of(cls, text: str) -> Context:
        """Read the definitions of a text."""
        return cls(abbreviations.defined(text))


@dataclass(frozen=True)
class Candidate:
    """A code a mention may have.

    `score` is the model's probability; `term` the name that was like the mention; `source` where
    that name comes from, `local` for a local synonym.
    """

    system: str
    code: str
    display: Text
    score: float
    source: str
    term: str = ""
    features: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)

    def as_code(self) -> Code:
        """Return the code as other rooms take it."""
        return Code(system=self.system, code=self.code, name=self.display)


class Synonyms(Protocol):
    """Where local synonyms come from: `notes.coding.synonyms.LocalSynonyms`."""

    def codes(self, term: str, kind: str) -> Sequence[Code]:
        """Return the codes a local synonym stands for, newest first."""
        ...


class Coder:
    """Codes mentions against a vocabulary.

    Parameters
    ----------
    weights
        Of `FEATURES`, and `threshold`; those of `MODEL` when None.
    synonyms
        Local synonyms, asked first.
    finder
        What finds names in the vocabulary; one with vectors when None.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        weights: Mapping[str, float] | None = None,
        synonyms: Synonyms | None = None,
        finder: Finder | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.weights = dict(weights) if weights is not None else stored_weights()
        self.synonyms = synonyms
        self.finder = finder or Finder(vocabulary)
        self._done: dict[tuple[str, str, tuple[str, ...], str], list[Candidate]] = {}

    def code(
        self,
        mention: str,
        kind: str,
        context: Context | None = None,
        k: int = 5,
        systems: Sequence[str] | None = None,
    ) -> list[Candidate]:
        """Return up to k codes of a mention, best first; none when it is unmapped.

        Raises
        ------
        BadInput
            `kind` is not one that is coded.
        """
        found = self.candidates(mention, kind, context, systems)
        limit = self.weights["threshold"]
        return [one for one in found if one.score >= limit][:k]

    def candidates(
        self,
        mention: str,
        kind: str,
        context: Context | None = None,
        systems: Sequence[str] | None = None,
    ) -> list[Candidate]:
        """Return the candidates of a mention without a threshold, best first, one a code."""
        if kind not in SYSTEMS_OF:
            raise BadInput(f"the kind {kind!r} is not coded", f"one of {', '.join(SYSTEMS_OF)}", "")
        wanted = tuple(systems or SYSTEMS_OF[kind])
        text = " ".join(mention.split())
        if not text or len(text) > LONGEST:
            return []
        local = self._local(text, kind, wanted)
        definitions = context.definitions if context else {}
        key = (text, kind, wanted, definitions.get(text, ""))
        if key not in self._done:
            if len(self._done) > 20_000:
                self._done.clear()
            self._done[key] = self._ranked(text, kind, wanted, definitions.get(text, ""))
        known = {(one.system, one.code) for one in local}
        return local + [one for one in self._done[key] if (one.system, one.code) not in known]

    def _local(self, text: str, kind: str, systems: Sequence[str]) -> list[Candidate]:
        if self.synonyms is None:
            return []
        return [
            Candidate(code.system, code.code, code.name, 1.0, LOCAL, text)
            for code in self.synonyms.codes(text, kind)
            if code.system in systems or code.system not in SYSTEMS_OF[kind]
        ]

    def _ranked(self, text: str, kind: str, systems: Sequence[str], long: str) -> list[Candidate]:
        scored: dict[tuple[str, str], Candidate] = {}
        for alike in self.finder.alike(text, kind, systems, long):
            one = self._candidate(alike)
            key = (one.system, one.code)
            if key not in scored or one.score > scored[key].score:
                scored[key] = one
        rank = {system: n for n, system in enumerate(systems)}
        return sorted(scored.values(), key=lambda c: (-round(c.score, 3), rank[c.system], c.code))

    def _candidate(self, alike: Alike) -> Candidate:
        entry = self.vocabulary.entry(alike.row)
        features = self.finder.features(alike)
        total = sum(self.weights.get(name, 0.0) * value for name, value in features.items())
        return Candidate(
            entry.system,
            entry.code,
            self.vocabulary.display(entry.concept),
            1 / (1 + math.exp(-max(-30.0, min(30.0, total)))),
            entry.source,
            entry.term,
            features,
        )


def stored_weights() -> dict[str, float]:
    """Return the fitted weights and the threshold."""
    stored = json.loads(MODEL.read_text(encoding="utf-8"))
    return {**stored["weights"], "threshold": stored["threshold"]}


def primary(candidates: Sequence[Candidate], kind: str) -> Candidate | None:
    """Return the one code by which facts are compared, over languages and notes.

    A local synonym first; then a name that is the same: our own list before the others, a name of
    just this concept before a related one, then by the order of `SYSTEMS_OF`; then the best score.
    An edition of ICD-10 is cut to its category, which both editions share.
    """
    if not candidates:
        return None
    if candidates[0].source == LOCAL:
        return candidates[0]
    order = SYSTEMS_OF[kind]
    same = [c for c in candidates if c.features["same_bag"] and not c.features["other_case"]]
    best = min(
        same or candidates[:1],
        key=lambda c: (
            not c.source.startswith("own"),
            c.features["loose"],
            order.index(c.system),
            -c.score,
            c.code,
        ),
    )
    if best.system in (ICD10CM, ICD10_BEIJING):
        category = best.code.partition(".")[0]
        return replace(best, system=ICD10, code=category)
    return best


@lru_cache(maxsize=1)
def coder() -> Coder:
    """Return the coder of the installed vocabulary, without local synonyms, made once."""
    return Coder(installed())


def code(
    mention_text: str,
    kind: str,
    language: Language,
    context: Context | None = None,
    k: int = 5,
) -> list[Candidate]:
    """Return up to k codes of a mention, best first; none when it is unmapped.

    The language decides nothing that the characters do not: a Chinese note holds English terms.

    Raises
    ------
    BadInput
        `kind` is not one that is coded, or the language is not one of two.
    """
    if language not in ("en", "zh"):
        raise BadInput(f"the language {language!r}", "en or zh", "give one of them")
    return coder().code(mention_text, kind, context, k)
