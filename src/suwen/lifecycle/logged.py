"""What the decision log keeps of answers: enough to give them again, said once for all of them.

A Decision is one answer: everything a pack says of one sample. The answers of a step (a task marked
`inner`, whose findings nobody reads one by one) on the same inputs are one Decision: a note's
mentions are found, asserted and coded in three entries, however many there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from suwen.core.nouns import Decision, Finding, Reference, canonical, digest_of
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.task import Task
from suwen.records import Access

ACT: Final = "finding"
"""The act under which answers stand in the decision log."""
NAMED: Final = 1000
"""Earlier findings an entry names itself; more are listed in a blob, which the entry names."""
ONE: Final = "finding"
"""In the detail of an entry that is about one finding, as all used to be."""
MEDIA_TYPE: Final = "application/json"


@dataclass(frozen=True)
class Answer:
    """What a pack says of one sample.

    Parameters
    ----------
    inputs
        SHA-256 of each input by reference.
    earlier
        Ids of the earlier findings that decided it.
    """

    sample: Sample
    inputs: Mapping[str, str]
    earlier: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Logged:
    """Answers as an entry of the log names them.

    Parameters
    ----------
    house
        Inputs that are the house's own records, not the patient's.
    whole
        Whether it is all that was said of its samples.
    at
        The moment of the Case, where the answers depend on it.
    read_by
        SHA-256 of the knowledge by which the Case was read, by the names of its files.
    """

    task: str
    pack: str
    inputs: Mapping[str, str]
    earlier: tuple[str, ...]
    samples: tuple[str, ...]
    findings: tuple[str, ...]
    house: frozenset[Reference] = frozenset()
    whole: bool = True
    at: datetime | None = None
    read_by: Mapping[str, str] = field(default_factory=dict)


def knowledge_of(task: Task) -> dict[str, str]:
    """Return the SHA-256 of the knowledge outside its pack by which a task reads a Case."""
    files: Sequence[Path] = getattr(task, "read_by", ())
    return {path.name: digest_of(path.read_bytes()) for path in files}


def together(
    task: Task, answers: Sequence[Answer], house: frozenset[Reference] = frozenset()
) -> list[list[Answer]]:
    """Return the answers that one Decision each is made of, without those that say nothing.

    The house's own records part no answers on one record of the patient.
    """
    spoken = [one for one in answers if one.findings]
    if not getattr(task, "inner", False):
        return [[one] for one in spoken]
    groups: dict[bytes, list[Answer]] = {}
    for one in spoken:
        own = {name: digest for name, digest in one.inputs.items() if name not in house}
        groups.setdefault(canonical(own), []).append(one)
    return list(groups.values())


def detail_of(
    answers: Sequence[Answer],
    access: Access,
    patient: str,
    house: frozenset[Reference] = frozenset(),
) -> dict[str, Any]:
    """Return what an entry says of answers; equal answers give an equal entry.

    `house` are the house's own records that the answers could read.
    """
    findings = [finding for one in answers for finding in one.findings]
    earlier = list(dict.fromkeys(name for one in answers for name in one.earlier))
    named: list[str] | str = earlier
    if len(earlier) > NAMED:
        named = f"blob/{access.put_blob(patient, canonical(earlier), MEDIA_TYPE)}"
    inputs = {name: one.inputs[name] for one in answers for name in one.inputs}
    detail: dict[str, Any] = {
        "task": findings[0].task,
        "pack": findings[0].pack,
        "inputs": inputs,
        "earlier": named,
        "samples": [[one.sample.key, [each.id for each in one.findings]] for one in answers],
        "output": digest_of(canonical([each.model_dump(mode="json") for each in findings])),
    }
    if own := sorted(house.intersection(inputs)):
        detail["house"] = own
    return detail


def logged(decision: Decision, blob: Callable[[str], bytes]) -> Logged:
    """Return the answers that an entry names; `blob` reads a list that stands beside it."""
    detail = decision.detail
    earlier = detail["earlier"]
    if isinstance(earlier, str):
        earlier = json.loads(blob(earlier.removeprefix("blob/")))
    return Logged(
        detail["task"],
        detail["pack"],
        detail["inputs"],
        tuple(earlier),
        tuple(key for key, _ in _samples(detail)),
        finding_ids(decision),
        frozenset(detail.get("house", ())),
        ONE not in detail,
        datetime.fromisoformat(detail["at"]) if "at" in detail else None,
        detail.get("read_by", {}),
    )


def finding_ids(decision: Decision) -> tuple[str, ...]:
    """Return the ids of the findings that an entry is about; none of another act."""
    if decision.act != ACT:
        return ()
    return tuple(name for _, own in _samples(decision.detail) for name in own)


def _samples(detail: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return each sample with its findings."""
    if ONE in detail:
        return [(detail["sample"], [detail[ONE]])]
    return [(key, own) for key, own in detail["samples"]]
