"""Used signatures of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signatures",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("mac", sa.LargeBinary(32), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("signatures_by_time", "signatures", ["until"])


def downgrade() -> None:
    op.drop_table("signatures")
