"""Why a finding may be believed, in words: its evidence, its explanations, what made it."""

from __future__ import annotations

from collections.abc import Mapping

from suwen.core.codes import Language, Text
from suwen.core.nouns import (
    Explanation,
    ImageRegion,
    RecordValue,
    Reference,
    SimilarExample,
    TextSpan,
    TimeInterval,
)
from suwen.diagnosis.language import both, joined, message, say
from suwen.diagnosis.problems import Problem
from suwen.diagnosis.wording import concept, quoted

METHODS = {
    "cam": message("class-activation map"),
    "class-activation-map": message("class-activation map"),
    "occlusion": message("occlusion"),
    "contributions": message("feature contributions (SHAP)"),
    "lime": message("a local linear model (LIME)"),
}
MOST_INPUTS = 12
"""Inputs that are written out one by one; the decision log has them all."""


def evidence_rows(problem: Problem, language: Language) -> list[tuple[str, str]]:
    """Return each piece of evidence once: what it is, and the record it lies in.

    Similar examples are no records of the patient and stand apart (`likeness`).
    """
    rows: dict[tuple[str, str], None] = {}
    for finding in problem.findings:
        for evidence in finding.evidence:
            if isinstance(evidence, SimilarExample):
                continue
            what = _pointed(evidence).of(language)
            note = evidence.note.of(language) if evidence.note else ""
            rows[(f"{what} {note}".strip(), evidence.record)] = None
    return list(rows)


def _pointed(evidence: ImageRegion | TextSpan | RecordValue | TimeInterval) -> Text:
    """Return in words where a piece of evidence lies."""
    if isinstance(evidence, ImageRegion):
        size = [high - low for low, high in zip(evidence.low, evidence.high, strict=True)]
        return both(
            "Image region centred at x %(x)s, y %(y)s, z %(z)s mm (LPS), %(size)s mm, "
            "series %(series)s, image %(image)s.",
            x=f"{evidence.centre[0]:.1f}",
            y=f"{evidence.centre[1]:.1f}",
            z=f"{evidence.centre[2]:.1f}",
            size=" × ".join(f"{side:.0f}" for side in size),
            series=evidence.series_uid,
            image=evidence.instance_uid,
        )
    if isinstance(evidence, TextSpan):
        return both("Text, characters %(a)s to %(b)s.", a=evidence.start, b=evidence.end)
    if isinstance(evidence, TimeInterval):
        return both(
            "Seconds %(a).1f to %(b).1f of the recording.", a=evidence.start, b=evidence.end
        )
    return both("Recorded value at %(path)s.", path=quoted(evidence.path, 120))


def explanation_line(explanation: Explanation, language: Language) -> str:
    """Return how an answer was explained and checked, or why the explanation is not shown."""
    method = both(METHODS.get(explanation.method, explanation.method))
    if explanation.hidden_because:
        return say(
            language,
            "Explanation by %(method)s is not shown: %(why)s",
            method=method,
            why=explanation.hidden_because,
        )
    facts = []
    if explanation.faithfulness is not None:
        facts.append(both("faithfulness %(f)s of 1", f=f"{explanation.faithfulness:.2f}"))
    if explanation.randomisation_similarity is not None:
        similarity = f"{explanation.randomisation_similarity:.2f}"
        facts.append(both("similarity to a randomised model %(s)s (low is good)", s=similarity))
    checked = joined(facts, ", ", "，") if facts else both("not measured")
    return say(language, "Explanation by %(method)s: %(checked)s.", method=method, checked=checked)


def provenance_groups(
    problem: Problem,
    language: Language,
    decisions: Mapping[str, int],
    inputs: Mapping[str, tuple[Reference, ...]],
) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return each concept with pack and inputs, and the id and decision-log entry of its findings.

    Findings of one concept that one pack drew from the same inputs stand together.
    """
    groups: dict[tuple[str, str, tuple[Reference, ...]], list[tuple[str, str]]] = {}
    for finding in problem.findings:
        read = inputs.get(finding.id, ())
        rows = groups.setdefault((concept(finding.code).of(language), finding.pack, read), [])
        if not rows:
            rows.append((say(language, "Pack"), finding.pack))
            rows += [(say(language, "Input"), reference) for reference in read[:MOST_INPUTS]]
            if len(read) > MOST_INPUTS:
                rows.append((say(language, "Input"), _further(language, len(read) - MOST_INPUTS)))
        rows.append((say(language, "Finding id"), finding.id))
        if finding.id in decisions:
            rows.append((say(language, "Decision log"), str(decisions[finding.id])))
    return [(name, tuple(rows)) for (name, _, _), rows in groups.items()]


def _further(language: Language, count: int) -> str:
    return say(language, "and %(count)s more records, all in the decision log", count=count)
