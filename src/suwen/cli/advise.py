"""`suwen advise FOLDER|PATIENT`: what guidelines advise this person, ranked, with a draft plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    of: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|PATIENT",
            help="A file or folder of one patient, or the id of a patient of the store.",
        ),
    ],
    lang: Annotated[str, typer.Option(help="Language of the advice: en or zh.")] = "",
    form: Annotated[
        str,
        typer.Option("--format", help="text, markdown, json or fhir (draft CarePlan and Goals)."),
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Say what guidelines advise a person, the urgent first, and what is withheld and why."""
    from suwen.cli import AdviceRequest
    from suwen.cli.summarise import form_of, hand_over, language_of

    path = Path(of)
    given = path if path.exists() or len(path.parts) > 1 else None
    request = AdviceRequest(given, "" if given else of, language_of(lang), form_of(form))
    made = context.obj.advise(request)
    for line in made.not_understood:
        typer.echo(f"  not understood: {line}", err=True)
    hand_over(made.text, out)
