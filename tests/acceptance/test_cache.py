"""The cache of reports, on the real service and both databases: hits, new events, another tenant, an erased person."""

from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Answer, Service, ago, event, wait_until

TOP = "/api/v1/analytics/reports/top"
SUBJECTS = "/api/v1/analytics/subjects"


def top(service: Service, tenant: str, path: str, **headers: str) -> Answer:
    return service.ask("GET", path, key=service.key(tenant, Kind.READ), headers=headers)


def told(answer: Answer) -> tuple[str, dict[str, int]]:
    assert answer.status == 200, answer
    source = "cache" if answer.body["meta"]["source"] == "cache" else "read"  # from the events, or from rollups
    return source, {row["value"]: row["count"] for row in answer.body["rows"]}


def url(first: float = 1) -> str:
    start, end = (ago(hours=hours).replace("+00:00", "Z") for hours in (first, -1))
    return f"{TOP}?field=user_id&from={start}&to={end}"


def test_an_answer_is_kept_until_the_tenants_data_change(either_service: Service, tenant: str) -> None:
    service, path, other = either_service, url(), f"{tenant}-other"
    for each in (tenant, other):
        service.send(each, [event(user_id=f"of-{each}")])
        service.drained(each)
    first = top(service, tenant, path)
    second = top(service, tenant, path)
    assert (told(first), told(second)) == (("read", {f"of-{tenant}": 1}), ("cache", {f"of-{tenant}": 1}))
    for tag in (first.headers["etag"], second.headers["etag"]):
        again = top(service, tenant, path, **{"If-None-Match": tag})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
        foreign = top(service, other, path, **{"If-None-Match": tag})
        assert told(foreign)[1] == {f"of-{other}": 1}
    service.send(other, [event(user_id="u2")])
    service.drained(other)
    assert told(top(service, tenant, path))[0] == "cache"
    service.send(tenant, [event(user_id="u2")])
    service.drained(tenant)
    changed = top(service, tenant, path, **{"If-None-Match": first.headers["etag"]})
    assert told(changed) == ("read", {f"of-{tenant}": 1, "u2": 1})


@pytest.mark.slow
def test_an_erased_person_is_not_given_from_the_cache(service: Service, tenant: str) -> None:
    path = url()
    service.send(tenant, [event(user_id="gone"), event(user_id="stays")])
    service.drained(tenant)
    tag = top(service, tenant, path).headers["etag"]
    assert told(top(service, tenant, path)) == ("cache", {"gone": 1, "stays": 1})
    admin = service.key(tenant, Kind.ADMIN)
    order = service.ask("POST", f"{SUBJECTS}/erase", {"user_id": "gone"}, admin)
    assert order.status == 202, order

    def finished() -> Any:
        assert told(top(service, tenant, path))[0] == "read"  # all the way, however often it is asked
        receipt = service.ask("GET", f"{SUBJECTS}/erasures/{order.body['id']}", key=admin)
        return receipt.body["state"] == "done"

    wait_until(finished, 60.0, 0.2)
    after = top(service, tenant, path, **{"If-None-Match": tag})
    assert told(after)[1] == {"stays": 1}
    assert told(top(service, tenant, path)) == ("cache", {"stays": 1})
