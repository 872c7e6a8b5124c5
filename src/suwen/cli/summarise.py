"""`suwen summarise`: the notes of one patient by problems, every line with where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.core.codes import Language

FORMS = ("text", "markdown", "json", "fhir")


def command(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A note, or a folder with notes of one patient (text, Markdown, RTF, HTML, PDF, "
            "C-CDA, FHIR R4 JSON). Nothing of them is stored."
        ),
    ] = None,
    patient: Annotated[
        str, typer.Option(help="Instead of files: the id of a patient of the store.")
    ] = "",
    lang: Annotated[str, typer.Option(help="Language of the summary: en or zh.")] = "",
    form: Annotated[
        str, typer.Option("--format", help="text, markdown, json or fhir (a document Bundle).")
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
    rewrite: Annotated[
        bool,
        typer.Option(
            help="Have the model at SUWEN_LLM_URL rewrite it as well; the lines are sent there."
        ),
    ] = False,
) -> None:
    """Summarise notes by problems: every line is a stretch of a note or a normalised fact."""
    from suwen.cli import SummaryRequest
    from suwen.core.errors import BadInput
    from suwen.core.settings import settings

    if (path is None) == (not patient):
        raise BadInput(
            "both files and a patient" if patient else "nothing to summarise",
            "a file, a folder, or --patient",
            "suwen summarise FOLDER, or suwen summarise --patient ID",
        )
    if rewrite and not settings().llm_url:
        raise BadInput(
            "no language model is set",
            "SUWEN_LLM_URL with the address of an OpenAI-compatible server",
            "set it, or leave out --rewrite",
        )
    request = SummaryRequest(path, patient, language_of(lang), form_of(form), rewrite)
    made = context.obj.summarise(request)
    for line in made.not_understood:
        typer.echo(f"  not understood: {line}", err=True)
    hand_over(made.text, out)


def language_of(lang: str) -> Language:
    """Return the language asked for; the one of the settings where none is."""
    from suwen.core.errors import BadInput
    from suwen.core.settings import settings

    chosen = lang or settings().language
    if chosen not in ("en", "zh"):
        raise BadInput(f"the language {lang!r}", "en or zh", "choose one of them")
    return "zh" if chosen == "zh" else "en"


def form_of(form: str) -> str:
    """Return the form asked for."""
    from suwen.core.errors import BadInput

    if form not in FORMS:
        raise BadInput(f"the format {form!r}", f"one of {', '.join(FORMS)}", "choose one of them")
    return form


def hand_over(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file."""
    from suwen.core.errors import StorageUnavailable

    if out is None:
        typer.echo(text.rstrip("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageUnavailable(
            f"{out.name} could not be written ({type(error).__name__})",
            "a writable folder with free space",
            "choose another file with --out",
        ) from None
    typer.echo(f"  wrote {out}", err=True)
