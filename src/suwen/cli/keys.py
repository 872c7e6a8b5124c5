"""`suwen keys`: rotate keys, and destroy a patient's key (crypto-shredding)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.records import Administration

app = typer.Typer(help="Rotate keys; destroy a patient's key for ever.", no_args_is_help=True)


@contextmanager
def _administration() -> Iterator[Administration]:
    """Yield the administrative acts of whoever holds the machine (and so the key file)."""
    from suwen.core.settings import settings
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    with Store.open(settings()) as store:
        yield store.administer(Person(OPERATOR, "Operator", "administrator"))


@app.command("rotate")
def rotate(
    to: Annotated[
        str, typer.Option(help="Where the new key is: file, env:NAME or command:....")
    ] = "file",
) -> None:
    """Wrap every data key with a new master key; nothing else is rewritten."""
    with _administration() as acts:
        count = acts.rotate_master_key(to)
    typer.echo(f"{count} data keys are wrapped by the new master key.")
    typer.echo(f"From now on SUWEN_MASTER_KEY must be {'empty' if to == 'file' else to}.")


@app.command("rotate-patient")
def rotate_patient(patient: Annotated[str, typer.Argument(help="The patient's id.")]) -> None:
    """Give a patient a new data key and seal everything with it again."""
    with _administration() as acts:
        count = acts.rotate_data_key(patient)
    typer.echo(f"{count} sealed contents were rewritten.")


@app.command("destroy")
def destroy(
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the decision log.")],
    yes: Annotated[bool, typer.Option(help="Do not ask.")] = False,
) -> None:
    """Make all content of a patient unreadable for ever, backups included."""
    if not yes:
        typer.confirm("This cannot be undone. Destroy the key?", abort=True)
    with _administration() as acts:
        acts.destroy_patient(patient, reason)
    typer.echo("The key is destroyed; what it sealed can never be read again.")
