"""`suwen evaluate TASK`: measure the current pack, nothing is tuned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suwen.cli.options import AsJson, PackFolder, TaskName


def command(
    task: TaskName,
    dataset: Annotated[
        str,
        typer.Option(help="Data set of the task; a pack trained on it is taken if there is one."),
    ] = "",
    test_data: Annotated[
        Path | None,
        typer.Option(help="Folder with the same relative paths as an independent test set."),
    ] = None,
    pack: PackFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure the current pack with 95 % intervals, its floors beside it."""
    import json

    from suwen.core import registry
    from suwen.lifecycle import packs
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.evaluate import evaluate
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.progress import Progress

    found = registry.find(task)
    opened = Pack.load(pack) if pack else packs.current(task, dataset)
    with Progress(shown=True) as bars:
        result = evaluate(
            found, opened, DataFolders.from_settings(test_data), dataset, bars.counter("examples")
        )
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        show(result)


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    from rich.console import Console
    from rich.table import Table

    from suwen.lifecycle.card.page import NO_METRICS
    from suwen.lifecycle.card.words import label, number

    console = Console()
    console.print(
        f"[bold]{result['task']}[/bold]  {result['pack'].rpartition('+')[0]}\n"
        f"{result['data']}, {result['split']}: {result['n']} samples, {result['groups']} groups"
    )
    table = Table("metric", "value [95 % interval]", box=None)
    for name, entry in result["metrics"].items():
        table.add_row(label(name), number(entry).replace("[", "\\["))
    console.print(table)
    for floor, entries in result["floor"].items():
        table = Table(f"floor: {floor}", "value [95 % interval]", "gain over it", box=None)
        for name, entry in entries.items():
            if not name.startswith("gain_"):
                gain = number(entries.get(f"gain_{name}"))
                cells = (number(entry), gain)
                table.add_row(label(name), *(cell.replace("[", "\\[") for cell in cells))
        console.print(table)
    for column, values in result["subgroups"].items():
        names = dict.fromkeys(k for v in values.values() for k in v if k not in NO_METRICS)
        table = Table(column, "n", "groups", *map(label, names), box=None)
        for value, entry in values.items():
            row = tuple(number(entry.get(name)).replace("[", "\\[") for name in names)
            few = " (few)" if entry.get("few") else ""
            table.add_row(value + few, str(entry["n"]), str(entry["groups"]), *row)
        console.print(table)
    if missing := result.get("not_recorded"):
        console.print(f"not recorded in this data set: {', '.join(missing)}")
