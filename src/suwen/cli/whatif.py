"""`suwen whatif EQUATION`: a published risk with one factor at another value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suwen.cli.options import AsJson

if TYPE_CHECKING:
    from suwen.health.risk_what_if import WhatIf


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

    from suwen.core.quantities import number, with_unit
    from suwen.health.causal import assumptions_of
    from suwen.health.risk_equation import library
    from suwen.health.risk_what_if import told, what_if

    known = library()
    found = what_if(equation, told(known, inputs), told(known, [change]))
    chinese = lang == "zh"
    if as_json:
        lines = [line.model_dump() for line in assumptions_of(found, known)]
        typer.echo(json.dumps({**_as_json(found), "assumptions": lines}, ensure_ascii=False))
        return
    title, factor = known.find(equation).title, known.name_of(found.changed)
    typer.echo(f"{title.zh}：{factor.zh}" if chinese else f"{title.en}: {factor.en}")
    outcomes = known.content["risk_equations"]["outcome"]
    for name, difference in found.difference.items():
        row = outcomes.get(name)
        if row is None:
            continue
        before, after = (
            with_unit(number(float(one.values[name])), row["unit"])
            for one in (found.before, found.after)
        )
        sign = "+" if difference > 0 else ""
        typer.echo(
            f"  {row['name']['zh' if chinese else 'en']}: {before} -> {after} "
            f"({sign}{number(difference)})"
        )
    typer.echo(found.note.zh if chinese else found.note.en)
    for line in assumptions_of(found, known):
        typer.echo(line.zh if chinese else line.en)
    if words := known.disclaimer(equation):
        typer.echo(words)


def _as_json(found: WhatIf) -> dict[str, object]:
    return {
        "equation": found.equation,
        "changed": found.changed,
        "before": dict(found.before.values),
        "after": dict(found.after.values),
        "difference": dict(found.difference),
        "note": found.note.model_dump(),
        "disclaimer": found.disclaimer,
    }
