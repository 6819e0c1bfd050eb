"""Rollups: their segments, and the tenants whose events they no longer equal."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "rollup_segments",
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rollup_tenants",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rollup_holds",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
    )


def downgrade() -> None:
    for table in ("rollup_holds", "rollup_tenants", "rollup_segments"):
        op.drop_table(table)
