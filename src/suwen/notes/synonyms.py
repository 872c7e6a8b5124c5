"""Local synonyms: what a house calls things, and the queue of terms nobody has a code for.

A synonym takes effect with the next mention that is coded. Kept through `records` as a FHIR R4
ConceptMap (the synonyms) and a Basic (the queue) of a holder that is registered for them: every
change is a new version, written by a person, and the log names it. An older version can be read
again by its reference, so that a fact can be explained by the synonyms of its day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import TextSpan
from suwen.notes import terms
from suwen.notes.coding import SYSTEMS_OF
from suwen.records.access import Access

MAP_ID: Final = "local-synonyms"
QUEUE_ID: Final = "unmapped-terms"
HOLDER: Final = (f"{SUWEN}/holder", MAP_ID)
"""Identifier of what the store keeps local synonyms of, as it keeps records of a patient."""
BY: Final = f"{SUWEN}/added-by"
AT: Final = f"{SUWEN}/added-at"
TERM: Final = f"{SUWEN}/unmapped-term"
EXAMPLES: Final = 5
"""Places kept of an unmapped term."""
LONGEST: Final = 200


@dataclass(frozen=True)
class Synonym:
    """A term of a kind stands for a code, because a person said so at a time."""

    term: str
    kind: str
    code: Code
    person: str
    at: datetime


@dataclass
class Unmapped:
    """A term without a code: how often it was met, and where."""

    term: str
    kind: str
    count: int = 0
    examples: list[TextSpan] = field(default_factory=list)


def _key(term: str, kind: str) -> tuple[tuple[str, ...], str]:
    if kind not in SYSTEMS_OF:
        raise BadInput(f"the kind {kind!r} is not coded", f"one of {', '.join(SYSTEMS_OF)}", "")
    return terms.bag(term), kind


class LocalSynonyms:
    """The synonyms and the queue of one installation; what `Coder` asks first."""

    def __init__(self, synonyms: Iterable[Synonym] = (), unmapped: Iterable[Unmapped] = ()) -> None:
        self._synonyms: dict[tuple[tuple[str, ...], str], list[Synonym]] = {}
        self._unmapped: dict[tuple[tuple[str, ...], str], Unmapped] = {}
        for one in synonyms:
            self._synonyms.setdefault(_key(one.term, one.kind), []).append(one)
        for waiting in unmapped:
            self._unmapped[_key(waiting.term, waiting.kind)] = waiting

    def add(
        self, term: str, code: Code, person: str, kind: str = "problem", at: datetime | None = None
    ) -> Synonym:
        """Let a term stand for a code from now on; it leaves the queue.

        A term that stood for another code stands for the new one.

        Raises
        ------
        BadInput
            The term has no letter or is too long, the kind is not coded, or no person is named.
        """
        term = " ".join(term.split())
        if not terms.bag(term) or len(term) > LONGEST:
            raise BadInput(
                "a term that cannot be coded", f"1 to {LONGEST} characters", "shorten it"
            )
        if not person or not code.code:
            raise BadInput("a synonym without a person or a code", "both", "name them")
        added = Synonym(term, kind, code, person, at or datetime.now(UTC))
        key = _key(term, kind)
        self._synonyms[key] = [added]
        self._unmapped.pop(key, None)
        return added

    def remove(self, term: str, kind: str = "problem") -> None:
        """Let a term stand for nothing of its own again; nothing happens for an unknown one."""
        self._synonyms.pop(_key(term, kind), None)

    def codes(self, term: str, kind: str) -> Sequence[Code]:
        """Return the codes a term stands for here."""
        return [one.code for one in self._synonyms.get(_key(term, kind), ())]

    def missed(self, term: str, kind: str, where: TextSpan | None = None) -> None:
        """Put a term into the queue, or count it once more."""
        term = " ".join(term.split())[:LONGEST]
        key = _key(term, kind)
        if not key[0] or key in self._synonyms:
            return
        waiting = self._unmapped.setdefault(key, Unmapped(term, kind))
        waiting.count += 1
        if where is not None and len(waiting.examples) < EXAMPLES:
            waiting.examples.append(where)

    def queue(self) -> list[Unmapped]:
        """Return the terms without a code, most often met first."""
        return sorted(self._unmapped.values(), key=lambda one: (-one.count, one.kind, one.term))

    def __iter__(self) -> Iterator[Synonym]:
        return (one for kept in self._synonyms.values() for one in kept)

    def resources(self) -> list[dict[str, Any]]:
        """Return the ConceptMap and the Basic that are kept."""
        return [self._map(), self._queue()]

    def _map(self) -> dict[str, Any]:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for one in self:
            element = {
                "code": one.term,
                "target": [
                    {
                        "extension": [
                            {"url": BY, "valueString": one.person},
                            {"url": AT, "valueDateTime": one.at.isoformat(timespec="seconds")},
                            {"url": f"{SUWEN}/name-zh", "valueString": one.code.name.zh},
                        ],
                        "code": one.code.code,
                        "display": one.code.name.en,
                        "equivalence": "equivalent",
                    }
                ],
            }
            groups.setdefault((one.kind, one.code.system), []).append(element)
        content: dict[str, Any] = {
            "resourceType": "ConceptMap",
            "id": MAP_ID,
            "url": f"{SUWEN}/ConceptMap/{MAP_ID}",
            "status": "active",
        }
        if groups:
            content["group"] = [
                {
                    "source": f"{SUWEN}/local-terms/{kind}",
                    "target": system,
                    "element": sorted(elements, key=lambda one: str(one["code"])),
                }
                for (kind, system), elements in sorted(groups.items())
            ]
        return content

    def _queue(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "resourceType": "Basic",
            "id": QUEUE_ID,
            "code": {"coding": [{"system": f"{SUWEN}/codes", "code": QUEUE_ID}]},
        }
        if waiting := self.queue():
            content["extension"] = [
                {
                    "url": TERM,
                    "extension": [
                        {"url": "term", "valueString": one.term},
                        {"url": "kind", "valueCode": one.kind},
                        {"url": "count", "valueInteger": one.count},
                        *(
                            {"url": "example", "valueString": f"{s.record}#{s.start}-{s.end}"}
                            for s in one.examples
                        ),
                    ],
                }
                for one in waiting
            ]
        return content

    @classmethod
    def of(cls, resources: Iterable[Mapping[str, Any]]) -> LocalSynonyms:
        """Read synonyms and queue from their resources; resources of other types are passed over.

        Raises
        ------
        BadInput
            A resource is not one that `resources` wrote.
        """
        synonyms: list[Synonym] = []
        unmapped: list[Unmapped] = []
        try:
            for resource in resources:
                if resource.get("resourceType") == "ConceptMap":
                    synonyms += _synonyms_of(resource)
                elif resource.get("resourceType") == "Basic":
                    unmapped += _unmapped_of(resource)
        except (KeyError, ValueError, TypeError, IndexError):
            raise BadInput(
                "a resource that holds no local synonyms",
                f"a ConceptMap or Basic written as {MAP_ID} or {QUEUE_ID}",
                "read an earlier version of it",
            ) from None
        return cls(synonyms, unmapped)


def _synonyms_of(resource: Mapping[str, Any]) -> list[Synonym]:
    found = []
    for group in resource.get("group", ()):
        kind = group["source"].rpartition("/")[2]
        for element in group["element"]:
            for target in element["target"]:
                said = {one["url"]: one for one in target["extension"]}
                name = Text(en=target["display"], zh=said[f"{SUWEN}/name-zh"]["valueString"])
                code = Code(system=group["target"], code=target["code"], name=name)
                at = datetime.fromisoformat(said[AT]["valueDateTime"])
                person = said[BY]["valueString"]
                found.append(Synonym(element["code"], kind, code, person, at))
    return found


def _unmapped_of(resource: Mapping[str, Any]) -> list[Unmapped]:
    found = []
    for one in resource.get("extension", ()):
        if one["url"] != TERM:
            continue
        parts: dict[str, list[Any]] = {}
        for part in one["extension"]:
            value = next(v for k, v in part.items() if k.startswith("value"))
            parts.setdefault(part["url"], []).append(value)
        examples = []
        for place in parts.get("example", ()):
            record, _, span = place.rpartition("#")
            start, _, end = span.partition("-")
            examples.append(TextSpan(record=record, start=int(start), end=int(end)))
        found.append(Unmapped(parts["term"][0], parts["kind"][0], int(parts["count"][0]), examples))
    return found


def holder(access: Access) -> str:
    """Return what the store keeps local synonyms of; who asks first makes it and may write."""
    return access.new_patient([HOLDER])


def stored(access: Access, owner: str) -> tuple[LocalSynonyms, dict[str, int]]:
    """Return the newest synonyms and queue, and the version each resource stands at.

    Raises
    ------
    Denied
        The person may not read what belongs to this holder.
    """
    case = access.case(owner)
    found = {record.type: record for record in case.records if record.type in _IDS}
    versions = {
        f"{kind}/{given}": int(found[kind].reference.rpartition("/")[2]) if kind in found else 0
        for kind, given in _IDS.items()
    }
    return LocalSynonyms.of(record.content for record in found.values()), versions


_IDS: Final = {"ConceptMap": MAP_ID, "Basic": QUEUE_ID}


def keep(
    access: Access, owner: str, synonyms: LocalSynonyms, expected: Mapping[str, int]
) -> dict[str, int]:
    """Store synonyms and queue; return the version each resource stands at now.

    Raises
    ------
    Conflict
        Someone else changed them since they were read at `expected`.
    """
    written = access.put(synonyms.resources(), owner, expected=expected)
    return {
        f"{record.type}/{_IDS[record.type]}": int(record.reference.rpartition("/")[2])
        for record in written
    }
