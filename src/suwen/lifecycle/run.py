"""Run a task's pack on a Case, keep what it says, and run it again later to the same output.

Findings and their entries in the decision log are written in one transaction: if the log cannot be
written, there is no finding. An entry names the input digests, the pack (with it calibrator and
thresholds, all under one manifest digest) and the finding; the same inputs and the same pack give
the same key, so running twice logs once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suwen.core import registry
from suwen.core.codes import Text
from suwen.core.errors import BadInput, IntegrityError, KeyUnavailable, NotFound
from suwen.core.nouns import Band, Case, Decision, Finding, canonical, digest_of
from suwen.lifecycle import packs, similar
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Sample, Task
from suwen.records import Access, Entry, finding_of

ACT = "finding"
"""The act under which a finding stands in the decision log."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found: the same to the last digit, or what changed."""

    decision: int
    same: bool
    changes: tuple[str, ...] = ()
    finding: Finding | None = None


def run(
    task: Task, pack: Pack, case: Case, access: Access, earlier: Sequence[Finding] = ()
) -> list[Finding]:
    """Answer `task` on `case`, store findings with attachments, and log a decision for each.

    Parameters
    ----------
    task, pack
        The question and the verified pack that answers it.
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
    if pack.task != task.name:
        raise BadInput(f"a pack for {pack.task}", f"a pack for {task.name}", "choose another pack")
    before = [finding for finding in earlier if finding.task in task.after]
    found: list[Finding] = []
    details: list[dict[str, Any]] = []
    for sample in task.samples(case, before):
        inputs = digests_of(sample, case)
        for finding in answer(task, pack, sample):
            found.append(finding)
            details.append(_detail(finding, sample, inputs, before))
    if not found:
        return []
    blobs = [
        (attachment.data, attachment.media_type)
        for finding in found
        for attachment in finding.attachments
        if attachment.data is not None
    ]
    if blobs:
        access.put_blobs(case.patient, blobs)
    entries = [
        Entry(ACT, i, detail, digest_of(canonical(detail))) for i, detail in enumerate(details)
    ]
    access.put(found, case.patient, entries=entries)
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


def _detail(
    finding: Finding, sample: Sample, inputs: Mapping[str, str], before: Sequence[Finding]
) -> dict[str, Any]:
    return {
        "task": finding.task,
        "pack": finding.pack,
        "sample": sample.key,
        "inputs": dict(inputs),
        "earlier": [each.id for each in before],
        "finding": finding.id,
        "output": digest_of(canonical(finding.model_dump(mode="json"))),
    }


def with_data(finding: Finding, blob: Callable[[str], bytes]) -> Finding:
    """Return a finding whose attachments hold their bytes again, read by `blob` (SHA-256)."""
    attachments = tuple(
        attachment.model_copy(update={"data": attachment.data or blob(attachment.digest)})
        for attachment in finding.attachments
    )
    return finding.model_copy(update={"attachments": attachments})


def replay(decision: Decision, access: Access) -> ReplayResult:
    """Run a logged finding again on its recorded inputs with its own pack, and compare.

    Parameters
    ----------
    decision
        An entry of the decision log whose act is a finding.
    access
        Access to that patient; the reading of the inputs is logged as any other.

    Raises
    ------
    BadInput
        The entry is not a finding.
    """
    if decision.act != ACT:
        raise BadInput(
            f"decision {decision.sequence} is {decision.act!r}",
            "a decision about a finding",
            "choose an entry whose act is 'finding'",
        )
    detail = decision.detail
    try:
        task, pack = registry.find(detail["task"]), packs.find(detail["pack"])
        stored = finding_of(access.read(f"Finding/{detail['finding']}", decision.patient))
        references = [name for name in detail["inputs"] if name != "blobs"]
        case = access.case(decision.patient, references=references)
        before = [
            with_data(finding_of(access.read(f"Finding/{name}", decision.patient)), case.blob)
            for name in detail["earlier"]
        ]
        samples = [one for one in task.samples(case, before) if one.key == detail["sample"]]
        if not samples:
            return _changed(decision, "the task no longer finds this sample in the inputs")
        inputs = digests_of(samples[0], case)
        again = answer(task, pack, samples[0])
    except (NotFound, KeyUnavailable, IntegrityError) as error:
        return _changed(decision, str(error))
    changes = [
        f"the input {name} is not what it was"
        for name in sorted({*inputs, *detail["inputs"]})
        if inputs.get(name) != detail["inputs"].get(name)
    ]
    closest = next((one for one in again if one.id == stored.id), again[0] if again else None)
    if closest is None:
        changes.append("the task says nothing now")
    else:
        changes += list(differences(_plain(stored), _plain(closest)))
    return ReplayResult(decision.sequence, not changes, tuple(changes), closest)


def _changed(decision: Decision, why: str) -> ReplayResult:
    return ReplayResult(decision.sequence, False, (why,))


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
