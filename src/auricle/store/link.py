"""Shared links: a random text that opens one dashboard for reading, until it ends or is revoked."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from auricle import clock
from auricle.errors import NotFound, Unauthorized
from auricle.model.principal import LINK, Principal
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.session import hash_of
from auricle.store.tables import dashboards, share_links, tenants
from auricle.store.user import aware

PREFIX = "al_"
"""What the text of a link begins with."""


@dataclass(frozen=True, slots=True)
class Link:
    """What is kept of a link, which is all but its text."""

    id: str
    created_at: datetime
    expires_at: datetime

    def as_json(self) -> dict[str, object]:
        """The link as it stands in answers; its times are `datetime`."""
        return {"id": self.id, "created_at": self.created_at, "expires_at": self.expires_at}


class LinkStore:
    """Links in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, tenant: str, dashboard_id: str, expires_at: datetime, *, actor: str) -> tuple[Link, str]:
        """Makes a link, and its text, which is seen this once. NotFound when the tenant has no such dashboard."""
        text, link = PREFIX + secrets.token_urlsafe(32), Link(clock.new_id(), clock.now(), expires_at)
        row = {**link.as_json(), "hash": hash_of(text), "tenant_id": tenant, "dashboard_id": dashboard_id}
        own = select(dashboards.c.id).where(dashboards.c.tenant_id == tenant, dashboards.c.id == dashboard_id)
        with told(), self._engine.begin() as connection:
            if connection.execute(own).first() is None:
                raise NotFound("There is no dashboard with this id.")
            connection.execute(insert(share_links).values(row))
            detail = {"expires_at": expires_at.isoformat(), "link": link.id}
            append(connection, tenant, actor, "dashboard.share", dashboard_id, detail)
        return link, text

    def list(self, tenant: str, dashboard_id: str) -> list[Link]:
        """The links of a dashboard that have not ended, oldest first."""
        query = (
            select(share_links)
            .where(share_links.c.tenant_id == tenant, share_links.c.dashboard_id == dashboard_id)
            .where(share_links.c.expires_at > clock.now())
            .order_by(share_links.c.created_at)
        )
        with told(), self._engine.connect() as connection:
            return [_link(row) for row in connection.execute(query).mappings()]

    def revoke(self, tenant: str, dashboard_id: str, link_id: str, *, actor: str) -> None:
        """Ends a link. NotFound when the dashboard has none with this id."""
        gone = delete(share_links).where(
            share_links.c.tenant_id == tenant,
            share_links.c.dashboard_id == dashboard_id,
            share_links.c.id == link_id,
        )
        with told(), self._engine.begin() as connection:
            if not connection.execute(gone).rowcount:
                raise NotFound("There is no link with this id.")
            append(connection, tenant, actor, "dashboard.unshare", dashboard_id, {"link": link_id})

    def principal(self, text: str) -> Principal:
        """Who has this link: may do nothing but look at its dashboard.

        Raises:
            Unauthorized: it is unknown, has ended, or its tenant is disabled.
        """
        query = (
            select(share_links, tenants.c.disabled_at)
            .join(tenants, tenants.c.id == share_links.c.tenant_id)
            .where(share_links.c.hash == hash_of(text))
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or aware(row["expires_at"]) <= clock.now() or row["disabled_at"] is not None:
            raise Unauthorized("This link is not known here, or has ended.")
        return Principal(row["tenant_id"], LINK + row["id"], frozenset(), dashboard=row["dashboard_id"])


def _link(row: Any) -> Link:
    return Link(row["id"], aware(row["created_at"]), aware(row["expires_at"]))
