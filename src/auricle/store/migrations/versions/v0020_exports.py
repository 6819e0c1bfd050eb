"""Export jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("lease", sa.String(36), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("about", sa.BigInteger),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
    )
    op.create_index("exports_by_tenant", "exports", ["tenant_id", "made_at"])
    op.create_index("exports_by_state", "exports", ["state", "due_at"])


def downgrade() -> None:
    op.drop_table("exports")
