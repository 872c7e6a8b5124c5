"""`suwen demo`: the main job on the bundled demo patients, then the workbench."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    context: typer.Context,
    once: Annotated[bool, typer.Option(help="Stop after the reports.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the workbench; 0: any free one.")
    ] = 8080,
) -> None:
    """Diagnose the demo patients, print their reports, then serve the workbench."""
    context.obj.demo(once=once, port=port)
