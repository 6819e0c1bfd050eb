"""The evaluation queue."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("query_id", sa.String(128), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("queued_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("lease", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("latency_ms", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index("evaluations_by_query", "evaluations", ["tenant_id", "query_id", "generation"], unique=True)
    op.create_index("evaluations_due", "evaluations", ["state", "due_at"])
    op.create_index("evaluations_settled", "evaluations", ["settled_at"])


def downgrade() -> None:
    op.drop_table("evaluations")
