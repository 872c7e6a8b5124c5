"""`suwen alerts`: try rules on the store's own history, enable them, see what stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suwen.cli.options import AsJson

if TYPE_CHECKING:
    from suwen.health.alerts.dry_run import DryRun
    from suwen.health.alerts.rules import Rule
    from suwen.records.alerts.rulebook import Scope
    from suwen.records.alerts.wards import Rung

app = typer.Typer(
    help="Alert rules: dry run, enable, disable; wards; the alerts that stand.",
    no_args_is_help=True,
)
RuleKey = Annotated[str, typer.Argument(help="A rule of `suwen alerts rules`, e.g. spo2-low.")]
WardName = Annotated[str, typer.Option(help="For the patients of a ward; default: of all wards.")]
PatientName = Annotated[str, typer.Option(help="For one patient, by the store's id.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=NUMBER: limit, clear, sustained_s, calm_s or gap_s."),
]


@app.command("rules")
def rules(context: typer.Context) -> None:
    """List the rules a ward can start from, and those that are enabled."""
    from suwen.health.alerts.rules import Rule, in_words, shipped

    for one in shipped().values():
        typer.echo(f"{one.key:<22} {one.priority.value:<7} {in_words(one).en}")
    with context.obj.desk() as desk:
        found = desk.rules.list()
    typer.echo(f"\n{len(found)} enabled")
    for entry in found:
        rule, scope = Rule.model_validate(entry.content), entry.scope
        whose = scope.patient or scope.ward or "all wards"
        typer.echo(f"{entry.id}  {rule.key:<22} {whose}: {in_words(rule).en}")


@app.command("dry-run")
def dry_run(
    context: typer.Context,
    rule: RuleKey,
    ward: WardName = "",
    patient: PatientName = "",
    changes: Changes = None,
    days: Annotated[float, typer.Option(help="Days of history.")] = 7.0,
    as_json: AsJson = False,
) -> None:
    """Say what a rule would have said of the patients' own history; it may then be enabled."""
    from datetime import UTC, datetime

    from suwen.health.alerts.trial import tried

    wanted = _rule(rule, changes or [])
    with context.obj.desk() as desk:
        scope = _scope(ward, patient)
        found = tried(desk, wanted, scope, days, datetime.now(UTC)).found
    if as_json:
        typer.echo(found.model_dump_json(exclude={"episodes"}))
        return
    for line in told(wanted, found):
        typer.echo(line)


def told(rule: Rule, found: DryRun) -> list[str]:
    """Return a dry run in lines."""
    from suwen.health.alerts.rules import in_words

    lines = [
        f"{rule.key}: {in_words(rule).en}",
        f"{found.patients} patients, {found.days:.2f} patient-days; "
        f"the rule can see {found.seen:.0%} of that time",
    ]
    tallies = [("this rule", found.rule), ("bare threshold", found.naive)]
    if found.held is not None:
        tallies.append(("held back", found.held))
    for name, one in tallies:
        rate, ppv = one.per_day, one.ppv
        right = "nobody judged any"
        if ppv is not None:
            right = f"right {ppv.value:.2f} ({ppv.low:.2f}-{ppv.high:.2f}) of {one.judged} judged"
        lines.append(
            f"{name:<15} {rate.value:8.2f} alerts a patient-day ({rate.low:.2f}-{rate.high:.2f}), "
            f"{one.alerts} in {one.patients_alerted} patients; {right}"
        )
    return lines


@app.command("enable")
def enable(
    context: typer.Context,
    rule: RuleKey,
    ward: WardName = "",
    patient: PatientName = "",
    changes: Changes = None,
) -> None:
    """Enable a rule; refused without a dry run of that very rule on that very history."""
    wanted = _rule(rule, changes or [])
    with context.obj.desk() as desk:
        content = wanted.model_dump(mode="json")
        name = desk.rules.enable(_scope(ward, patient), content, wanted.fingerprint)
    typer.echo(f"{wanted.key} is enabled as {name}")


@app.command("disable")
def disable(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="Id of an enabled rule.")],
    reason: Annotated[str, typer.Argument(help="Why.")],
) -> None:
    """Let a rule raise no more alerts."""
    with context.obj.desk() as desk:
        desk.rules.disable(rule, reason)
    typer.echo("disabled")


@app.command("list")
def list_alerts(
    context: typer.Context,
    ward: WardName = "",
    hours: Annotated[float, typer.Option(help="Also settled ones of so many hours.")] = 0.0,
) -> None:
    """List the alerts that stand, and what became of the alerts of each rule."""
    from datetime import UTC, datetime, timedelta

    from suwen.health.alerts.trial import records

    now = datetime.now(UTC)
    with context.obj.desk() as desk:
        patients = list(desk.alerts.patients(ward or None))
        since = now - timedelta(hours=hours) if hours else None
        found = desk.alerts.open(patients, since)
    for one in found:
        value = one.content.get("value", "")
        state = one.state(now)
        typer.echo(f"{one.raised:%Y-%m-%d %H:%M:%S}  {one.priority:<6} {state:<12} "
                   f"{one.patient[-8:]}  {one.rule} {value}")  # fmt: skip
    for line in records(found):
        right = "-" if line.ppv is None else f"{line.ppv.value:.0%} of {line.judged}"
        typer.echo(f"{line.rule:<26} {line.alerts:>5} alerts, right {right}")
    typer.echo(f"{len(found)} alerts")


@app.command("replay")
def replay(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="Id of an alert, as the API lists it.")],
) -> None:
    """Look at the stored readings of an alert again, with the rule as it was."""
    from suwen.core.streams import ticks
    from suwen.health.alerts.trial import replayed

    with context.obj.desk() as desk:
        one = desk.alerts.find(alert)
        change = replayed(desk, one)
    if change is None or change.at != ticks(one.at):
        typer.echo("differs: the stored readings do not raise it at that moment")
        raise typer.Exit(1)
    typer.echo(f"same: {one.rule} at {one.at:%Y-%m-%d %H:%M:%S}, value {change.value:g}")


@app.command("ward")
def ward_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id of the ward, e.g. icu-2.")],
    shown: Annotated[str, typer.Option(help="What people call it.")] = "",
    rung: Annotated[
        list[str] | None,
        typer.Option(help="SECONDS:PERSON,PERSON of the ladder; * for everybody."),
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Alerts a patient and day.")] = None,
    beds: Annotated[str, typer.Option(help="Its beds, with commas between them.")] = "",
    place: Annotated[
        list[str] | None, typer.Option(help="PATIENT:BED of patients who lie there.")
    ] = None,
) -> None:
    """Define a ward with its ladder, budget and beds, and say who lies there."""
    from suwen.records.alerts.wards import Ward

    with context.obj.desk() as desk:
        if shown or rung or budget or beds:
            ladder = tuple(_rung(one) for one in rung or ())
            known = [one.beds for one in desk.wards.list() if one.id == name]
            listed = tuple(one.strip() for one in beds.split(",") if one.strip())
            kept = listed or (known[0] if known else ())
            desk.wards.define(Ward(name, shown, ladder, budget, beds=kept))
        for one in place or ():
            patient, _, bed = one.partition(":")
            desk.wards.place(patient, name, bed)
    typer.echo(f"{name}: {len(place or ())} patients placed")


def _rung(text: str) -> Rung:
    from suwen.core.errors import BadInput
    from suwen.records.alerts.wards import Rung

    seconds, _, persons = text.partition(":")
    try:
        return Rung(float(seconds), tuple(one.strip() for one in persons.split(",") if one.strip()))
    except ValueError:
        raise BadInput(
            f"{text!r} is no rung", "SECONDS:PERSON,PERSON", "for example 120:dr.lin"
        ) from None


def _scope(ward: str, patient: str) -> Scope:
    from suwen.records.alerts.rulebook import Scope

    return Scope(patient, "" if patient else ward)


def _rule(key: str, changes: list[str]) -> Rule:
    from suwen.core.errors import BadInput, NotFound
    from suwen.health.alerts.rules import changed, shipped

    if key not in shipped():
        raise NotFound(f"no rule {key!r}", f"one of {', '.join(shipped())}", "choose one")
    given: dict[str, float] = {}
    for one in changes:
        name, _, value = one.partition("=")
        try:
            given[name] = float(value)
        except ValueError:
            raise BadInput(f"--set {one!r}", "NAME=NUMBER", "for example limit=88") from None
    return changed(shipped()[key], given)
