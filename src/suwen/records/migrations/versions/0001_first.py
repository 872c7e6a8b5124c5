"""The first tables, and the triggers that keep the decision log append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = """
CREATE TRIGGER decision_no_{verb} BEFORE {verb} ON decision
BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END
"""
_POSTGRES = (
    """
CREATE FUNCTION decision_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the decision log is append-only'; END $$
""",
    """
CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON decision
FOR EACH ROW EXECUTE FUNCTION decision_append_only()
""",
    """
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON decision
FOR EACH STATEMENT EXECUTE FUNCTION decision_append_only()
""",
)


def upgrade() -> None:
    """Create every table of the first version."""
    _keys()
    _records()
    _people()
    _log()


def _keys() -> None:
    op.create_table(
        "keyring",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("master", sa.String(16), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("created", sa.String(32), nullable=False),
    )
    op.create_table(
        "data_key",
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("destroyed", sa.String(32)),
        sa.PrimaryKeyConstraint("patient", "generation", name="pk_data_key"),
    )
    op.create_table(
        "patient_identifier",
        sa.Column("value", sa.String(32), primary_key=True),
        sa.Column("patient", sa.String(32), nullable=False),
    )
    op.create_index("ix_patient_identifier_patient", "patient_identifier", ["patient"])


def _records() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("date_low", sa.String(32)),
        sa.Column("date_high", sa.String(32)),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", "type", "version", name="pk_record"),
    )
    op.create_index("ix_record_patient", "record", ["patient", "type", "date_low"])
    op.create_table(
        "token",
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("qualified", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(1), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
    )
    op.create_index("ix_token_value", "token", ["value", "patient"])
    op.create_index("ix_token_id", "token", ["id"])
    op.create_table(
        "blob",
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("patient", "address", name="pk_blob"),
    )


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("patient", sa.String(32)),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
    )
    op.create_table(
        "care_team",
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("patient", "person", name="pk_care_team"),
    )
    op.create_index("ix_care_team_person", "care_team", ["person"])
    op.create_table(
        "break_glass",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
        sa.Column("remark", sa.String(32), nullable=False),
        sa.Column("resolved_by", sa.String(64)),
        sa.Column("resolved_at", sa.String(32)),
        sa.Column("outcome", sa.String(16)),
    )
    op.create_index("ix_break_glass_person", "break_glass", ["person"])


def _log() -> None:
    op.create_table(
        "remark",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_remark_patient", "remark", ["patient"])
    op.create_table(
        "decision",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(160), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("key", sa.String(160)),
    )
    op.create_index("ix_decision_patient", "decision", ["patient"])
    op.create_index("uq_decision_key", "decision", ["key"], unique=True)
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(verb=verb))
    else:
        for statement in _POSTGRES:
            op.execute(statement)


def downgrade() -> None:
    """Refuse: a store is never emptied by a migration.

    Raises
    ------
    NotImplementedError
        Always.
    """
    raise NotImplementedError("the first migration is not undone; restore a backup instead")
