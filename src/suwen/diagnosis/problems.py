"""Findings gathered by what they are about, the most worrying first.

Findings of several tasks about one lesion share its tracking UID (DICOM PS3.3 C.18.8, Tracking
Unique Identifier); a finding without one stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suwen.core.codes import (
    LONGEST_DIAMETER,
    NEWS2,
    NEWS2_LEAST,
    NEWS2_MOST,
    SEEK_CARE,
    Code,
    Text,
)
from suwen.core.nouns import Act, Band, Finding, Measure, Report, Review, Status, Tracking
from suwen.core.quantities import number, percent
from suwen.diagnosis import lesions, noted
from suwen.diagnosis.language import both, same
from suwen.diagnosis.wording import BAND_WORDS, concept, inside, label, quoted

EARLY_WARNING = (NEWS2, NEWS2_LEAST, NEWS2_MOST)
AT_ONCE = 4.0
"""Rank of what a person should be seen for at once."""
ABSTAINED = 1.5
"""Rank of a question left open: below every grey answer, above every rule-out."""


@dataclass(frozen=True)
class Problem:
    """The findings about one lesion, the most worrying first.

    `earlier` holds those on earlier studies of a lesion that was followed to the current one:
    what they say is told by the finding that compares.
    """

    findings: tuple[Finding, ...]
    earlier: tuple[Finding, ...] = ()
    tracking: Tracking | None = None
    """The identity over studies, where it is not that of the first finding."""

    @property
    def label(self) -> Text:
        """What it is called."""
        return label(self.findings[0], self.tracking)

    @property
    def site(self) -> Code | None:
        """Where it is, if any finding says so."""
        return next((finding.site for finding in self.findings if finding.site), None)

    @property
    def rank(self) -> float:
        """The rank of its most worrying finding, see `rank`."""
        return rank(self.findings[0])

    @property
    def answer(self) -> Finding | None:
        """The most worrying finding with a probability."""
        return next((f for f in self.findings if _answered(f)), None)

    @property
    def mark(self) -> Finding | None:
        """The finding by which a search proposed it, if one did."""
        return next((f for f in self.findings if _marked(f)), None)

    @property
    def proposed(self) -> bool:
        """Whether a search proposed it weakly and nothing else is said of it."""
        weak = {Band.GREY, Band.RULE_OUT}
        return all(_marked(f) and f.band in weak for f in self.findings)

    @property
    def lacking(self) -> bool:
        """Whether it only says what else would have to be recorded for an answer."""
        return all(f.status is Status.SUGGESTED and f.band is Band.ABSTAIN for f in self.findings)

    @property
    def measures(self) -> tuple[tuple[Measure, Finding], ...]:
        """Each measured concept once, with the finding that says it."""
        found: dict[tuple[str, str], tuple[Measure, Finding]] = {}
        for finding in self.findings:
            for measure in finding.measures:
                found.setdefault((measure.code.system, measure.code.code), (measure, finding))
        return tuple(found.values())

    @property
    def longest(self) -> tuple[Measure, Finding] | None:
        """The longest diameter, with the finding that says it."""
        wanted = LONGEST_DIAMETER.code
        return next((pair for pair in self.measures if pair[0].code.code == wanted), None)


def _marked(finding: Finding) -> bool:
    return finding.tracking is not None and finding.status is Status.SUGGESTED


def _answered(finding: Finding) -> bool:
    return finding.probability is not None and finding.band is not Band.ABSTAIN


def rank(finding: Finding) -> float:
    """Return how soon a person should look, in [0, 4]: the band first, the probability within it.

    Rule-in 3 + p, grey 2 + p, abstained 1.5, rule-out p, measured only or suggested 0: that there
    probably is something, or that recording more would answer more, says nothing yet about danger.
    An early warning score has no p; what should be seen to at once leads them all.
    """
    if finding.status is Status.SUGGESTED:
        return 0.0
    if finding.band is Band.ABSTAIN:
        return ABSTAINED
    if finding.code.system == SEEK_CARE:
        return AT_ONCE
    base = {Band.RULE_IN: 3.0, Band.GREY: 2.0, Band.RULE_OUT: 0.0}[finding.band]
    if finding.probability is None:
        return base if finding.code.code == NEWS2.code else 0.0
    return base + finding.probability.value


def problems(findings: Iterable[Finding]) -> list[Problem]:
    """Gather `findings` by lesion: the most worrying first, the larger before the smaller.

    What notes say is no problem of its own: `noted` tells it.
    """
    every = tuple(finding for finding in findings if not noted.from_text(finding))
    known, before = lesions.identities(every), lesions.past(every)
    groups: dict[str, list[Finding]] = {}
    for finding in every:
        uid = finding.tracking.uid if finding.tracking else finding.id
        groups.setdefault(known[uid].uid if uid in known else uid, []).append(finding)
    named = {tracking.uid: tracking for tracking in known.values()}
    gathered = []
    for uid, group in groups.items():
        ordered = sorted(group, key=lambda f: (-rank(f), f.task, f.code.code, f.id))
        now = tuple(f for f in ordered if f.id not in before) or tuple(ordered)
        rest = tuple(f for f in ordered if f not in now)
        gathered.append(Problem(now, rest, named.get(uid)))
    return sorted(gathered, key=_order)


def _order(problem: Problem) -> tuple[float, float, float, str, str]:
    size = problem.longest[0].interval.value if problem.longest else 0.0
    first = problem.findings[0]
    sure = first.probability.value if first.probability else 1.0
    return (-problem.rank, -size, -sure, problem.label.en, first.id)


def latest_reviews(report: Report) -> dict[str, Review]:
    """Return the last act on each finding, by finding id."""
    return latest(report.reviews)


def latest(reviews: Iterable[Review]) -> dict[str, Review]:
    """Return the last of some acts on each finding, by finding id."""
    return {review.finding: review for review in reviews}


def edits(report: Report) -> dict[str, Review]:
    """Return, by finding id, the reviews whose text stands for a finding."""
    return {
        key: entry
        for key, entry in latest_reviews(report).items()
        if entry.act is Act.EDITED and entry.text
    }


def shown(report: Report) -> tuple[Finding, ...]:
    """Return the findings that were not rejected, that no person's own finding stands for, and
    that rest on none of these.
    """
    return standing(report.findings, report.reviews)


def standing(findings: Sequence[Finding], reviews: Iterable[Review]) -> tuple[Finding, ...]:
    """Return those of some findings that stand after some acts, as `shown` does."""
    gone = {
        name for name, one in latest(reviews).items() if one.act is Act.REJECTED or one.replaced_by
    }
    return tuple(
        finding
        for finding in findings
        if finding.id not in gone and gone.isdisjoint(lesions.cited(finding))
    )


def urgency(report: Report) -> tuple[float, Text]:
    """Return where a report stands in the worklist and why; the highest rank is to be read first.

    The rank is that of its most worrying finding not rejected (see `rank`), 0 without any.
    """
    if report.status == "withdrawn":
        return 0.0, both("Report withdrawn")
    ordered = problems(shown(report))
    if not ordered:
        return 0.0, both("No finding to review")
    first = ordered[0]
    leading = first.findings[0]
    if leading.id in (edited := edits(report)):
        words = same(quoted(edited[leading.id].text, 120))
        return first.rank, both("%(what)s: %(text)s", what=first.label, text=words)
    if leading.band is Band.ABSTAIN:
        return first.rank, both("%(label)s: a question was left unanswered", label=first.label)
    if leading.code.code == NEWS2.code:
        scores = [
            number(one.interval.value) for one in leading.measures if one.code in EARLY_WARNING
        ]
        return first.rank, both("%(what)s: %(text)s", what=first.label, text=same("–".join(scores)))
    if leading.code.system == SEEK_CARE:
        return first.rank, both("%(label)s: seek care now", label=first.label)
    if leading.probability is None:
        return first.rank, both("%(label)s: measured, no risk estimated", label=first.label)
    return first.rank, both(
        "%(label)s: %(concept)s %(probability)s, %(band)s",
        label=first.label,
        concept=inside(concept(leading.code)),
        probability=percent(leading.probability.value),
        band=both(BAND_WORDS[leading.band]),
    )
