"""`suwen person`: who may sign in."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Add and list the persons who may sign in.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name to sign in with; stands in the log.")],
    role: Annotated[
        str, typer.Option(help="clinician, nurse, patient, scientist or administrator.")
    ],
    shown: Annotated[
        str, typer.Option(help="Name shown to others; default: the sign-in name.")
    ] = "",
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
    patient: Annotated[str, typer.Option(help="For the role patient: the patient's id.")] = "",
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    import sys

    from suwen.core.errors import BadInput
    from suwen.core.settings import settings
    from suwen.records import Person, Store
    from suwen.records.people import ROLES
    from suwen.server.held.auth import hash_password

    if role not in ROLES or lang not in {"en", "zh"}:
        raise BadInput(
            f"role {role!r}, language {lang!r}",
            f"a role of {', '.join(ROLES)} and a language of en, zh",
            "correct the options",
        )
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    person = Person(name, shown or name, role, patient or None, lang)  # type: ignore[arg-type]
    with Store.open(settings()) as store:
        store.add_person(person, hash_password(password))
    typer.echo(f"{name} may now sign in as {role}.")


@app.command("share")
def share(
    name: Annotated[str, typer.Argument(help="Who is to see the case; as `suwen person list`.")],
    patient: Annotated[list[str], typer.Argument(help="Ids of patients, as in their addresses.")],
    leave: Annotated[bool, typer.Option(help="Take the person out of the care team.")] = False,
) -> None:
    """Let a person join the care team of patients: see their records, correct and train on them."""
    from suwen.core.settings import settings
    from suwen.records import Person, Store
    from suwen.records.store import OPERATOR

    with Store.open(settings()) as store:
        store.person(name)
        acts = store.administer(Person(OPERATOR, "Operator", "administrator"))
        for one in patient:
            acts.share(one, name, member=not leave)
    typer.echo(f"{name} {'left' if leave else 'joined'} the care team of {len(patient)} patients.")


@app.command("list")
def list_persons() -> None:
    """List everyone, with role and whether the account is open."""
    from suwen.core.settings import settings
    from suwen.records import Store

    with Store.open(settings()) as store:
        for person in store.persons():
            state = "" if person.active else "  (closed)"
            typer.echo(f"{person.id:<24} {person.role:<14} {person.name}{state}")
