"""Tokens are found by their patient first: those of one put lie side by side in the index."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the new index for the old one."""
    op.drop_index("ix_token_value", table_name="token")
    op.create_index("ix_token_patient", "token", ["patient", "value"])


def downgrade() -> None:
    """Go back to the index by value first."""
    op.drop_index("ix_token_patient", table_name="token")
    op.create_index("ix_token_value", "token", ["value", "patient"])
