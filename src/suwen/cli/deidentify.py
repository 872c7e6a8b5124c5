"""`suwen deidentify IN OUT`: a folder of patient files in, files that identify nobody out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.privacy.folder import Outcome

KEPT = ("device", "patient", "uids", "institution", "safe_private", "structured")
"""Options of the profile that keep more."""


def _actions(texts: list[str]) -> dict[str, str]:
    from suwen.core.errors import BadInput

    pairs = [text.partition("=") for text in texts]
    if any(not mark or not name for name, mark, _ in pairs):
        raise BadInput(
            "a column without an action", "HEADER=ACTION", "such as --column 'Ward=staff'"
        )
    return {name: action for name, _, action in pairs}


def command(
    source: Annotated[
        Path, typer.Argument(help="Folder with DICOM, FHIR JSON, HL7 v2, tables and notes.")
    ],
    target: Annotated[Path, typer.Argument(help="New folder for the de-identified files.")],
    project: Annotated[
        str, typer.Option(help="Name of the project; other projects get other pseudonyms.")
    ] = "default",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="In DICOM: device, patient (age, sex, size, weight), uids, institution, "
            "safe_private or structured; repeatable."
        ),
    ] = None,
    remove_dates: Annotated[
        bool, typer.Option(help="Remove dates from DICOM instead of moving them.")
    ] = False,
    column: Annotated[
        list[str] | None, typer.Option(help="HEADER=ACTION for a column of tables; repeatable.")
    ] = None,
) -> None:
    """De-identify a folder: one pseudonym and date shift a patient over all formats."""
    from suwen.core.errors import BadInput
    from suwen.core.settings import settings
    from suwen.privacy import folder
    from suwen.privacy.dicom.profile import Options
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    chosen = dict.fromkeys(keep or (), True)
    if unknown := set(chosen) - set(KEPT):
        raise BadInput(f"nothing called {sorted(unknown)[0]!r}", f"one of {', '.join(KEPT)}")
    options = Options(modified_dates=not remove_dates, **chosen)
    with Store.open(settings()) as store:
        operator = Person(OPERATOR, "Operator", "administrator")
        pseudonyms = store.pseudonyms(operator, "administration", project)

        def seal(outcome: folder.Outcome) -> None:
            detail = {"written": dict(outcome.written), "refused": len(outcome.refused)}
            pseudonyms.keep(outcome.persons, detail)

        outcome = folder.deidentify(
            source, target, pseudonyms.secret(), options, keep=seal, columns=_actions(column or [])
        )
    for line in told(outcome, source):
        typer.echo(f"  {line}")
    typer.echo(f"  report: {target / folder.REPORT}")


def told(outcome: Outcome, source: Path) -> Iterator[str]:
    """Yield what became of the files, in lines."""
    for refused in outcome.refused:
        yield f"left out: {refused.path.relative_to(source)}: {refused.error}"
    if outcome.unassigned:
        yield f"{len(outcome.unassigned)} notes name no known patient (folder shared)"
    if outcome.withheld:
        yield (
            f"{outcome.withheld} values withheld, as they equal somebody's name or number; "
            "--column 'HEADER=num' keeps those of a column of figures"
        )
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.written.items()))
    yield f"{len(outcome.persons)} patients; written: {kinds}"
