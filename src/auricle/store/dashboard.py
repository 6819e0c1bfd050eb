"""Saved dashboards: a name, and widgets that each ask one report."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from auricle import clock
from auricle.errors import Conflict, NotFound
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.tables import dashboards, share_links, tenants
from auricle.store.user import aware

MOST = 200
"""Dashboards of one tenant."""
NO_DASHBOARD = "There is no dashboard with this id."


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What is kept of a dashboard."""

    id: str
    name: str
    widgets: list[dict[str, Any]]
    """Each `{title, chart, report, ask}`, checked where it came in."""
    created_at: datetime
    changed_at: datetime

    def as_json(self) -> dict[str, object]:
        """The dashboard as it stands in answers; its times are `datetime`."""
        return {
            "id": self.id,
            "name": self.name,
            "widgets": self.widgets,
            "created_at": self.created_at,
            "changed_at": self.changed_at,
        }


class DashboardStore:
    """Dashboards in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, tenant: str, name: str, widgets: list[dict[str, Any]], *, actor: str) -> Dashboard:
        """Saves a new dashboard. Conflict when the tenant has as many as it may."""
        now = clock.now()
        made = Dashboard(clock.new_id(), name, widgets, now, now)
        row = {**made.as_json(), "tenant_id": tenant, "widgets": _text(widgets)}
        held = select(func.count()).select_from(dashboards).where(dashboards.c.tenant_id == tenant)
        with told(), self._engine.begin() as connection:
            # NOTE: the write comes first and holds the row, else many at once could go beyond the bound.
            connection.execute(update(tenants).where(tenants.c.id == tenant).values(id=tenant))
            if connection.execute(held).scalar_one() >= MOST:
                raise Conflict(f"A tenant may have {MOST} dashboards: remove one.")
            connection.execute(insert(dashboards).values(row))
            append(connection, tenant, actor, "dashboard.create", made.id)
        return made

    def every(self, tenant: str) -> list[Dashboard]:
        """The dashboards of a tenant, by name."""
        query = select(dashboards).where(dashboards.c.tenant_id == tenant).order_by(dashboards.c.name, dashboards.c.id)
        with told(), self._engine.connect() as connection:
            return [_dashboard(row) for row in connection.execute(query).mappings()]

    def read(self, tenant: str, dashboard_id: str) -> Dashboard:
        """One dashboard. NotFound when the tenant has none with this id."""
        with told(), self._engine.connect() as connection:
            return _read(connection, tenant, dashboard_id)

    def replace(
        self, tenant: str, dashboard_id: str, name: str, widgets: list[dict[str, Any]], *, actor: str
    ) -> Dashboard:
        """Puts another name and other widgets in place. NotFound when the tenant has none with this id."""
        values = {"name": name, "widgets": _text(widgets), "changed_at": clock.now()}
        change = update(dashboards).where(dashboards.c.tenant_id == tenant, dashboards.c.id == dashboard_id)
        with told(), self._engine.begin() as connection:
            if not connection.execute(change.values(values)).rowcount:
                raise NotFound(NO_DASHBOARD)
            append(connection, tenant, actor, "dashboard.change", dashboard_id)
            return _read(connection, tenant, dashboard_id)

    def remove(self, tenant: str, dashboard_id: str, *, actor: str) -> None:
        """Removes a dashboard and its links. NotFound when the tenant has none with this id."""
        own = (dashboards.c.tenant_id == tenant, dashboards.c.id == dashboard_id)
        links = delete(share_links).where(share_links.c.tenant_id == tenant, share_links.c.dashboard_id == dashboard_id)
        with told(), self._engine.begin() as connection:
            connection.execute(links)
            if not connection.execute(delete(dashboards).where(*own)).rowcount:
                raise NotFound(NO_DASHBOARD)
            append(connection, tenant, actor, "dashboard.remove", dashboard_id)


def _read(connection: Connection, tenant: str, dashboard_id: str) -> Dashboard:
    query = select(dashboards).where(dashboards.c.tenant_id == tenant, dashboards.c.id == dashboard_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(NO_DASHBOARD)
    return _dashboard(row)


def _dashboard(row: Any) -> Dashboard:
    widgets = orjson.loads(row["widgets"])
    return Dashboard(row["id"], row["name"], widgets, aware(row["created_at"]), aware(row["changed_at"]))


def _text(widgets: list[dict[str, Any]]) -> str:
    return orjson.dumps(widgets).decode()
