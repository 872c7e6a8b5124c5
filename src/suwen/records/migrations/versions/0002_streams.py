"""Devices, and the samples they send: channels, chunks, what was refused and how much."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of devices and samples."""
    op.create_table(
        "device",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("seen", sa.String(32)),
        sa.Column("revoked", sa.String(32)),
    )
    op.create_index("ix_device_patient", "device", ["patient"])
    _samples()
    op.create_table(
        "stream_refused",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_stream_refused_patient", "stream_refused", ["patient"])
    op.create_index("ix_stream_refused_at", "stream_refused", ["at"])
    op.create_table(
        "stream_tally",
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("device", "day", "state", name="pk_stream_tally"),
    )


def _samples() -> None:
    op.create_table(
        "stream_channel",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("small", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_stream_channel_patient", "stream_channel", ["patient"])
    op.create_table(
        "stream_chunk",
        sa.Column("channel", sa.BigInteger, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("outline", sa.LargeBinary),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("channel", "first", name="pk_stream_chunk"),
    )


def downgrade() -> None:
    """Refuse: samples are never dropped by a migration.

    Raises
    ------
    NotImplementedError
        Always.
    """
    raise NotImplementedError("this migration is not undone; restore a backup instead")
