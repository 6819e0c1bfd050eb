"""What models cost the judge, and its pauses."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "judge_days",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("nano_usd", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "judge_pauses",
        sa.Column("judge", sa.String(32), primary_key=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("paused_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in ("judge_pauses", "judge_days"):
        op.drop_table(table)
