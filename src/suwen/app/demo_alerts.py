"""The demo's ward as the board shows it: beds, a ladder, a budget, and rules that were tried first.

The made-up monitors look back a reading a minute and go on every two seconds; the rules' longest
gap fits both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from suwen.health.alerts.rules import changed, shipped
from suwen.health.alerts.trial import Desk, tried
from suwen.records import Person, Store
from suwen.records.alerts.rulebook import Scope
from suwen.records.alerts.wards import EVERYBODY, Rung, Ward

WARD: Final = Ward(
    "demo",
    "Demo ward 演示病区",
    (Rung(0, ("nurse.wang",)), Rung(120, ("li.na",)), Rung(300, (EVERYBODY,))),
    budget=6.0,
    beds=tuple("12345678"),
)
RULES: Final = ("spo2-low", "heart-rate-high", "respiratory-rate-high", "systolic-low")
GAP_S: Final = 90.0
DAYS: Final = 0.25


def furnish(store: Store, person: Person, patients: Sequence[str]) -> None:
    """Make the ward, place the patients who lie nowhere, and enable rules after their dry run."""
    desk = Desk.of(store, person, "treatment")
    desk.wards.define(WARD)
    places = desk.alerts.patients()
    for bed, patient in enumerate(patients, start=1):
        if places.get(patient) is None:
            desk.wards.place(patient, WARD.id, str(bed))
    scope = Scope(ward=WARD.id)
    standing = {one.key for one in desk.rules.list() if one.scope == scope}
    for key in RULES:
        if key in standing:
            continue
        rule = changed(shipped()[key], {"gap_s": GAP_S})
        tried(desk, rule, scope, DAYS, datetime.now(UTC))
        desk.rules.enable(scope, rule.model_dump(mode="json"), rule.fingerprint)
