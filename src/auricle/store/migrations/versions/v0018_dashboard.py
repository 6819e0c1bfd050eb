"""Users, browser sessions, dashboards with their links, and annotations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _tenant() -> "sa.Column[Any]":
    return sa.Column("tenant_id", sa.String(64), sa.ForeignKey("tenants.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True),
        _tenant(),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        _time("created_at"),
        _time("last_login_at", nullable=True),
    )
    op.create_index("users_by_name", "users", ["tenant_id", "name"], unique=True)
    op.create_table(
        "browser_sessions",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        _tenant(),
        sa.Column("user_id", sa.String(36)),
        sa.Column("key_id", sa.String(36)),
        _time("created_at"),
        _time("expires_at"),
    )
    op.create_index("browser_sessions_by_user", "browser_sessions", ["user_id"])
    op.create_index("browser_sessions_by_end", "browser_sessions", ["expires_at"])
    op.create_table(
        "dashboards",
        sa.Column("id", sa.String(36), primary_key=True),
        _tenant(),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("widgets", sa.Text, nullable=False),
        _time("created_at"),
        _time("changed_at"),
    )
    op.create_index("dashboards_by_tenant", "dashboards", ["tenant_id", "created_at"])
    op.create_table(
        "share_links",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("dashboard_id", sa.String(36), sa.ForeignKey("dashboards.id"), nullable=False),
        _time("created_at"),
        _time("expires_at"),
    )
    op.create_index("share_links_by_dashboard", "share_links", ["dashboard_id"])
    op.create_table(
        "annotations",
        sa.Column("id", sa.String(36), primary_key=True),
        _tenant(),
        _time("at"),
        sa.Column("text", sa.String(256), nullable=False),
        _time("created_at"),
    )
    op.create_index("annotations_by_time", "annotations", ["tenant_id", "at"])
