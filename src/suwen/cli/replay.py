"""`suwen replay DECISION`: run a logged finding again, to the same digit or to what changed."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    context: typer.Context,
    decision: Annotated[int, typer.Argument(help="Number of the entry in the decision log.")],
) -> None:
    """Run a finding again on its recorded inputs with its own pack, and compare."""
    result = context.obj.replay(decision)
    if result.same:
        typer.echo(f"decision {decision}: the same output, to the last digit")
        return
    typer.echo(f"decision {decision}: not the same")
    for change in result.changes:
        typer.echo(f"  {change}")
    raise typer.Exit(1)
