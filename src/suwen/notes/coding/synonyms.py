"""Local terms: what a house calls things, each standing for a code because a person said so.

A term takes effect with the next mention that is coded, and the pages tell by it at once. Kept
through `records` as one FHIR R4 ConceptMap of the house (`Access.house`): every change is a new
version that says who made it and when, and can be undone; the log names the code, never the term.
A coded mention names the version it was coded by, so that it can be explained and given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Case, Reference
from suwen.notes.coding.ranked import SYSTEMS_OF
from suwen.notes.vocabulary import terms
from suwen.records.access import Access
from suwen.records.acts import Entry

RESOURCE: Final = "ConceptMap"
MAP_ID: Final = "local-terms"
URL: Final = f"{SUWEN}/ConceptMap/{MAP_ID}"
BY: Final = f"{SUWEN}/added-by"
AT: Final = f"{SUWEN}/added-at"
CHINESE: Final = f"{SUWEN}/name-zh"
CHANGE: Final = f"{SUWEN}/change"
"""Extension: what made this version: what, term, kind, person and time."""
LONGEST: Final = 200
What = Literal["mapped", "removed", "undone", "imported"]
ACTS: Final[Mapping[What, str]] = {
    "mapped": "term-mapped",
    "removed": "term-removed",
    "undone": "term-undone",
    "imported": "terms-imported",
}
"""Acts in the decision log."""
Key = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Synonym:
    """A term of a kind stands for a code, because a person said so at a time."""

    term: str
    kind: str
    code: Code
    person: str
    at: datetime


@dataclass(frozen=True)
class Change:
    """What made a version of the terms; `term` and `kind` are empty for many at once."""

    what: What
    person: str
    at: datetime
    term: str = ""
    kind: str = ""


def key_of(term: str, kind: str) -> Key:
    """Return by what terms are one: their normal form, and their kind.

    Raises
    ------
    BadInput
        The kind is not one that is coded.
    """
    if kind not in SYSTEMS_OF:
        raise BadInput(
            f"the kind {kind[:32]!r} is not coded", f"one of {', '.join(SYSTEMS_OF)}", "choose one"
        )
    return terms.bag(term), kind


class LocalSynonyms:
    """The local terms of one house in one version; what codes mentions asks them first.

    Parameters
    ----------
    record
        The ConceptMap they were read from; empty for terms that are not stored yet.
    """

    def __init__(
        self,
        synonyms: Iterable[Synonym] = (),
        change: Change | None = None,
        record: Reference = "",
    ) -> None:
        self._synonyms = {key_of(one.term, one.kind): one for one in synonyms}
        self.change = change
        self.record = record

    def __iter__(self) -> Iterator[Synonym]:
        return iter(sorted(self._synonyms.values(), key=lambda one: (one.kind, one.term)))

    def __len__(self) -> int:
        return len(self._synonyms)

    @property
    def version(self) -> int:
        """The version of the record, 0 where nothing is stored."""
        return int(self.record.rpartition("/")[2]) if self.record else 0

    def find(self, term: str, kind: str) -> Synonym | None:
        """Return what a term stands for here."""
        return self._synonyms.get(key_of(term, kind))

    def codes(self, term: str, kind: str) -> Sequence[Code]:
        """Return the codes a term stands for here."""
        found = self.find(term, kind)
        return [] if found is None else [found.code]

    def mapped(self, added: Synonym) -> LocalSynonyms:
        """Return these terms with one more; one that stood for another code stands for the new one.

        Raises
        ------
        BadInput
            The term has no letter or is too long, the kind is not coded, or no person is named.
        """
        checked(added)
        change = Change("mapped", added.person, added.at, added.term, added.kind)
        kept = [one for one in self if key_of(one.term, one.kind) != key_of(added.term, added.kind)]
        return LocalSynonyms([*kept, added], change, self.record)

    def removed(self, term: str, kind: str, person: str, at: datetime) -> LocalSynonyms:
        """Return these terms without one.

        Raises
        ------
        NotFound
            It is none of them.
        """
        gone = self.find(term, kind)
        if gone is None:
            raise NotFound(
                "no such local term", "one of the list", "reload the page and look at the list"
            )
        change = Change("removed", person, at, gone.term, kind)
        return LocalSynonyms([one for one in self if one is not gone], change, self.record)

    def resource(self) -> dict[str, Any]:
        """Return the ConceptMap that is kept."""
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for one in self:
            groups.setdefault((one.kind, one.code.system), []).append(_element(one))
        content: dict[str, Any] = {
            "resourceType": RESOURCE,
            "id": MAP_ID,
            "url": URL,
            "status": "active",
        }
        if self.change is not None:
            content["date"] = self.change.at.isoformat(timespec="seconds")
            content["extension"] = [{"url": CHANGE, "extension": _change(self.change)}]
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

    @classmethod
    def of(cls, content: Mapping[str, Any], record: Reference = "") -> LocalSynonyms:
        """Read local terms from their resource.

        Raises
        ------
        BadInput
            The resource is not one that `resource` wrote.
        """
        try:
            synonyms = list(_synonyms(content))
            change = _change_of(content)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError):
            raise BadInput(
                "a resource that holds no local terms",
                "a ConceptMap as `suwen terms export` writes it",
                "export the terms again",
            ) from None
        return cls([checked(one) for one in synonyms], change, record)


def checked(one: Synonym) -> Synonym:
    """Return a local term that can be kept.

    Raises
    ------
    BadInput
        The term has no letter or is too long, the kind is not coded, or person or code is missing.
    """
    bag, _ = key_of(one.term, one.kind)
    if not bag or len(one.term) > LONGEST:
        raise BadInput("a term that cannot be coded", f"1 to {LONGEST} characters", "shorten it")
    if not one.person or not one.code.code or not one.code.system:
        raise BadInput("a local term without a person or a code", "both", "name them")
    return one


def in_case(case: Case) -> LocalSynonyms | None:
    """Return the local terms a case was opened with; None without any."""
    for record in reversed(case.of(RESOURCE)):
        if record.content.get("url") == URL:
            return LocalSynonyms.of(record.content, record.reference)
    return None


def stored(access: Access) -> LocalSynonyms:
    """Return the local terms as they stand; none where the house has none, or hides them."""
    owner = access.house()
    found = in_case(access.case(owner)) if owner else None
    return LocalSynonyms() if found is None else found


def keep(access: Access, changed: LocalSynonyms) -> LocalSynonyms:
    """Store changed terms as their next version, with a decision that names who changed them.

    Raises
    ------
    Conflict
        Someone else changed them since they were read.
    Denied
        The policy does not let this person change them.
    """
    owner, change = access.house(make=True), changed.change
    if change is None:
        raise BadInput("terms that nobody changed", "a change", "map or remove a term")
    detail: dict[str, Any] = {"from": changed.version, "terms": len(changed)}
    if change.what == "mapped" and (one := changed.find(change.term, change.kind)):
        detail |= {"kind": one.kind, "system": one.code.system, "code": one.code.code}
    key = f"{ACTS[change.what]}:{owner}:{changed.version}"
    (record,) = access.put(
        [changed.resource()],
        owner,
        expected={f"{RESOURCE}/{MAP_ID}": changed.version},
        entries=[Entry(ACTS[change.what], 0, detail, key)],
    )
    return LocalSynonyms.of(record.content, record.reference)


def history(access: Access) -> list[LocalSynonyms]:
    """Return every version of the local terms, the newest first."""
    newest = stored(access)
    if not newest.record:
        return []
    versions = access.history(newest.record.partition("/_history")[0])
    kept = [access.read(one.reference) for one in reversed(versions) if not one.deleted]
    return [LocalSynonyms.of(record.content, record.reference) for record in kept]


def undone(access: Access, version: int, person: str, at: datetime) -> LocalSynonyms:
    """Return the terms with what made a version taken back: its term stands as it stood before.

    Raises
    ------
    NotFound
        There is no such version.
    Conflict
        The term was changed again since, or the version changed many terms at once.
    """
    versions = {one.version: one for one in history(access)}
    made = versions.get(version)
    if made is None or made.change is None:
        raise NotFound("no such version of the local terms", "one of the list", "reload the page")
    term, kind = made.change.term, made.change.kind
    now = versions[max(versions)]
    if not term:
        raise Conflict(
            "a change of many terms at once", "a change of one term", "change its terms one by one"
        )
    if now.find(term, kind) != made.find(term, kind):
        raise Conflict(
            "the term was changed again since", "the newest change of it", "undo that one first"
        )
    before = versions[version - 1].find(term, kind) if version > 1 else None
    kept = [one for one in now if key_of(one.term, one.kind) != key_of(term, kind)]
    change = Change("undone", person, at, term, kind)
    return LocalSynonyms([*kept, before] if before else kept, change, now.record)


def imported(
    now: LocalSynonyms, others: Iterable[Synonym], person: str, at: datetime
) -> LocalSynonyms:
    """Return the terms with those of another house; one that both have stands as imported.

    Who said so is the person who imports them.
    """
    made = {key_of(one.term, one.kind): one for one in now}
    for one in others:
        taken = Synonym(one.term, one.kind, one.code, person, at)
        made[key_of(one.term, one.kind)] = checked(taken)
    return LocalSynonyms(made.values(), Change("imported", person, at), now.record)


def _element(one: Synonym) -> dict[str, Any]:
    return {
        "code": one.term,
        "target": [
            {
                "extension": [
                    {"url": BY, "valueString": one.person},
                    {"url": AT, "valueDateTime": one.at.isoformat(timespec="seconds")},
                    {"url": CHINESE, "valueString": one.code.name.zh},
                ],
                "code": one.code.code,
                "display": one.code.name.en,
                "equivalence": "equivalent",
            }
        ],
    }


def _synonyms(content: Mapping[str, Any]) -> Iterator[Synonym]:
    if content["resourceType"] != RESOURCE:
        raise KeyError(RESOURCE)
    for group in content.get("group", ()):
        kind = group["source"].rpartition("/")[2]
        for element in group["element"]:
            for target in element["target"]:
                said = {one["url"]: one for one in target["extension"]}
                name = Text(en=target["display"], zh=said[CHINESE]["valueString"])
                code = Code(system=group["target"], code=target["code"], name=name)
                at = datetime.fromisoformat(said[AT]["valueDateTime"])
                yield Synonym(element["code"], kind, code, said[BY]["valueString"], at)


def _change(change: Change) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"url": "what", "valueCode": change.what},
        {"url": "person", "valueString": change.person},
        {"url": "at", "valueDateTime": change.at.isoformat(timespec="seconds")},
    ]
    if change.term:
        parts += [
            {"url": "term", "valueString": change.term},
            {"url": "kind", "valueCode": change.kind},
        ]
    return parts


def _change_of(content: Mapping[str, Any]) -> Change | None:
    for extension in content.get("extension", ()):
        if extension["url"] == CHANGE:
            parts = {
                one["url"]: next(v for k, v in one.items() if k.startswith("value"))
                for one in extension["extension"]
            }
            return Change(
                cast(What, parts["what"]),
                parts["person"],
                datetime.fromisoformat(parts["at"]),
                parts.get("term", ""),
                parts.get("kind", ""),
            )
    return None


def now() -> datetime:
    """Return the time by which changes are told, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
