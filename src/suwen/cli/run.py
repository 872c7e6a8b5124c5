"""`suwen run TASK PATH`: one task on the files of one patient; findings are stored and logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suwen.cli.options import TaskName

if TYPE_CHECKING:
    from suwen.core.codes import Language
    from suwen.core.nouns import Finding


def command(
    context: typer.Context,
    task: TaskName,
    path: Annotated[Path, typer.Argument(help="A file, or a folder with files of one patient.")],
    lang: Annotated[str, typer.Option(help="Language of the lines: en or zh.")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line on standard output.")
    ] = False,
) -> None:
    """Answer one task on files of one patient, with the tasks it builds on."""
    import json

    from suwen.core.settings import settings

    answered = context.obj.ask(task, path)
    language: Language = "zh" if (lang or settings().language) == "zh" else "en"
    for line in answered.not_understood:
        typer.echo(f"not understood: {line}", err=True)
    for finding in answered.findings:
        if as_json:
            stretches = [text for _, text in _stretches(finding, answered.texts)]
            row = finding.model_dump(mode="json") | {"text": stretches}
            typer.echo(json.dumps(row, ensure_ascii=False, allow_nan=False))
        else:
            typer.echo(_line(finding, answered.texts, language))
    if not answered.findings:
        typer.echo(f"{task} found nothing to say about these files", err=True)
    numbers = answered.decisions
    logged = f"{min(numbers)} to {max(numbers)}" if numbers else "none"
    said = f"findings {len(answered.findings)}, decisions {logged}, patient {answered.patient}"
    typer.echo(said, err=True)


def _stretches(finding: Finding, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield where a finding points into notes, and the words that stand there."""
    from suwen.core.nouns import TextSpan

    for one in finding.evidence:
        if isinstance(one, TextSpan) and one.record in texts:
            yield f"{one.start}-{one.end}", texts[one.record][one.start : one.end]


def _line(finding: Finding, texts: Mapping[str, str], language: Language) -> str:
    """Return a finding on one line: what, how sure, where it stands."""
    from suwen.core.nouns import Band
    from suwen.diagnosis import wording
    from suwen.diagnosis.language import say

    parts = [f"{wording.label(finding).of(language)} ({finding.code.code})"]
    if finding.probability:
        parts.append(wording.probability(finding.probability).of(language))
    for measure in finding.measures:
        value = wording.quantity(measure.interval, measure.unit).of(language)
        coded = measure.unit == "1" and measure.interval.low == measure.interval.high == 1
        name = measure.code.name.of(language)
        parts.append(name if coded else f"{name} {value}")
    if finding.probability or finding.band is not Band.RULE_IN:
        parts.append(say(language, wording.BAND_CHIPS[finding.band]))
    if finding.reason and not (finding.probability or finding.measures):
        parts.append(wording.quoted(finding.reason.of(language)))
    places = [f"{place} {wording.quoted(text, 80)}" for place, text in _stretches(finding, texts)]
    return " · ".join([*parts, *places])
