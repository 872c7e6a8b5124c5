"""`suwen compress TASK`: a smaller draft of a pack, refused when it is clinically worse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suwen.cli.options import AsJson, DataSet, PackFolder, TaskName


def command(
    task: TaskName,
    method: Annotated[
        str,
        typer.Option(
            help="quantise, weights8, channels, prune, float16, or a folder with a smaller pack."
        ),
    ] = "quantise",
    amount: Annotated[
        float, typer.Option(help="Share that is dropped: of hidden channels, or weights (prune).")
    ] = 0.25,
    dataset: DataSet = "",
    limit: Annotated[
        int, typer.Option(min=0, help="Examples (whole patients) it is compared on; 0: all.")
    ] = 0,
    pack: PackFolder = None,
    sign: Annotated[bool, typer.Option(help="Sign the draft when it is accepted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a smaller draft of a pack in SUWEN_HOME/compressed, measured against the pack."""
    import json

    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle import assemble, packs
    from suwen.lifecycle.compression.compress import METHODS, TRAINED, Way, compress
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.progress import Progress
    from suwen.lifecycle.sealed import keys, manifest

    found = registry.find(task)
    opened = Pack.load(pack) if pack else packs.current(task)
    candidate = None if method in METHODS else Path(method)
    student = Pack.load(candidate) if candidate and candidate.is_dir() else None
    way = Way(TRAINED if student else method, amount, dataset, limit, student)
    name = f"{opened.settings['version']}-{opened.sha256[:8]}-{way.name}"
    folder = settings().home / "compressed" / task / name
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(shown=True) as bars:
        data = DataFolders.from_settings()
        result = compress(found, opened, data, way, folder, bars.counter("predictions"))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        show(result)
    if not result["accepted"]:
        typer.echo(f"refused: clinically worse; the figures are in {folder}", err=True)
        raise typer.Exit(1)
    draft = folder / assemble.PACK
    if student:
        typer.echo(f"accepted: {student.folder}", err=as_json)
        return
    if sign:
        manifest.seal(draft, keys.signing_key(settings().home))
    state = "signed" if sign else "unsigned draft (`suwen packs sign` signs it)"
    typer.echo(f"{state}: {draft}", err=as_json)


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    from rich.console import Console
    from rich.table import Table

    from suwen.lifecycle.card.compression import tables

    console = Console()
    for heads, rows in tables(result):
        table = Table(*heads, box=None)
        for cells in rows:
            table.add_row(*(cell.replace("[", "\\[") for cell in cells))
        console.print(table)
