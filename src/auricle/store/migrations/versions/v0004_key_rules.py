"""Rules of keys, rotation, and tenants that may be disabled."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY_COLUMNS: dict[str, sa.types.TypeEngine[str] | sa.types.TypeEngine[int]] = {
    "scopes": sa.Text(),
    "networks": sa.Text(),
    "origins": sa.Text(),
    "rate_limit": sa.Integer(),
    "secret": sa.String(64),
    "replaces": sa.String(36),
}


def upgrade() -> None:
    op.add_column("tenants", sa.Column("disabled_at", sa.DateTime(timezone=True)))
    for name, kind in KEY_COLUMNS.items():
        op.add_column("api_keys", sa.Column(name, kind))
    op.create_index("api_keys_by_tenant", "api_keys", ["tenant_id"])
    op.create_index("api_keys_by_replaced", "api_keys", ["replaces"], unique=True)


def downgrade() -> None:
    op.drop_index("api_keys_by_replaced", "api_keys")
    op.drop_index("api_keys_by_tenant", "api_keys")
    for name in reversed(KEY_COLUMNS):
        op.drop_column("api_keys", name)
    op.drop_column("tenants", "disabled_at")
