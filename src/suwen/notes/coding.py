"""From a mention to codes: names that are the same first, names like it after, ranked and cut off.

A mention is read as it stands, as what the text defines it to be ("long form (SF)", Schwartz and
Hearst), and, when nothing else is known of it, as what inventories say an abbreviation may mean.
Candidates are ranked by a logistic model of a dozen features (`knowledge/coding_model.json`, fitted
by `notes.coding_fit` on the training parts of BC5CDR and NCBI Disease); below its threshold a
mention is unmapped, which is an answer. Local synonyms (`notes.synonyms`) stand before everything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import LOINC, Code, Language, Text
from suwen.core.errors import BadInput
from suwen.notes import abbreviations, terms
from suwen.notes.coding_index import Index, dice, same_meaning
from suwen.notes.coding_units import units
from suwen.notes.vocabulary import (
    ANATOMY,
    CASED,
    DRUGBANK,
    HPO,
    ICD10,
    ICD10_BEIJING,
    ICD10CM,
    KNOWLEDGE,
    LOOSE,
    MESH,
    OMIM,
    PREFERRED,
    PROCEDURE,
    Vocabulary,
    installed,
)

MODEL: Final = KNOWLEDGE / "coding_model.json"
SHORTLIST: Final = 24
"""Names like a mention that are looked at closely."""
LONGEST: Final = 200
"""Characters of the longest mention that is coded."""
LOCAL: Final = "local"
"""Source of a candidate that is a local synonym."""
FEATURES: Final = (
    "same_bag", "same_surface", "share", "mention_covered", "name_covered", "letters", "same_head",
    "annotated", "own", "preferred", "loose", "other_case", "defined", "inventory", "heading",
    "embedding", "bias",
)  # fmt: skip
SYSTEMS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "problem": (HPO, ICD10, ICD10CM, ICD10_BEIJING, MESH, OMIM),
    "drug": (MESH, DRUGBANK),
    "test": (LOINC,),
    "procedure": (PROCEDURE,),
    "anatomy": (ANATOMY,),
}
"""Code systems of each kind; the first has the say where one code has to be named."""
_ALSO: Final = {"problem": ("problem", "heading"), "drug": ("drug", "heading")}
_SIDES: Final = re.compile(
    r"^(?:左侧?|右侧?|双侧?|两侧?|单侧|急性|慢性|轻度|中度|重度|反复|间断|阵发性|持续性|明显|轻微)+(?=..)"
)
_SEVERITY: Final = re.compile(
    r"^(?:(?:mild|moderate|severe|massive|marked|significant|intermittent|occasional|persistent|"
    r"worsening|left|right|bilateral|history of|some|any|new|recent|recurrent|acute|chronic)\s+)+",
    re.IGNORECASE,
)  # fmt: skip
_NUMBERS: Final = str.maketrans({"一": "1", "二": "2", "三": "3"})
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors of texts, shape (n, d)."""


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
    """Where local synonyms come from: `notes.synonyms.LocalSynonyms`."""

    def codes(self, term: str, kind: str) -> Sequence[Code]:
        """Return the codes a local synonym stands for, newest first."""
        ...


@dataclass(frozen=True)
class Reading:
    """One way to read a mention, and what that way is worth to the model."""

    text: str
    defined: float = 0.0
    inventory: float = 0.0


class Coder:
    """Codes mentions against a vocabulary.

    Parameters
    ----------
    weights
        Of `FEATURES`, and `threshold`; those of `MODEL` when None.
    synonyms
        Local synonyms, asked first.
    embed
        Turns texts into unit vectors, for the feature `embedding`; 0 without it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        weights: Mapping[str, float] | None = None,
        synonyms: Synonyms | None = None,
        embed: Embed | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.weights = dict(weights) if weights is not None else stored_weights()
        self.synonyms = synonyms
        self.embed = embed
        self._done: dict[tuple[str, str, tuple[str, ...], str], list[Candidate]] = {}

    @cached_property
    def index(self) -> Index:
        """Names by the words they hold, made at the first mention that is no name itself."""
        return Index(self.vocabulary)

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
        for row, reading, share in self.rows(text, kind, systems, long):
            one = self._candidate(row, reading, share)
            key = (one.system, one.code)
            if key not in scored or one.score > scored[key].score:
                scored[key] = one
        rank = {system: n for n, system in enumerate(systems)}
        return sorted(scored.values(), key=lambda c: (-round(c.score, 3), rank[c.system], c.code))

    def rows(
        self, text: str, kind: str, systems: Sequence[str], long: str = ""
    ) -> list[tuple[int, Reading, float]]:
        """Return (row, reading, share of units in common) of names to be looked at."""
        readings = readings_of(text, long)
        found: list[tuple[int, Reading, float]] = []
        for reading in readings:
            found += [(r, reading, 1.0) for r in self._same(reading.text, kind, systems)]
            certain = any(not self.vocabulary.flags[row] & LOOSE for row, _, _ in found)
            if certain:
                return found
        if not found and not long:
            for sense in abbreviations.senses(text)[:4] if len(text) <= 8 else ():
                reading = Reading(sense.long, inventory=max(sense.share, 0.05))
                found += [(r, reading, 1.0) for r in self._same(sense.long, kind, systems)]
        kinds = _ALSO.get(kind, (kind,))
        for reading in readings[:2]:
            like = self.index.search(reading.text, kinds, systems, SHORTLIST)
            found += [(row, reading, share) for row, share in like]
        return found

    def _same(self, text: str, kind: str, systems: Sequence[str]) -> list[int]:
        kinds = _ALSO.get(kind, (kind,))
        rows = self.vocabulary.named(text)
        entries = [(row, self.vocabulary.entry(row)) for row in rows]
        return [row for row, one in entries if one.kind in kinds and one.system in systems]

    def _candidate(self, row: int, reading: Reading, share: float) -> Candidate:
        entry = self.vocabulary.entry(row)
        features = self.features(row, reading, share)
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

    def features(self, row: int, reading: Reading, share: float) -> dict[str, float]:
        """Return the features of a name as an answer to a reading of a mention."""
        entry = self.vocabulary.entry(row)
        same = terms.bag(entry.term) == terms.bag(reading.text)
        mine, its = ([], []) if same else (units(reading.text), units(entry.term))
        low, name = reading.text.lower(), entry.term.lower()
        vector = self.embed([reading.text, entry.term]) if self.embed else None
        return {
            "same_bag": float(same),
            "same_surface": float(low == name),
            "share": share,
            "mention_covered": 1.0 if same else self._covered(mine, its),
            "name_covered": 1.0 if same else self._covered(its, mine),
            "letters": 1.0 if same else dice(low, name),
            "same_head": float(same or bool(mine and its and mine[-1] == its[-1])),
            "annotated": float(entry.source == "annotated"),
            "own": float(entry.source.startswith("own")),
            "preferred": float(bool(entry.flags & PREFERRED)),
            "loose": float(bool(entry.flags & LOOSE)),
            "other_case": float(bool(entry.flags & CASED) and entry.term != reading.text),
            "defined": reading.defined,
            "inventory": reading.inventory,
            "heading": float(entry.kind == "heading"),
            "embedding": float(vector[0] @ vector[1]) if vector is not None else 0.0,
            "bias": 1.0,
        }

    def _covered(self, held: Sequence[str], by: Sequence[str]) -> float:
        """Return the weighted share of units that the others hold, spelling errors allowed."""
        total = covered = 0.0
        for unit in held:
            weight = self.index.weight_of(unit)
            total += weight
            covered += weight * max((_alike(unit, other) for other in by), default=0.0)
        return covered / total if total else 0.0


@lru_cache(maxsize=65536)
def _alike(unit: str, other: str) -> float:
    if unit == other:
        return 1.0
    if other in same_meaning(unit):
        return 0.9
    near = dice(unit, other) if len(unit) > 3 and len(other) > 3 else 0.0
    return near if near >= 0.5 else 0.0


def readings_of(text: str, long: str = "") -> list[Reading]:
    """Return the ways to read a mention: as it stands, its long form, without side and degree."""
    found = [Reading(text)]
    if long:
        found.insert(0, Reading(long, defined=1.0))
    chinese = terms.is_chinese(text)
    bare = (_SIDES if chinese else _SEVERITY).sub("", text)
    if bare != text:
        found.append(Reading(bare))
    if chinese and (counted := text.translate(_NUMBERS)) != text:
        found.append(Reading(counted))
    return found


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
