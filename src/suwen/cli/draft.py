"""`suwen draft TALK`: a visit's talk in, a draft note by section out, every line with its turn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.core.codes import Language
    from suwen.notes.dialogue.talk import Talk


def command(
    file: Annotated[
        Path,
        typer.Argument(
            help="The talk: text with Doctor:, Patient: or 医生：, 患者： before each turn (also "
            "RTF, HTML, PDF), or a table of talks as MTS-Dialog and ACI-Bench have it (CSV)."
        ),
    ],
    row: Annotated[
        str, typer.Option(help="Of a table: the ID or encounter_id of one row; default: all.")
    ] = "",
    lang: Annotated[str, typer.Option(help="Language of headings and phrases: en or zh.")] = "",
    form: Annotated[
        str, typer.Option("--format", help="text, markdown, json or fhir (a document Bundle).")
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Draft a note from the talk of a visit: extractive, a draft until a clinician confirms it."""
    from suwen.cli.summarise import form_of, hand_over, language_of
    from suwen.core.errors import BadInput, NotFound
    from suwen.notes.dialogue.talk import talks_of

    language, form = language_of(lang), form_of(form)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{file.name} cannot be read ({type(error).__name__})",
            "a file with the talk of a visit",
            "check the path",
        ) from None
    talks = talks_of(data)
    chosen = [talk for talk in talks if row in ("", talk.name)]
    if not chosen:
        raise NotFound(f"no row {row!r} in the table", "the ID of one of its rows", "check the ID")
    if form == "fhir" and len(chosen) > 1:
        raise BadInput(
            f"{len(chosen)} talks for one FHIR document", "one talk", "choose one with --row"
        )
    hand_over(_written(chosen, language, form, len(talks) > 1), out)


def _written(talks: list[Talk], language: Language, form: str, named: bool) -> str:
    import json
    from datetime import UTC, datetime

    from suwen.core.errors import BadInput
    from suwen.notes.dialogue.draft import draft
    from suwen.notes.dialogue.talk import turns_of
    from suwen.notes.summary.composition import bundle, talk_document
    from suwen.notes.summary.sheet import TALK, Source, as_json, as_text, sheet_of_draft

    made = []
    for talk in talks:
        lines = draft(talk.text)
        if not lines and len(talks) == 1:
            raise BadInput(
                "a talk in which nothing for a note is said",
                "the talk of a visit",
                "check that it is the right file",
            )
        sheet = sheet_of_draft(lines, talk.text, turns_of(talk.text), Source("talk", TALK))
        if form == "fhir":
            document = talk_document(talk.text, TALK, language)
            whole = bundle(sheet, {"talk": document}, [], datetime.now(UTC), language)
            return json.dumps(whole, ensure_ascii=False, indent=2)
        if form == "json":
            made.append(json.dumps({"talk": talk.name, **as_json(sheet)}, ensure_ascii=False))
        else:
            text = as_text(sheet, language, markdown=form == "markdown")
            head = f"# {talk.name}\n\n" if form == "markdown" else f"== {talk.name}\n\n"
            made.append(head + text if named else text)
    return "\n".join(made)
