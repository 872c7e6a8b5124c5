"""`suwen cohort SOURCE OUT`: patients like others, generalised until nobody stands alone."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suwen.privacy.cohort.made import Goal


def _pairs(texts: list[str]) -> dict[str, str]:
    from suwen.core.errors import BadInput

    pairs = [text.partition("=") for text in texts]
    if any(not mark or not name for name, mark, _ in pairs):
        raise BadInput("an option without =", "NAME=KIND", "such as --quasi 'Admitted=date'")
    return {name: kind for name, _, kind in pairs}


def _goal(k: int, sensitive: list[str], suppressed: float) -> Goal:
    from suwen.core.errors import BadInput
    from suwen.privacy.cohort.made import Goal

    values = _pairs(sensitive)
    if not all(one.isdecimal() for one in values.values()):
        raise BadInput("a sensitive column without a number", "NAME=L", "--sensitive Diagnosis=2")
    diversity = max((int(one) for one in values.values()), default=1)
    return Goal(k, tuple(values), diversity, suppressed)


def command(
    source: Annotated[
        str, typer.Argument(help="CSV, FHIR JSON or NDJSON, a folder of it, or `store`.")
    ],
    target: Annotated[Path, typer.Argument(help="New folder for the cohort and its report.")],
    k: Annotated[int, typer.Option(help="Fewest people alike.")] = 5,
    sensitive: Annotated[
        list[str] | None,
        typer.Option(help="NAME=L: a column with at least L values among them; repeatable."),
    ] = None,
    quasi: Annotated[
        list[str] | None,
        typer.Option(help="NAME=age|zip|date|category, or NAME=none; repeatable."),
    ] = None,
    suppressed: Annotated[float, typer.Option(help="Largest share of rows left out.")] = 0.05,
    local: Annotated[
        bool, typer.Option(help="Ranges of each class instead of bands common to all.")
    ] = False,
    condition: Annotated[
        str, typer.Option(help="Only patients with this code, or this in a condition's name.")
    ] = "",
) -> None:
    """Export a cohort in which everyone has k - 1 others alike, with a report."""
    from suwen.core.settings import settings
    from suwen.privacy.cohort import export as cohort_export
    from suwen.privacy.cohort import rows as cohort_rows
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    goal = _goal(k, sensitive or [], suppressed)
    with Store.open(settings()) as store:
        operator = Person(OPERATOR, "Operator", "administrator")
        pseudonyms = store.pseudonyms(operator, "administration", "default")
        pseudonyms.secret()  # refused, and the denial logged, where the policy does not allow it
        if source == "store":
            access = store.session(store.person(f"os.{getpass.getuser()}"), "treatment")
            stored = [*access.search("Patient"), *access.search("Condition")]
            rows = cohort_rows.of_resources([one.content for one in stored], condition)
        else:
            rows = cohort_rows.read(Path(source), condition)

        def log(report: cohort_export.Counts) -> None:
            pseudonyms.keep({}, {"cohort": dict(report)})

        done = cohort_export.write(rows, _pairs(quasi or []), goal, target, log, local=local)
    for line in told(done.report):
        typer.echo(f"  {line}")
    typer.echo(f"  {target}")


def told(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was done to each column, and what was reached, in lines."""
    for name, step in report["generalisation"].items():
        yield f"{name}: {step} (loss {report['loss'][name]:.3f})"
    reached, left = f"k {report['k']}, l {report['l'] or '–'}", report["suppressed"]
    yield f"{reached}, left out {left} of {report['rows']}"
