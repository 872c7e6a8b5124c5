"""How many readings no alert rule could use, by day, ward and reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of counts."""
    op.create_table(
        "alert_passed",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "ward", "reason", name="pk_alert_passed"),
    )


def downgrade() -> None:
    """Drop the counts."""
    op.drop_table("alert_passed")
