"""The tables of alerts, their rules and wards, beside those of `records.tables`.

What a person wrote and what was measured is sealed as remarks are (`content` names one): it turns
with the patient's key and is gone with it. Names of wards and keys of rules stand in the clear, as
the ids of persons do: they must not tell a patient's name.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from suwen.records.tables import metadata

ward = Table(
    "ward",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("created", String(32), nullable=False),
)
"""`content`: name, budget, escalation ladder and times of silence, JSON."""

ward_place = Table(
    "ward_place",
    metadata,
    Column("patient", String(32), primary_key=True),
    Column("ward", String(64), nullable=False, index=True),
    Column("since", String(32), nullable=False),
    Column("content", String(32), nullable=False),
)
"""Where a patient is now: ward, and sealed the bed and a shared location."""

alert_rule = Table(
    "alert_rule",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("ward", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("trial", String(32), nullable=False),
    Column("enabled", String(32), nullable=False),
    Column("enabled_by", String(64), nullable=False),
    Column("disabled", String(32)),
    Column("content", String(32), nullable=False),
)
"""Rules as they were enabled. `owner` is the patient, or the house for a rule of a ward (`ward`
empty: of all). A change is a new row."""

alert_trial = Table(
    "alert_trial",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("ward", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("content", String(32), nullable=False),
    Index("ix_alert_trial_fingerprint", "fingerprint", "owner"),
)
"""Dry runs: what a rule would have said of the history of its owner."""

alert = Table(
    "alert",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("patient", String(32), nullable=False),
    Column("ward", String(64), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("priority", String(8), nullable=False),
    Column("at", String(32), nullable=False),
    Column("raised", String(32), nullable=False),
    Column("step", Integer, nullable=False),
    Column("acknowledged", String(32)),
    Column("acknowledged_by", String(64)),
    Column("reason", String(32)),
    Column("cleared", String(32)),
    Column("settled", Boolean, nullable=False),
    Column("content", String(32), nullable=False),
    Index("ix_alert_patient", "patient", "rule"),
    Index("ix_alert_settled", "settled", "raised"),
)
"""`at`: time of the reading that raised it; `step`: rungs of the ladder that were paged; `settled`:
over, and seen by somebody where it was red."""

alert_snooze = Table(
    "alert_snooze",
    metadata,
    Column("patient", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("until", String(32), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    PrimaryKeyConstraint("patient", "rule"),
)
"""Of a patient and a rule, not of one alert: the next alert of the rule is silent as well."""

alert_page = Table(
    "alert_page",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("patient", String(32), nullable=False),
    Column("person", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("due", String(32), nullable=False),
    Column("at", String(32), nullable=False),
)
"""Who is to be told: written with the alert, worked off after it. State: waiting, sent, failed."""

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", String(32), nullable=False),
)
"""When a watcher was last alive."""

alert_passed = Table(
    "alert_passed",
    metadata,
    Column("day", String(10), nullable=False),
    Column("ward", String(64), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("day", "ward", "reason", name="pk_alert_passed"),
)
"""How many readings no rule could use, in which ward (empty: none) and why."""

__all__ = ["metadata"]
