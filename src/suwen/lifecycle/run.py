"""Run a task's pack on a Case, keep what it says, and run it again later to the same output.

Findings and their entries in the decision log are written in one transaction: if the log cannot be
written, there is no finding. An entry names the input digests, the pack (with it calibrator and
thresholds, all under one manifest digest) and the findings (`lifecycle.logged`); the same inputs
and the same pack give the same key, so running twice logs once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from suwen.core import registry
from suwen.core.codes import Text
from suwen.core.errors import BadInput, IntegrityError, KeyUnavailable, NotFound
from suwen.core.nouns import Band, Case, Decision, Finding, Reference, canonical, digest_of
from suwen.lifecycle import packs
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.logged import (
    ACT,
    Answer,
    Logged,
    detail_of,
    knowledge_of,
    logged,
    together,
)
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import similar
from suwen.lifecycle.task import Task
from suwen.records import Access, Entry, finding_of

MOST = 100_000
"""Findings of one task that are looked through."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found: the same to the last digit, or what changed."""

    decision: int
    same: bool
    changes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def run(
    task: Task,
    pack: Pack | Callable[[], Pack],
    case: Case,
    access: Access,
    earlier: Sequence[Finding] = (),
) -> list[Finding]:
    """Answer `task` on `case`, store findings with attachments, and log a decision for each.

    Parameters
    ----------
    task, pack
        The question and the verified pack that answers it, or what opens it: then only where there
        is something to answer.
    case, access
        What is recorded about the patient, and the access under which it was opened.
    earlier
        Findings on the same Case; those of the tasks in `task.after` are passed on.

    Returns
    -------
    list of Finding
        Empty when the task does not apply. Attachments still hold their bytes.

    Raises
    ------
    StorageUnavailable
        Store or decision log cannot be written; then nothing was kept and nothing may be shown.
    """
    case, house = with_house(task, case, access)
    before = [finding for finding in earlier if finding.task in task.after]
    everything = tuple(finding.id for finding in before)
    if not (samples := list(task.samples(case, before))):
        return []
    pack = pack if isinstance(pack, Pack) else pack()
    if pack.task != task.name:
        raise BadInput(f"a pack for {pack.task}", f"a pack for {task.name}", "choose another pack")
    answers = [
        Answer(
            sample,
            digests_of(sample, case),
            everything if sample.earlier is None else sample.earlier,
            tuple(answer(task, pack, sample)),
        )
        for sample in samples
    ]
    groups = together(task, answers, house)
    details = [detail_of(group, access, case.patient, house) for group in groups]
    return _kept(groups, details, _moment_of(task, case), access, case.patient)


def _moment_of(task: Task, case: Case) -> dict[str, Any]:
    """Return what an answer rests on beside records and pack: the moment, the room's knowledge."""
    moment: dict[str, Any] = {}
    if getattr(task, "timed", False):
        moment["at"] = case.at.isoformat()
    if knowledge := knowledge_of(task):
        moment["read_by"] = knowledge
    return moment


def with_house(
    task: Task, case: Case, access: Access, references: Sequence[Reference] | None = None
) -> tuple[Case, frozenset[Reference]]:
    """Return a Case with the house's own records that a task reads (`task.house`), and which.

    Now, or exactly `references`. The patient's records stay as they are.
    """
    kinds = getattr(task, "house", ())
    owner = access.house() if kinds and references != [] else ""
    if not owner:
        return case, frozenset()
    own = [one for one in access.case(owner, references=references).records if one.type in kinds]
    return replace(case, records=(*case.records, *own)), frozenset(one.reference for one in own)


def _kept(
    groups: Sequence[Sequence[Answer]],
    details: Sequence[dict[str, Any]],
    moment: Mapping[str, str],
    access: Access,
    patient: str,
) -> list[Finding]:
    """Store the findings of answers with a Decision for each group, and return them.

    Equal answers of another `moment` are one Decision: the first.
    """
    found: list[Finding] = []
    entries: list[Entry] = []
    for group, detail in zip(groups, details, strict=True):
        entries.append(Entry(ACT, len(found), {**detail, **moment}, digest_of(canonical(detail))))
        found += [finding for one in group for finding in one.findings]
    blobs = [
        (attachment.data, attachment.media_type)
        for finding in found
        for attachment in finding.attachments
        if attachment.data is not None
    ]
    if blobs:
        access.put_blobs(patient, blobs)
    if found:
        access.put(found, patient, entries=entries)
    return found


def answered(task: Task, pack: Pack, case: Case, earlier: Sequence[Finding] = ()) -> list[Finding]:
    """Answer `task` on `case` without a store: nothing is kept, so nothing of it can be replayed.

    `earlier` are findings on the same Case; those of the tasks in `task.after` are passed on.
    """
    before = [finding for finding in earlier if finding.task in task.after]
    return [
        finding for sample in task.samples(case, before) for finding in answer(task, pack, sample)
    ]


def answer(task: Task, pack: Pack, sample: Sample) -> list[Finding]:
    """Predict one sample; outside the input domain the pack abstains and says why.

    Beside an answer stand the most similar development examples, where the pack keeps them.
    """
    output = task.predict(pack, sample)
    findings = task.findings(pack, sample, output)
    if any(finding.band is Band.ABSTAIN for finding in findings):
        return findings
    if reasons := pack.guard.reasons(output.domain):
        return [abstention(task, pack, sample, reasons)]
    return similar.with_examples(task, pack, sample, findings)


def abstention(task: Task, pack: Pack, sample: Sample, reasons: Sequence[Text]) -> Finding:
    """Return the finding that says that nothing is said, and why."""
    return Finding(
        task=task.name,
        pack=pack.identity,
        code=task.answers.asked,
        band=Band.ABSTAIN,
        reason=Text(
            en=" ".join(reason.en for reason in reasons), zh="".join(r.zh for r in reasons)
        ),
        evidence=sample.evidence,
    )


def digests_of(sample: Sample, case: Case) -> dict[str, str]:
    """Return the SHA-256 of each input of a sample by reference; all blobs share one entry.

    Raises
    ------
    BadInput
        An input is not a record of the Case: the room forgot where it read from.
    """
    contents = {record.reference: record.content for record in case.records}
    found = {}
    blobs = []
    for reference in sorted(set(sample.inputs)):
        if reference.startswith("blob/"):
            blobs.append(reference)
        elif reference in contents:
            found[reference] = digest_of(canonical(contents[reference]))
        elif not reference.startswith("Finding/"):
            raise BadInput(
                f"the input {reference} is not in the Case", "references of the Case's records"
            )
    if blobs:
        found["blobs"] = digest_of(canonical(blobs))
    return found


def with_data(finding: Finding, blob: Callable[[str], bytes]) -> Finding:
    """Return a finding whose attachments hold their bytes again, read by `blob` (SHA-256)."""
    attachments = tuple(
        attachment.model_copy(update={"data": attachment.data or blob(attachment.digest)})
        for attachment in finding.attachments
    )
    return finding.model_copy(update={"attachments": attachments})


def replay(decision: Decision, access: Access) -> ReplayResult:
    """Give logged answers again on their recorded inputs with their own pack, and compare.

    The Case is that of the moment it was opened at, or else of the decision: ages and times since
    a value are those of then.

    Parameters
    ----------
    decision
        An entry of the decision log whose act is a finding.
    access
        Access to that patient; the reading of the inputs is logged as any other.

    Raises
    ------
    BadInput
        The entry is not about findings.
    """
    if decision.act != ACT:
        raise BadInput(
            f"decision {decision.sequence} is {decision.act!r}",
            "a decision about findings",
            "choose an entry whose act is 'finding'",
        )
    patient = decision.patient
    try:
        said = logged(decision, lambda digest: access.blob(patient, digest))
        task, pack = registry.find(said.task), packs.find(said.pack)
        stored = _named(access, patient, [task.name], said.findings)
        own = [name for name in said.inputs if name != "blobs" and name not in said.house]
        then = access.case(patient, said.at or decision.at, references=own)
        case, _ = with_house(task, then, access, sorted(said.house))
        before = [
            with_data(one, case.blob) for one in _named(access, patient, task.after, said.earlier)
        ]
        chosen = [one for one in task.samples(case, before) if one.key in said.samples]
        again = [finding for sample in chosen for finding in answer(task, pack, sample)]
        if not said.whole:
            again = [one for one in again if one.id in said.findings] or again[:1]
    except (NotFound, KeyUnavailable, IntegrityError) as error:
        return ReplayResult(decision.sequence, False, (str(error),))
    lost = set(said.samples) - {one.key for one in chosen}
    changes = [f"the task no longer finds the sample {key} in the inputs" for key in sorted(lost)]
    changes += [*_changed_inputs(said, chosen, case), *_changed_answers(stored, again)]
    if changes:
        changes = [*_changed_knowledge(said, task), *changes]
    return ReplayResult(decision.sequence, not changes, tuple(changes), tuple(again))


def stored_findings(access: Access, patient: str, task: str) -> list[Finding]:
    """Return everything a task ever found of a patient, in the order it was stored; logged once."""
    found = access.search("Finding", patient, code=task, limit=MOST)
    return [finding_of(record) for record in found]


def _named(access: Access, patient: str, tasks: Sequence[str], ids: Sequence[str]) -> list[Finding]:
    """Return stored findings of tasks by their ids, in that order.

    Raises
    ------
    NotFound
        One is not stored, or the person may not see it.
    """
    found = {
        finding.id: finding
        for task in (tasks if ids else ())
        for finding in stored_findings(access, patient, task)
    }
    if missing := [name for name in ids if name not in found]:
        raise NotFound(
            f"no such finding is stored: {missing[0]}", "a stored finding", "search for it"
        )
    return [found[name] for name in ids]


def _changed_knowledge(said: Logged, task: Task) -> Iterator[str]:
    """Yield the knowledge outside the pack that reads a Case otherwise than it did then."""
    now = knowledge_of(task)
    for name, digest in sorted(said.read_by.items()):
        if now.get(name) != digest:
            yield f"the knowledge {name} by which the inputs are read is not what it was"


def _changed_inputs(said: Logged, samples: Sequence[Sample], case: Case) -> Iterator[str]:
    inputs: dict[str, str] = {}
    for sample in samples:
        inputs |= digests_of(sample, case)
    for name in sorted({*inputs, *said.inputs}):
        if inputs.get(name) != said.inputs.get(name):
            yield f"the input {name} is not what it was"


def _changed_answers(before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[str]:
    """Yield where answers differ: equal findings first, the others in their order."""
    equal = {finding.id for finding in before} & {finding.id for finding in after}
    mine = [finding for finding in before if finding.id not in equal]
    others = [finding for finding in after if finding.id not in equal]
    for n, (one, other) in enumerate(zip(mine, others, strict=False), 1):
        place = f"finding {n} of {len(mine)}, " if len(before) > 1 else ""
        for change in differences(_plain(one), _plain(other)):
            yield f"{place}{change}"
    for finding in mine[len(others) :]:
        yield f"the task no longer says {finding.code.name.en!r}"
    for finding in others[len(mine) :]:
        yield f"the task also says {finding.code.name.en!r} now"


def _plain(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(mode="json")


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield each place where two plain values differ, with both values where they are short."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key), after.get(key), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{i}]")
    elif before != after:
        one, other = (str(value) if len(str(value)) <= 40 else "..." for value in (before, after))
        yield f"{path}: was {one}, is {other}"
