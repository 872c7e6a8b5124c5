"""`suwen reidentify PSEUDONYM`: who is behind a pseudonym; logged with the reason's digest."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    pseudonym: Annotated[str, typer.Argument(help="As the de-identified data carry it.")],
    reason: Annotated[str, typer.Option(help="Why; the log keeps its digest.")],
    project: Annotated[str, typer.Option(help="Name of the project.")] = "default",
) -> None:
    """Look up who is behind a pseudonym, where the access policy allows it."""
    from suwen.core.settings import settings
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    with Store.open(settings()) as store:
        operator = Person(OPERATOR, "Operator", "administrator")
        found = store.pseudonyms(operator, "reidentification", project).reidentify(
            pseudonym, reason
        )
    for name, value in sorted(found.items()):
        typer.echo(f"  {name}: {', '.join(value) if isinstance(value, list) else value}")
