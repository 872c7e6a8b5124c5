"""`suwen whatif EQUATION`: a published risk with one factor at another value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suwen.cli.options import AsJson

if TYPE_CHECKING:
    from suwen.core.nouns import Interval
    from suwen.health.risk.compared import Compared


def command(
    equation: Annotated[str, typer.Argument(help="Equation, e.g. PREVENT_2023_base_10y.")],
    inputs: Annotated[
        list[str],
        typer.Option("--input", help="NAME=VALUE, e.g. 'systolic_bp=140 mm[Hg]'; repeatable."),
    ],
    change: Annotated[str, typer.Option(help="The factor at its other value, NAME=VALUE.")],
    lang: Annotated[str, typer.Option(help="Language of the answer: en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say an equation's risk as it is and with one factor changed: an association, no effect."""
    import json

    from suwen.core.codes import Language
    from suwen.health.advice.task import ADVICE, book_of
    from suwen.health.risk.compared import compared
    from suwen.health.risk.equation import library
    from suwen.health.risk.findings import outcome
    from suwen.health.risk.what_if import told
    from suwen.lifecycle import packs

    known = library()
    book = book_of(packs.current(ADVICE))
    found = compared(equation, told(known, inputs), told(known, [change]), known, book)
    language: Language = "zh" if lang == "zh" else "en"
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False))
        return
    title, factor = known.find(equation).title, known.name_of(found.change.changed)
    colon = "：" if language == "zh" else ": "
    typer.echo(f"{title.of(language)}{colon}{factor.of(language)}")
    outcomes = known.content["risk_equations"]["outcome"]
    for name, difference in found.change.difference.items():
        row = outcomes.get(name)
        if row is None:
            continue
        before, after = (
            outcome(known, name, one.values[name]).of(language)
            for one in (found.change.before, found.change.after)
        )
        if found.limits is not None and name == found.outcome:
            after += f" {found.limits_shown}"
        typer.echo(f"  {row['name'][language]}: {before} -> {after} ({difference:+.1f})")
    for line in found.lines():
        typer.echo(line.of(language))
    if words := found.change.disclaimer:
        typer.echo(words.of(language))


def _as_json(found: Compared) -> dict[str, object]:
    change, trials = found.change, found.trials
    note, *rest = found.lines()
    return {
        "equation": change.equation,
        "changed": change.changed,
        "before": dict(change.before.values),
        "after": dict(change.after.values),
        "difference": dict(change.difference),
        "limits": _interval(found.limits),
        "trials": {**_interval(trials.risk), "source": trials.source} if trials else {},
        "note": note.model_dump(),
        "assumptions": [line.model_dump() for line in rest],
        "disclaimer": change.disclaimer.model_dump() if change.disclaimer else None,
    }


def _interval(found: Interval | None) -> dict[str, object]:
    return found.model_dump() if found is not None else {}
