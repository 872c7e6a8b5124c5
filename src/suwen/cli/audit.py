"""`suwen audit`: verify, export and read the decision log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.records import Verification

app = typer.Typer(help="Verify, export and read the decision log.", no_args_is_help=True)


@app.command("verify")
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported log (JSON Lines); default: this store's.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="An earlier export kept elsewhere: the log must begin with it."),
    ] = None,
) -> None:
    """Find any edited, removed, inserted or reordered entry; offline.

    An old copy of the whole store put back in its place is found with --against.
    """
    from suwen.core.settings import settings
    from suwen.records import Store
    from suwen.records.chain import verify_file

    if file is not None:
        _report(verify_file(file, against=against))
        return
    with Store.open(settings()) as store:
        _report(store.log.verify(against=against))


def _report(verification: Verification) -> None:
    for flaw in verification.flaws:
        typer.echo(f"line {flaw.line}: {flaw.what}" if flaw.line is not None else flaw.what)
    if not verification.intact:
        typer.echo("The log is NOT intact. Keep the disk as it is and compare with an export.")
        raise typer.Exit(1)
    sealed = "" if verification.sealed else " (the seal of its end needs the store's key)"
    begins = (
        "" if verification.earlier is None else f", of which {verification.earlier} as exported"
    )
    typer.echo(f"intact: {verification.count} entries{begins}{sealed}")


@app.command("export")
def export(file: Annotated[Path, typer.Argument(help="File to write (JSON Lines).")]) -> None:
    """Write the whole log as JSON Lines, with its sealed head."""
    from suwen.core.settings import settings
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    with Store.open(settings()) as store:
        acts = store.administer(Person(OPERATOR, "Operator", "administrator"), "audit")
        typer.echo(f"{acts.export_log(file)} entries written to {file}")


@app.command("log")
def log(
    last: Annotated[int, typer.Option(help="How many of the newest entries.")] = 20,
) -> None:
    """Print the newest entries: who did what, when, about which record."""
    from suwen.core.settings import settings
    from suwen.records import Store

    with Store.open(settings()) as store:
        after = max(0, store.log.head().count - last)
        for entry in store.log.entries(after=after):
            typer.echo(
                f"{entry.sequence:>7}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.person:<16} "
                f"{entry.act:<20} {entry.subject}"
            )
