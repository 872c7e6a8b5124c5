"""What notes assess and plan, in a report: their own sentences, each bound to where it stands.

Sentences stay in the language of their note, in quotation marks, with its title and day. Which ones
there are and in which order says whoever read the notes; a report has room for a screenful.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from suwen.core.codes import Text
from suwen.core.nouns import Finding, Review, Statement, TextSpan
from suwen.diagnosis.language import both, joined, same
from suwen.diagnosis.wording import Section, quoted

MOST = 10
"""Sentences that stand in a report."""
PLANS = 3
"""Of these, sentences of plans that name no problem, where there are so many."""
TITLE_CHARACTERS = 80


@dataclass(frozen=True)
class Quotation:
    """A sentence of a note.

    Parameters
    ----------
    words
        As they stand in the note.
    place
        Where, in the stored original.
    title, date
        What the note calls itself and its day in ISO 8601; empty where it has none.
    about
        The problem it is about; None for a plan that names none.
    findings
        Ids of the findings of that problem.
    """

    words: str
    place: TextSpan
    title: str = ""
    date: str = ""
    about: Text | None = None
    findings: tuple[str, ...] = ()


def statements(
    quotations: Iterable[Quotation], findings: Iterable[Finding], reviews: Iterable[Review]
) -> list[Statement]:
    """Return what the notes assess and plan: at most `MOST` sentences, and how many more there are.

    Parameters
    ----------
    quotations
        The most important first. What several notes say in the same words is told once, with all
        its places.
    findings
        Those of the report that stand.
    reviews
        What people said of findings: one that another stands for is bound to that.
    """
    heirs = {one.finding: one.replaced_by for one in reviews if one.replaced_by}
    known = {one.id for one in findings}
    groups: dict[tuple[str, Text | None], list[Quotation]] = {}
    for one in quotations:
        groups.setdefault((one.words, one.about), []).append(one)
    problems = [own for own in groups.values() if own[0].about is not None]
    plans = [own for own in groups.values() if own[0].about is None]
    first = problems[: MOST - min(len(plans), PLANS)]
    kept = [*first, *plans[: MOST - len(first)]]
    made = [_statement(own, heirs, known) for own in kept]
    rest = [own for own in (*problems, *plans) if own not in kept]
    return [*made, _rest(rest)] if rest else made


def _statement(
    own: Sequence[Quotation], heirs: dict[str, str], known: Collection[str]
) -> Statement:
    first = own[0]
    named = (heirs.get(name, name) for one in own for name in one.findings)
    quote = both("“%(words)s” (%(source)s)", words=quoted(first.words), source=_source(first))
    return Statement(
        section=Section.QUOTED,
        text=both("%(what)s: %(text)s", what=_begun(first.about or both("Plan")), text=quote),
        findings=tuple(dict.fromkeys(name for name in named if name in known)),
        records=_records(own),
        places=tuple(one.place for one in own),
    )


def _begun(name: Text) -> Text:
    """Return a name as it begins a line."""
    return Text(en=name.en[:1].upper() + name.en[1:], zh=name.zh)


def _source(one: Quotation) -> Text:
    title = same(quoted(one.title, TITLE_CHARACTERS)) if one.title else both("note")
    return joined([title, same(one.date)], ", ", "，") if one.date else title


def _records(own: Iterable[Quotation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.place.record for one in own))


def _rest(rest: Sequence[Sequence[Quotation]]) -> Statement:
    """Return how many more there are, bound to the notes they stand in."""
    text = both("More in the summary of the notes: %(count)s.", count=len(rest))
    records = _records([one for own in rest for one in own])
    return Statement(section=Section.QUOTED, text=text, records=records)


def left(statement: Statement, findings: Collection[str]) -> list[Statement]:
    """Return a quotation with what is left of the findings of its problem; nothing without any.

    What was misread as a problem is no problem that a sentence is about.
    """
    kept = tuple(name for name in statement.findings if name in findings)
    return [statement.model_copy(update={"findings": kept})] if kept else []
