"""Wards, alert rules and their dry runs, alerts, snoozes, pages and heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str, length: int = 32, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=null)


def upgrade() -> None:
    """Create the tables of alerts."""
    _wards()
    _alerts()
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(32), primary_key=True),
        _text("at"),
    )


def _wards() -> None:
    op.create_table(
        "ward",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        _text("created"),
    )
    op.create_table(
        "ward_place",
        sa.Column("patient", sa.String(32), primary_key=True),
        *(_text("ward", 64), _text("since"), _text("content")),
    )
    op.create_index("ix_ward_place_ward", "ward_place", ["ward"])
    op.create_table(
        "alert_rule",
        sa.Column("id", sa.String(32), primary_key=True),
        *(_text("owner"), _text("ward", 64), _text("key", 64), _text("fingerprint", 64)),
        *(_text("trial"), _text("enabled"), _text("enabled_by", 64)),
        *(_text("disabled", null=True), _text("content")),
    )
    op.create_table(
        "alert_trial",
        sa.Column("id", sa.String(32), primary_key=True),
        *(_text("owner"), _text("ward", 64), _text("fingerprint", 64), _text("by", 64)),
        *(_text("at"), _text("content")),
    )
    op.create_index("ix_alert_trial_fingerprint", "alert_trial", ["fingerprint", "owner"])


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(32), primary_key=True),
        *(_text("patient"), _text("ward", 64), _text("rule", 64), _text("fingerprint", 64)),
        *(_text("priority", 8), _text("at"), _text("raised")),
        sa.Column("step", sa.Integer, nullable=False),
        *(_text("acknowledged", null=True), _text("acknowledged_by", 64, null=True)),
        *(_text("reason", null=True), _text("cleared", null=True)),
        sa.Column("settled", sa.Boolean, nullable=False),
        _text("content"),
    )
    op.create_index("ix_alert_patient", "alert", ["patient", "rule"])
    op.create_index("ix_alert_settled", "alert", ["settled", "raised"])
    op.create_table(
        "alert_snooze",
        *(_text("patient"), _text("rule", 64), _text("until"), _text("by", 64), _text("at")),
        sa.PrimaryKeyConstraint("patient", "rule", name="pk_alert_snooze"),
    )
    op.create_table(
        "alert_page",
        sa.Column("id", sa.String(32), primary_key=True),
        *(_text("alert"), _text("patient"), _text("person", 64)),
        sa.Column("step", sa.Integer, nullable=False),
        _text("state", 16),
        sa.Column("tries", sa.Integer, nullable=False),
        *(_text("due"), _text("at")),
    )
    op.create_index("ix_alert_page_alert", "alert_page", ["alert"])
    op.create_index("ix_alert_page_state", "alert_page", ["state"])


def downgrade() -> None:
    """Refuse: who was told of what is part of the record.

    Raises
    ------
    NotImplementedError
        Always.
    """
    raise NotImplementedError("alerts are not taken back; restore a backup instead")
