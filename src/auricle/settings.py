"""The settings: one table, and the only reader of the environment.

Every setting is `AURICLE_<NAME>`; the names that the first documents used work too and are listed beside each.
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PLAIN_PATH = re.compile(r"[\w /.+@,-]+")
ORIGINS = r"^(\*|https?://[^\s/,*]+( *, *https?://[^\s/,*]+)*)$"
"""A list of origins, `https://example.org, http://localhost:3000`, or `*`."""


ADDRESS = r"^https?://[^\s?#@]+$"
"""Where another service is: no query and no credentials, which would stand in logs."""


def _named(name: str, *aliases: str) -> AliasChoices:
    return AliasChoices(f"AURICLE_{name.upper()}", *aliases)


class Settings(BaseSettings):
    """What an operator may choose. Sizes are bytes of decompressed input; times are seconds unless the name says."""

    # NOTE: the prefix keeps bare names out of the environment, where HOST and PORT often mean something else.
    model_config = SettingsConfigDict(
        populate_by_name=True, frozen=True, extra="forbid", env_ignore_empty=True, env_prefix="AURICLE_"
    )

    data: Path = Field(Path("auricle-data"), validation_alias=_named("data"), description="Folder of everything kept.")
    host: str = Field("127.0.0.1", validation_alias=_named("host"), description="Address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, validation_alias=_named("port"), description="Port to listen on; 0 takes a free one."
    )
    max_connections: int = Field(
        5_000,
        ge=10,
        validation_alias=_named("max_connections"),
        description="Connections that may be open at once; more are answered 503 and closed.",
    )
    rate_limit_per_minute: int = Field(
        0,
        ge=0,
        validation_alias=_named("rate_limit_per_minute", "RATE_LIMIT_PER_MINUTE"),
        description="Requests that one credential may send in a minute; 0 is without limit.",
    )
    event_quota_per_minute: int = Field(
        0,
        ge=0,
        validation_alias=_named("event_quota_per_minute"),
        description="Events that one tenant may send in a minute; 0 is without limit.",
    )
    event_quota_per_day: int = Field(
        0,
        ge=0,
        validation_alias=_named("event_quota_per_day"),
        description="Events that one tenant may send in 24 hours; 0 is without limit.",
    )
    failed_logins_per_minute: int = Field(
        600,
        ge=0,
        validation_alias=_named("failed_logins_per_minute"),
        description="Bad credentials that one address may send in a minute; 0 is without limit.",
    )
    allowed_origins: str | None = Field(
        None,
        pattern=ORIGINS,
        validation_alias=_named("allowed_origins"),
        description="Origins whose pages may ask with keys without a list of their own, with commas between; `*` any.",
    )
    trusted_proxies: str | None = Field(
        None,
        validation_alias=_named("trusted_proxies"),
        description="Proxies whose `X-Forwarded-For` is believed: addresses or networks, with commas between.",
    )
    jwt_secret_key: SecretStr | None = Field(
        None,
        validation_alias=_named("jwt_secret_key", "JWT_SECRET_KEY"),
        description="Secret of HS256 tokens, 32 random bytes or more; needed when the address is public.",
    )
    jwt_jwks_url: str | None = Field(
        None,
        validation_alias=_named("jwt_jwks_url", "JWT_JWKS_URL"),
        description="Public keys of RS256 and ES256 tokens: `https://…`, or the absolute path of a file.",
    )
    jwt_issuer: str | None = Field(
        None, validation_alias=_named("jwt_issuer", "JWT_ISSUER"), description="What `iss` of a token must be."
    )
    jwt_audience: str | None = Field(
        None, validation_alias=_named("jwt_audience", "JWT_AUDIENCE"), description="What `aud` of a token must name."
    )
    jwt_leeway: int = Field(
        30,
        ge=0,
        le=300,
        validation_alias=_named("jwt_leeway"),
        description="How far the clock of whoever issues tokens may be off.",
    )
    database_url: str | None = Field(
        None,
        validation_alias=_named("database_url", "DATABASE_URL"),
        description="`postgresql://…` for the control plane and the journal; without it SQLite in the data folder.",
    )
    clickhouse_url: str | None = Field(
        None,
        validation_alias=_named("clickhouse_url", "CLICKHOUSE_URL"),
        description="`http://user:password@host:8123/database` of a ClickHouse server; the embedded engine without it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias=_named("log_level", "LOG_LEVEL"), description="Least severity that is logged."
    )
    log_format: Literal["json", "logfmt"] = Field(
        "json", validation_alias=_named("log_format"), description="How a line of the log is written."
    )
    debug_mode: bool = Field(
        default=False,
        validation_alias=_named("debug_mode", "ANALYTICS_DEBUG_MODE"),
        description="Whether the log tells how events were judged and how reports were read; costs time.",
    )
    metrics_token: str | None = Field(
        None,
        min_length=16,
        repr=False,
        validation_alias=_named("metrics_token"),
        description="What Prometheus sends as bearer token to read `/metrics` of the whole service.",
    )
    docs_pages: Literal["on", "off"] = Field(
        "on",
        validation_alias=_named("docs_pages"),
        description="Whether the pages that describe the API are there for everybody, at `/docs`.",
    )
    unknown_events: Literal["accept", "reject"] = Field(
        "accept",
        validation_alias=_named("unknown_events"),
        description="What becomes of event names without a schema: envelope checks only, or a rejection.",
    )
    sanitise: Literal["on", "off"] = Field(
        "on",
        validation_alias=_named("sanitise"),
        description="Whether persons and secrets in attributes and context are redacted before anything is written.",
    )
    anonymous_tenant: str | None = Field(
        None,
        pattern="^[a-z0-9][a-z0-9_-]{0,63}$",
        validation_alias=_named("anonymous_tenant"),
        description="The tenant of requests to `/ingest` that bring no credential; without it they are refused.",
    )
    max_batch_events: int = Field(
        500,
        ge=1,
        validation_alias=_named("max_batch_events", "ANALYTICS_MAX_BATCH_SIZE"),
        description="Events in one batch.",
    )
    max_batch_bytes: int = Field(
        500_000, ge=1, validation_alias=_named("max_batch_bytes"), description="Bytes of one JSON batch."
    )
    max_ndjson_bytes: int = Field(
        8_000_000,
        ge=1,
        validation_alias=_named("max_ndjson_bytes"),
        description="Bytes of one NDJSON body; it is taken in batches, so it may be larger than a JSON batch.",
    )
    max_ndjson_events: int = Field(
        50_000, ge=1, validation_alias=_named("max_ndjson_events"), description="Events in one NDJSON body."
    )
    max_list_events: int = Field(
        1_000,
        ge=1,
        validation_alias=_named("max_list_events", "MAX_BATCH_SIZE"),
        description="Events in one list of `/api/analytics/ingest`.",
    )
    max_list_bytes: int = Field(
        1_000_000, ge=1, validation_alias=_named("max_list_bytes"), description="Bytes of such a list."
    )
    max_otlp_bytes: int = Field(
        4_000_000, ge=1, validation_alias=_named("max_otlp_bytes"), description="Bytes of one OTLP export."
    )
    max_otlp_items: int = Field(
        10_000,
        ge=1,
        validation_alias=_named("max_otlp_items"),
        description="Spans or log records in one OTLP export.",
    )
    max_event_bytes: int = Field(
        65_536, ge=1, validation_alias=_named("max_event_bytes"), description="Bytes of one event."
    )
    max_attributes: int = Field(
        256, ge=1, validation_alias=_named("max_attributes"), description="Attribute keys of one event."
    )
    max_nesting: int = Field(
        8, ge=1, le=64, validation_alias=_named("max_nesting"), description="Depth of attributes and of context."
    )
    stream_connections: int = Field(
        1_000, ge=1, validation_alias=_named("stream_connections"), description="Open event streams of one process."
    )
    stream_credit: int = Field(
        8,
        ge=1,
        le=1_000,
        validation_alias=_named("stream_credit"),
        description="Frames of one event stream that may be on their way at once.",
    )
    stream_idle: float = Field(
        60,
        ge=1,
        validation_alias=_named("stream_idle"),
        description="Silence, without even an answer to a ping, after which an event stream is closed.",
    )
    session_hours: int = Field(
        168,
        ge=1,
        le=8_760,
        validation_alias=_named("session_hours"),
        description="Hours after which who logged in at the dashboard must do so again.",
    )
    max_schemas: int = Field(
        500,
        ge=1,
        validation_alias=_named("max_schemas"),
        description="Versions of schemas that one tenant may register.",
    )
    inbox_events: int = Field(
        50_000,
        ge=0,
        validation_alias=_named("inbox_events"),
        description="Refused events of one tenant that are kept for replay.",
    )
    inbox_bytes: int = Field(
        50_000_000,
        ge=0,
        validation_alias=_named("inbox_bytes"),
        description="Bytes of the refused events of one tenant that are kept for replay.",
    )
    inbox_days: int = Field(
        30, ge=1, le=3_650, validation_alias=_named("inbox_days"), description="Days that refused events are kept."
    )
    event_retention_days: int = Field(
        90,
        ge=0,
        le=36_500,
        validation_alias=_named("event_retention_days", "EVENT_RETENTION_DAYS", "ANALYTICS_RETENTION_DAYS"),
        description="Days that events are kept after their receipt, where a tenant has none of its own; 0 is for ever.",
    )
    archive_dir: Path | None = Field(
        None,
        validation_alias=_named("archive_dir"),
        description="Absolute path of the folder where events are written to, as Parquet, before they go.",
    )
    metrics_retention_days: int = Field(
        365,
        ge=0,
        le=36_500,
        validation_alias=_named("metrics_retention_days", "METRICS_RETENTION_DAYS"),
        description="Days that the figures of whole days are kept; 0 is for ever.",
    )
    clock_skew: int = Field(
        86_400,
        ge=0,
        validation_alias=_named("clock_skew"),
        description="How old an event may be without the scope `events:backfill`.",
    )
    future_tolerance: int = Field(
        300,
        ge=0,
        le=31_622_400,
        validation_alias=_named("future_tolerance"),
        description="How far ahead of the server an event's clock may run.",
    )
    max_waiting_events: int = Field(
        2_000_000,
        ge=1_000,
        validation_alias=_named("max_waiting_events"),
        description="Events that may wait in the journal for the engine; beyond it new ones are told to retry.",
    )
    min_free_disk: int = Field(
        64_000_000,
        ge=0,
        validation_alias=_named("min_free_disk"),
        description="Free bytes of the data folder's disk below which writes are refused with 507.",
    )
    index_interval: float = Field(
        0.4,
        ge=0,
        validation_alias=_named("index_interval"),
        description="Least pause between two inserts into the engine when little is waiting.",
    )
    index_rows: int = Field(
        50_000, ge=1, validation_alias=_named("index_rows"), description="Most rows of one insert into the engine."
    )
    rollups: Literal["on", "off"] = Field(
        "on",
        validation_alias=_named("rollups", "ANALYTICS_ENABLE_ROLLUPS"),
        description="Whether reports are answered from half-hourly rollups where these give the very same figures.",
    )
    rollup_interval: float = Field(
        60, ge=1, validation_alias=_named("rollup_interval"), description="Pause between two additions to the rollups."
    )
    query_seconds: float = Field(
        30, gt=0, validation_alias=_named("query_seconds"), description="Time a report may take."
    )
    reports_at_once: int = Field(
        4,
        ge=1,
        le=64,
        validation_alias=_named("reports_at_once"),
        description="Reports that are read at the same time; of one tenant at most half of them.",
    )
    query_memory: int = Field(
        2_000_000_000, ge=50_000_000, validation_alias=_named("query_memory"), description="Memory a report may take."
    )
    sql_seconds: float = Field(
        10, gt=0, le=600, validation_alias=_named("sql_seconds"), description="Time a statement of user SQL may take."
    )
    sql_memory: int = Field(
        500_000_000,
        ge=50_000_000,
        validation_alias=_named("sql_memory"),
        description="Memory a statement of user SQL may take.",
    )
    sql_rows: int = Field(
        100_000, ge=1, validation_alias=_named("sql_rows"), description="Rows a statement of user SQL may answer."
    )
    engine_memory: int = Field(
        4_000_000_000,
        ge=500_000_000,
        validation_alias=_named("engine_memory"),
        description="Memory of the embedded engine as a whole.",
    )
    export_days: float = Field(
        3,
        gt=0,
        le=365,
        validation_alias=_named("export_days"),
        description="Days that the file of an export job can be fetched.",
    )
    max_timeseries_points: int = Field(
        10_000, ge=1, validation_alias=_named("max_timeseries_points"), description="Points of one time series."
    )
    report_cache_bytes: int = Field(
        32_000_000,
        ge=0,
        validation_alias=_named("report_cache_bytes"),
        description="Memory for answers of reports that are kept while the tenant's data do not change; 0 keeps none.",
    )

    judge: Literal["auto", "rules", "gemini", "openai", "off"] = Field(
        "auto",
        validation_alias=_named("judge"),
        description="Who judges voice interactions; `auto`: the model there is a key for, else `rules`; `off`: nobody.",
    )
    gemini_api_key: SecretStr | None = Field(
        None, validation_alias=_named("gemini_api_key", "GEMINI_API_KEY"), description="Key of the Gemini API."
    )
    gemini_url: str = Field(
        "https://generativelanguage.googleapis.com",
        pattern=ADDRESS,
        validation_alias=_named("gemini_url"),
        description="Where the Gemini API is.",
    )
    gemini_model: str = Field(
        "gemini-2.5-flash",
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        validation_alias=_named("gemini_model"),
        description="Which of its models judges.",
    )
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=_named("openai_api_key", "OPENAI_API_KEY"),
        description="Key of the OpenAI API, or of an endpoint that speaks it.",
    )
    openai_url: str = Field(
        "https://api.openai.com/v1",
        pattern=ADDRESS,
        validation_alias=_named("openai_url"),
        description="Where the API is, up to `/chat/completions`.",
    )
    openai_model: str = Field(
        "gpt-5-mini", min_length=1, validation_alias=_named("openai_model"), description="Which of its models judges."
    )
    judge_concurrency: int = Field(
        8, ge=1, le=100, validation_alias=_named("judge_concurrency"), description="Questions to a model at once."
    )
    judge_timeout: float = Field(
        60, gt=0, le=300, validation_alias=_named("judge_timeout"), description="Time a model has for a reply."
    )
    judge_attempts: int = Field(
        3,
        ge=1,
        le=20,
        validation_alias=_named("judge_attempts"),
        description="Replies that cannot be used before an interaction stays without a score.",
    )
    judge_daily_usd: float = Field(
        5.0,
        ge=0,
        validation_alias=_named("judge_daily_usd"),
        description="US dollars that models may cost in a day (UTC); 0 is without limit.",
    )
    judge_daily_tokens: int = Field(
        0,
        ge=0,
        validation_alias=_named("judge_daily_tokens"),
        description="Tokens that models may take in a day (UTC); 0 is without limit.",
    )
    judge_input_price: float = Field(
        0.30,
        ge=0,
        validation_alias=_named("judge_input_price"),
        description="US dollars that a million tokens of prompts cost.",
    )
    judge_output_price: float = Field(
        2.50,
        ge=0,
        validation_alias=_named("judge_output_price"),
        description="US dollars that a million tokens of replies cost.",
    )
    eval_batch_size: int = Field(
        50,
        ge=1,
        le=1_000,
        validation_alias=_named("eval_batch_size", "EVAL_BATCH_SIZE"),
        description="Interactions that go to the judge at once; `rules` takes ten times as many.",
    )
    evaluation_interval: float = Field(
        60,
        gt=0,
        validation_alias=_named("evaluation_interval"),
        description="Pause between two looks for interactions to judge; one look goes on while there are any.",
    )
    evaluation_sample: float = Field(
        1.0,
        ge=0,
        le=1,
        validation_alias=_named("evaluation_sample"),
        description="Share of the interactions that is judged, chosen by a hash of the query id.",
    )
    evaluation_days: int = Field(
        7,
        ge=2,
        le=3_650,
        validation_alias=_named("evaluation_days"),
        description="Days that the queue remembers what it is done with.",
    )

    @field_validator("jwt_jwks_url")
    @classmethod
    def _check_source(cls, told: str | None) -> str | None:
        parts = urlsplit(told or "/")
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        # NOTE: whoever can change the keys on their way can sign for everybody.
        if not (parts.scheme == "https" or (parts.scheme == "http" and here) or Path(told or "/").is_absolute()):
            raise ValueError("must be https://…, http://… on this machine, or the absolute path of a file")
        return told

    @field_validator("rollups", mode="before")
    @classmethod
    def _read_switch(cls, told: object) -> object:
        # The first documents' name takes what their programs took for true and false.
        return {"true": "on", "1": "on", "yes": "on", "false": "off", "0": "off", "no": "off"}.get(
            str(told).lower(), told
        )

    @field_validator("archive_dir")
    @classmethod
    def _check_archive(cls, told: Path | None) -> Path | None:
        # NOTE: the engine reads the folder by a pattern.
        if told is not None and not (told.is_absolute() and PLAIN_PATH.fullmatch(str(told))):
            raise ValueError("must be an absolute path of letters, digits, spaces and / . _ - + @ ,")
        return told

    @model_validator(mode="after")
    def _check_reach(self) -> Self:
        # NOTE: what is archived is read back by the engine, and a server elsewhere sees none of our files.
        if self.archive_dir is not None and self.clickhouse_url is not None:
            raise ValueError("AURICLE_ARCHIVE_DIR needs the embedded engine; take AURICLE_CLICKHOUSE_URL away")
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, told: str | None) -> str | None:
        for each in (told or "").split(","):
            if each.strip():
                ip_network(each.strip(), strict=False)
        return told
