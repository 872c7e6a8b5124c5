"""`suwen stress TASK`: measure what clinically real changes of the input do to the answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suwen.cli.options import AsJson, DataSet, PackFolder, TaskName, TestData

WIDE = 160
"""Characters of a line where the output is no terminal."""


def command(
    task: TaskName,
    limit: Annotated[
        int, typer.Option(min=0, help="Examples (whole patients) that are stressed; 0: all.")
    ] = 200,
    attacked: Annotated[
        int, typer.Option(min=0, help="Examples that are attacked (FGSM, PGD); 0: none.")
    ] = 100,
    dataset: DataSet = "",
    test_data: TestData = None,
    pack: PackFolder = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice and of every change.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write the robustness card of a pack: figures, table and plot, in SUWEN_HOME/stress."""
    import json

    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle import packs
    from suwen.lifecycle.card import robustness as card_robustness
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.plots import robustness as plots_robustness
    from suwen.lifecycle.progress import Progress
    from suwen.lifecycle.robust.stress import PAGE, Asked, folder_of, stress

    found = registry.find(task)
    opened = Pack.load(pack) if pack else packs.current(task)
    folder = folder_of(settings().home, opened)
    asked = Asked(dataset, limit, attacked, seed)
    data = DataFolders.from_settings(test_data)
    with Progress(shown=True) as bars:
        result = stress(found, opened, data, folder, asked, bars.counter("predictions"))
    drawn = [path.stem for path in plots_robustness.draw(result, folder / "plots")]
    page = "\n".join(card_robustness.lines(result, drawn))
    (folder / PAGE).write_text(page, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    show(result)
    typer.echo(f"robustness.json, robustness.md and plots in {folder}")


def show(result: dict[str, Any]) -> None:
    """Print the card as tables."""
    from rich.console import Console
    from rich.table import Table

    from suwen.lifecycle.card.robustness import columns, rows

    console = Console()
    if not console.is_terminal:
        console.width = WIDE  # Nobody sees the edge of a file.
    console.print(
        f"[bold]{result['task']}[/bold]  {result['pack'].rpartition('+')[0]}\n"
        f"{result['data']}, {result['split']}: {result['n']} samples, {result['groups']} groups"
    )
    parts = [("perturbation", result["clean"])]
    if result["attacks"]:
        parts.append(("attack", result["attacks"]["clean"]))
    for kind, clean in parts:
        table = Table(*columns(result), box=None)
        table.columns[0].no_wrap = True
        table.columns[0].min_width = 22
        for cells in rows(result, kind, clean):
            table.add_row(*(cell.replace("[", "\\[") for cell in cells))
        console.print(table)
