"""`/metrics`: what Prometheus reads, who may, and that no tenant and no client is in it."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import EVENTS, Service, event, serving

TOKEN = "the-token-of-the-operator"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a token for Prometheus."""
    with serving(Settings(data=tmp_path_factory.mktemp("watched")), {"AURICLE_METRICS_TOKEN": TOKEN}) as service:
        yield service


def read(service: Service, key: str | None = None, headers: dict[str, str] | None = None) -> Samples:
    """Every sample, by its name and labels; parsed by Prometheus' own parser."""
    answer = service.ask("GET", "/metrics", key=key, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def events(samples: Samples) -> dict[str, float]:
    return {
        dict(labels)["verdict"]: value for (name, labels), value in samples.items() if name == "auricle_events_total"
    }


def test_the_operator_sees_the_service(watched: Service, tenant: str) -> None:
    before = read(watched, headers=OPERATOR)
    one = event()
    watched.send(tenant, [one, one, event(source="pigeon"), event(context={"consent": {"analytics": False}})])
    watched.ask("POST", EVENTS, event(), watched.key(tenant))
    watched.drained(tenant)
    after = read(watched, headers=OPERATOR)
    more = {verdict: count - events(before)[verdict] for verdict, count in events(after).items()}
    assert more == {
        "received": 5,
        "stored": 2,
        "duplicate": 1,
        "rejected": 1,
        "dropped": 1,
        "observed": 0,
        "unkept": 0,
        "expired": 0,
    }

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0.0)

    assert grown("auricle_http_requests_total", method="POST", route=EVENTS, status="202") == 1
    assert grown("auricle_http_request_duration_seconds_count", method="POST", route=EVENTS + "/batch") == 1
    assert grown("auricle_http_request_duration_seconds_bucket", method="POST", route=EVENTS, le="+Inf") == 1
    assert grown("auricle_events_refused_total", reason="no_consent") == 1
    assert grown("auricle_events_refused_total", reason="envelope") == 1
    assert grown("auricle_step_seconds_total", step="read_envelope") > 0
    assert (after["auricle_engine_up", ()], after["auricle_engine_starts_total", ()]) == (1, 1)
    assert after["auricle_disk_free_bytes", ()] > 0
    assert after["process_resident_memory_bytes", ()] > 10_000_000


def test_a_key_sees_its_own_tenant_alone(watched: Service, tenant: str) -> None:
    watched.send(tenant, [event(), event()])
    watched.send(tenant + "-2", [event()])
    for one in (tenant, tenant + "-2"):
        watched.drained(one)
    samples = read(watched, watched.key(tenant, Kind.READ))
    assert events(samples) == {
        "received": 2, "stored": 2, "duplicate": 0, "rejected": 0, "dropped": 0,
        "observed": 0, "unkept": 0, "expired": 0,
    }  # fmt: skip
    assert {name for name, _ in samples} == {
        "auricle_events_total",
        "auricle_events_waiting",
        "auricle_evaluations",
        "auricle_evaluations_waiting",
        "auricle_evaluation_seconds",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="none"),
        pytest.param({"Authorization": "Bearer"}, 401, id="no token"),
        pytest.param({"Authorization": f"Bearer {TOKEN}x"}, 401, id="a longer one"),
        pytest.param({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401, id="a shorter one"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, 401, id="another scheme"),
        pytest.param({"X-API-Key": TOKEN}, 401, id="the token as a key"),
        pytest.param({"Authorization": b"Bearer \xff\xfe"}, 401, id="no text"),
    ],
)
def test_nobody_else_sees_anything(watched: Service, headers: dict[str, str], status: int) -> None:
    answer = watched.ask("GET", "/metrics", headers=headers)
    assert (answer.status, b"auricle_" in repr(answer.body).encode()) == (status, False)


def test_a_key_that_only_writes_sees_nothing(watched: Service, tenant: str) -> None:
    assert watched.ask("GET", "/metrics", key=watched.key(tenant)).status == 403


def test_without_a_token_there_is_no_operator(service: Service) -> None:
    for told in ("None", TOKEN):
        assert service.ask("GET", "/metrics", headers={"Authorization": f"Bearer {told}"}).status == 401


def test_nothing_that_a_client_sends_is_a_label(watched: Service, tenant: str) -> None:
    key = watched.key(tenant)
    before = read(watched, headers=OPERATOR)
    for number in range(30):
        secret = f"hunter{number}"
        watched.ask("GET", f"/{secret}?{secret}={secret}", key=key, headers={"User-Agent": secret})
        watched.ask("GET", f"{EVENTS}/{uuid.uuid4()}/fate", key=key)
        watched.ask("PROPFIND" if number % 2 else "LOCK", f"/{secret}")
        watched.send(tenant, [event(event_name=f"made.up{number}", source=secret, attributes={secret: secret})])
    samples = read(watched, headers=OPERATOR)
    text = repr(samples)
    assert "hunter" not in text
    assert tenant not in text
    # What is new is at most a few routes and statuses, however many requests there were.
    assert len(samples) - len(before) < 5 * 18
    assert samples["auricle_http_requests_total", (("method", "other"), ("route", "none"), ("status", "404"))] >= 30


def test_every_metric_is_told_and_no_other(watched: Service, tenant: str) -> None:
    watched.send(tenant, [event(source="pigeon")])
    names = {name for name, _ in read(watched, headers=OPERATOR)}
    names = {re.sub(r"(_seconds)_(bucket|sum|count|created)$", r"\1", name) for name in names}
    section = PAGE.read_text().split("\n## Prometheus\n")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(names)
