"""`suwen serve`: the workbench and the API."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; default SUWEN_HOST.")] = "",
    port: Annotated[int, typer.Option(help="Port; default SUWEN_PORT.")] = -1,
) -> None:
    """Serve the workbench and the API until interrupted."""
    from suwen.core.settings import settings

    context.obj.serve(host or settings().host, settings().port if port < 0 else port)
