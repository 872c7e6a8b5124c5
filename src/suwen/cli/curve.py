"""`suwen curve TASK DECLARATION`: how good a task gets with few labels, in figures and a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suwen.cli.options import AsJson, TaskName


def command(
    task: TaskName,
    declaration: Annotated[
        Path, typer.Argument(help="TOML file with the lines, shares and seeds; see docs/measured.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Also write the page and the plots into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train at shares of the labels and compare; start it again after a kill and it goes on.

    Figures, page and plots lie in SUWEN_HOME/curves/TASK, under the name of the declaration.
    """
    import json

    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle.curve import grid as curve
    from suwen.lifecycle.curve import page as curve_page
    from suwen.lifecycle.curve import plan as curve_plan
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.progress import Progress

    found, plan = registry.find(task), curve_plan.read(declaration)
    home = settings().home
    folder = home / "curves" / task / declaration.stem
    with Progress(shown=True) as bars:
        data = DataFolders.from_settings()
        counter = bars.counter("networks")
        result = curve.run(found, plan, data, folder, home / "pretrained", counter)
    written = [curve_page.write(result, place) for place in (folder, out) if place is not None]
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    typer.echo(curve_page.table(result))
    typer.echo("\n".join(map(str, written)))
