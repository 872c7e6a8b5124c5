"""`suwen devices`: which devices may send readings, and whose they are."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Add, list and revoke devices that send readings.", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    device: Annotated[str, typer.Argument(help="Id it sends under; must not tell a name.")],
    patient: Annotated[str, typer.Option(help="Id of the patient it measures.")] = "",
    new_patient: Annotated[
        bool, typer.Option("--new-patient", help="Register a new patient for it.")
    ] = False,
) -> None:
    """Bind a device to a patient and print its token, once."""
    from suwen.core.errors import BadInput
    from suwen.records.streams.devices import Devices

    if bool(patient) == new_patient:
        raise BadInput("no patient, or two", "--patient ID or --new-patient", "name one")
    with context.obj.opened() as (store, person):
        if new_patient:
            patient = store.session(person, "treatment").new_patient([])
        token = Devices(store, person, "treatment").add(device, patient)
    typer.echo(f"{device} sends for patient {patient}.")
    typer.echo(f"Token (shown this once): {token}")


@app.command("list")
def list_devices(
    context: typer.Context,
    patient: Annotated[str, typer.Option(help="Only those of this patient.")] = "",
) -> None:
    """List devices with when they were last seen, and what of theirs was set aside."""
    from suwen.records.streams.devices import Devices

    with context.obj.opened() as (store, person):
        for each in Devices(store, person, "treatment").list(patient or None):
            seen = f"seen {each.seen:%Y-%m-%d %H:%M} UTC" if each.seen else "never seen"
            state = f"revoked {each.revoked:%Y-%m-%d %H:%M} UTC" if each.revoked else seen
            refused = ", ".join(f"{n} {name}" for name, n in sorted(each.refused.items()))
            aside = f"  set aside: {refused}" if refused else ""
            typer.echo(f"{each.id:<24} {each.patient}  {state}{aside}")


@app.command("renew")
def renew(
    context: typer.Context, device: Annotated[str, typer.Argument(help="Id of the device.")]
) -> None:
    """Give a device a new token, printed once; the old one is worth nothing at once."""
    from suwen.records.streams.devices import Devices

    with context.obj.opened() as (store, person):
        token = Devices(store, person, "treatment").renew(device)
    typer.echo(f"Token (shown this once): {token}")


@app.command("revoke")
def revoke(
    context: typer.Context,
    device: Annotated[str, typer.Argument(help="Id of the device.")],
    reason: Annotated[str, typer.Option(help="Why; kept sealed with the decision log.")],
) -> None:
    """Refuse everything a device sends from now on."""
    from suwen.records.streams.devices import Devices

    with context.obj.opened() as (store, person):
        Devices(store, person, "treatment").revoke(device, reason)
    typer.echo(f"{device} is refused from now on.")


@app.command("thin")
def thin_samples() -> None:
    """Thin old readings now, as SUWEN_STREAM_RAW_DAYS and SUWEN_STREAM_MINUTE_DAYS say."""
    from suwen.core.settings import settings
    from suwen.records import Store
    from suwen.records.store import OPERATOR
    from suwen.records.streams.retention import Retention, thin

    with Store.open(settings()) as store:
        done = thin(store, Retention.of(settings()), OPERATOR)
    typer.echo(
        f"{done.before} readings became {done.after} means; {done.letters} messages that had been "
        "set aside were forgotten."
    )
