"""Schemas and modes of tenants."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schemas",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("event_name", sa.String(128), primary_key=True),
        sa.Column("model", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("addition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("vendor", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "schema_modes",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("event_name", sa.String(128), primary_key=True),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "schema_changes",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in ("schema_changes", "schema_modes", "schemas"):
        op.drop_table(table)
