"""The span: a range of time, a site and filters in a body, as the query that they choose."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auricle.edge.asking import FilterIn, filters_of
from auricle.errors import Invalid
from auricle.model.query import Interactions, Query
from auricle.model.receipt import Fault, pointer_of
from auricle.report import interactions, time
from auricle.report.plan import planned


class SpanIn(BaseModel):
    """A range, and what narrows it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    start: str | None = Field(None, alias="from")
    end: str | None = Field(None, alias="to")
    period: str | None = None
    site_id: str | None = None
    filters: list[FilterIn] = []


def chosen(told: Mapping[str, Any], tenant_id: str, now: datetime) -> Query:
    """The settled query about the interactions that these members choose. `Invalid` names what is wrong."""
    try:
        asked = SpanIn.model_validate(dict(told))
    except ValidationError as error:
        faults = tuple(Fault(pointer_of(one["loc"]), one["type"], one["msg"]) for one in error.errors())
        raise Invalid("The request breaks a rule.", faults) from None
    query = Query(
        report="interactions",
        tenant_id=tenant_id,
        now=now,
        ask=Interactions((), 1, interactions.THRESHOLD),
        start=None if asked.start is None else time.instant(asked.start, "/from"),
        end=None if asked.end is None else time.instant(asked.end, "/to"),
        period=None if asked.period is None else time.period(asked.period, "/period"),
        site_id=asked.site_id,
        filters=filters_of(asked.filters, "/filters"),
    )
    return planned(query)
