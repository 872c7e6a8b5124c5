"""`suwen serve`: the workbench and the API."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; default SUWEN_HOST.")] = "",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port, 0: any free one; default SUWEN_PORT."),
    ] = None,
) -> None:
    """Serve the workbench and the API until interrupted."""
    from suwen.core.settings import settings

    context.obj.serve(host or settings().host, settings().port if port is None else port)
