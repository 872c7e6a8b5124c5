"""`suwen card TASK`: the model card of the pack in use."""

from __future__ import annotations

from typing import Annotated

import typer

from suwen.cli.options import PackFolder, TaskName


def command(
    task: TaskName,
    pack: PackFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
    raw: Annotated[bool, typer.Option(help="The Markdown as it is.")] = False,
) -> None:
    """Show the model card: data, licence, figures with intervals, limits, cost."""
    import json
    import sys

    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle import packs
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.robust.stress import PAGE, folder_of

    registry.find(task)
    found = Pack.load(pack) if pack else packs.current(task)
    if as_json:
        typer.echo(json.dumps(found.content("card.json", needed=True), ensure_ascii=False))
        return
    text = found.path("card.md").read_text(encoding="utf-8")
    beside = folder_of(settings().home, found) / PAGE
    if beside.exists():
        text += f"\n{beside.read_text(encoding='utf-8')}"
    if raw or not sys.stdout.isatty():
        typer.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
