"""The catalogue: nothing is missing, and each metric counts what its definition says."""

from pathlib import Path

from tests.report import oracle

from auricle.report.metrics import BY_NAME, METRICS

NAMED = [
    "voice.first_response_ms.p50",
    "voice.first_response_ms.p95",
    "voice.first_response_ms.p99",
    "voice.barge_in_count",
    "voice.asr_partial_latency_ms.p95",
    "ai.tool_calls.count",
    "ai.tool_calls.success_rate",
    "ai.navigation_optimism_rate",
    "ai.tool_chain_length.avg",
    "kb.hit_rate",
    "kb.search_latency_ms.p95",
    "kb.relevance_score.avg",
    "commerce.conversion_rate",
    "booking.hold_to_confirm_rate",
    "system.error_rate",
    "events.count",
    "users.count",
    "sessions.count",
    "cost.usd.sum",
    "cost.repriced_usd.sum",
    "tokens.sum",
    "requests.count",
    "requests.duration_ms.p95",
    "requests.duration_ms.avg",
    "requests.errors.count",
    "evaluation.score.avg",
]


def test_every_named_metric_is_there_once() -> None:
    assert sorted(metric.name for metric in METRICS) == sorted(NAMED) == sorted(BY_NAME)


def test_the_oracle_knows_every_metric() -> None:
    assert sorted([*oracle.VALUES, *oracle.MATCHES]) == sorted(NAMED)


def test_every_metric_has_its_row_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    rows = [f"| `{metric.name}` | {metric.unit} | {metric.definition} |" for metric in METRICS]
    assert [row for row in rows if row not in page] == []
