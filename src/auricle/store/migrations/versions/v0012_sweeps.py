"""Sweeps of events that are over their days."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("datasets", sa.Integer, nullable=False),
        sa.Column("archived", sa.Integer, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("trouble", sa.Text),
    )
    op.create_index("sweeps_by_state", "sweeps", ["state"])
    op.create_table(
        "sweep_shares",
        sa.Column("sweep_id", sa.String(36), primary_key=True),
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("names", sa.Text, nullable=False),
    )
    op.create_index("sweep_shares_by_tenant", "sweep_shares", ["tenant_id"])


def downgrade() -> None:
    op.drop_table("sweep_shares")
    op.drop_table("sweeps")
