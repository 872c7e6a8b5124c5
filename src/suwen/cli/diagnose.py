"""`suwen diagnose FOLDER`: patient files in, a draft report and its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _point(text: str) -> tuple[float, float, float]:
    from suwen.core.errors import BadInput

    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            f"the point {text!r}",
            "three numbers x,y,z in mm",
            "such as --point=-88.6,20.2,-103.7",
        ) from None
    return x, y, z


def command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with the files of one patient.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the outputs; default: FOLDER-report.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh.")] = "",
    point: Annotated[
        list[str] | None,
        typer.Option(help="A nodule's place, x,y,z in mm (DICOM patient frame); repeatable."),
    ] = None,
) -> None:
    """Read the files of one patient, run every applicable task, write the draft report."""
    from suwen.cli import DiagnoseRequest
    from suwen.core.settings import settings

    request = DiagnoseRequest(
        folder=folder,
        out=out,
        language=lang or settings().language,
        points=tuple(_point(text) for text in point or ()),
    )
    outcome = context.obj.diagnose(request)
    for line in outcome.understood:
        typer.echo(f"  understood: {line}")
    for line in outcome.not_understood:
        typer.echo(f"  not understood: {line}")
    typer.echo()
    for line in outcome.summary:
        typer.echo(f"  {line}")
    typer.echo()
    for path in outcome.files:
        typer.echo(f"  wrote {path}")
    typer.echo(f"  {outcome.seconds:.1f} s; decisions {_ranges(outcome.finding_decisions)}")


def _ranges(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"
