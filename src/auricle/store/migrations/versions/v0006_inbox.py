"""The bodies of failed events, for the inbox."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("failed_events", sa.Column("size", sa.Integer, nullable=False, server_default="0"))
    op.add_column("failed_events", sa.Column("body", sa.Text, nullable=False, server_default=""))
    op.create_index("failed_events_by_group", "failed_events", ["tenant_id", "event_name", "reason", "pointer"])
    op.create_index("failed_events_by_time", "failed_events", ["received_at"])


def downgrade() -> None:
    op.drop_index("failed_events_by_time", "failed_events")
    op.drop_index("failed_events_by_group", "failed_events")
    op.drop_column("failed_events", "body")
    op.drop_column("failed_events", "size")
