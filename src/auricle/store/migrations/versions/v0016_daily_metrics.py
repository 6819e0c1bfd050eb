"""Figures of whole days, kept longer than the events."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daily_metrics",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("dimensions", sa.String(512), primary_key=True),
        sa.Column("date", sa.String(10), primary_key=True),
        sa.Column("value", sa.Double),
    )
    op.create_index("daily_metrics_by_date", "daily_metrics", ["date"])
    op.create_table(
        "daily_marks",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("upto", sa.String(10), nullable=False),
    )


def downgrade() -> None:
    for table in ("daily_marks", "daily_metrics"):
        op.drop_table(table)
