"""Erasures, and the suppression list."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("conditions", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("asked_by", sa.String(128), nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("trouble", sa.Text),
        sa.Column("erased", sa.Text, nullable=False),
    )
    op.create_index("erasures_by_tenant", "erasures", ["tenant_id", "asked_at"])
    op.create_table(
        "suppressions",
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("erasure_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("suppressions_by_hash", "suppressions", ["tenant_id", "mark", "hash"], unique=True)
    op.create_index("suppressions_by_erasure", "suppressions", ["erasure_id"])
    op.create_table(
        "erased_events",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("erasure_id", sa.String(36), nullable=False),
        sa.Column("store", sa.String(16), nullable=False),
    )
    op.create_index("erased_events_by_erasure", "erased_events", ["erasure_id", "store"])


def downgrade() -> None:
    for table in ("erased_events", "suppressions", "erasures"):
        op.drop_table(table)
