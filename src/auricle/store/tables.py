"""The tables of the control plane and of the journal, the same in SQLite and PostgreSQL."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# NOTE: SQLite numbers rows by itself only in a column of type INTEGER.
_serial = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    comment="Single facts, such as the identity of this journal.",
)

tenants = Table(
    "tenants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("disabled_at", DateTime(timezone=True), comment="Since when no credential of it is taken."),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("label", String(128), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of the key."),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("scopes", Text, comment="JSON list; without it those of the kind."),
    Column("networks", Text, comment="JSON list of the networks that may use it; without it any."),
    Column("origins", Text, comment="JSON list of the origins whose pages may use it."),
    Column("rate_limit", Integer, comment="Requests a minute."),
    # NOTE: a signature can only be checked with the secret itself, so this one is no hash. It opens nothing without
    # the key, of which there is but the hash.
    Column("secret", String(64), comment="What requests must be signed with; without it they need not be."),
    Column("replaces", String(36), comment="The key that it took over from."),
    Index("api_keys_by_tenant", "tenant_id"),
    Index("api_keys_by_replaced", "replaces", unique=True),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), nullable=False),
    Column("received_at", BigInteger, nullable=False, comment="Microseconds; that of the first row."),
    Column("events", Integer, nullable=False),
    Column("size", Integer, nullable=False, comment="Bytes of the rows."),
    Column("event_ids", LargeBinary, nullable=False, comment="16 bytes an event id, in the order of the rows."),
    Column("rows", LargeBinary, nullable=False, comment="JSONCompactEachRow, one line an event."),
    Column("poison", Text, comment="Why the engine cannot read these rows; set means: set aside."),
    # NOTE: without it SQLite gives the number of a freed block again, and the engine would take the new block
    # for a repetition of the old one.
    sqlite_autoincrement=True,
)

tallies = Table(
    "tallies",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("verdict", String(16), primary_key=True),
    Column("events", BigInteger, nullable=False),
    comment="Counts of events for ever, committed together with what they count.",
)

failed_events = Table(
    "failed_events",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("event_name", String(128), nullable=False),
    Column("status", String(16), nullable=False, comment="rejected or dropped"),
    Column("reason", String(32), nullable=False),
    Column("pointer", String(300), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("size", Integer, nullable=False, server_default="0", comment="Bytes of the body; 0 for a bare note."),
    Column("body", Text, nullable=False, server_default="", comment="The event as JSON, redacted, ready for replay."),
    Index("failed_events_by_event", "tenant_id", "event_id"),
    Index("failed_events_by_group", "tenant_id", "event_name", "reason", "pointer"),
    Index("failed_events_by_time", "received_at"),
    sqlite_autoincrement=True,
)

schemas = Table(
    "schemas",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("event_name", String(128), primary_key=True),
    Column("model", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("addition", Integer, primary_key=True, autoincrement=False),
    Column("vendor", String(64), nullable=False),
    Column("document", Text, nullable=False, comment="The JSON Schema, as it was registered."),
    Column("created_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="Versions of the schemas that tenants registered; never changed.",
)

schema_modes = Table(
    "schema_modes",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("event_name", String(128), primary_key=True),
    Column("mode", String(16), nullable=False, comment="observe, quarantine or reject"),
    Column("changed_at", BigInteger, nullable=False, comment="Microseconds."),
)

schema_changes = Table(
    "schema_changes",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False, comment="Rises with every change of a schema or a mode."),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 …: a gap is a row taken away."),
    Column("tenant_id", String(64), nullable=False, comment="Empty for what belongs to no tenant."),
    Column("at", BigInteger, nullable=False, comment="Microseconds."),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(256), nullable=False),
    Column("detail", Text, nullable=False, comment="A JSON object; never a secret, never a person."),
    Column("hash", LargeBinary(32), nullable=False, comment="SHA-256 of the hash before and of this row."),
    Index("audit_by_tenant", "tenant_id", "id"),
    comment="Who did what; append-only, each row bound to all before it.",
)

signatures = Table(
    "signatures",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("mac", LargeBinary(32), primary_key=True),
    Column("until", BigInteger, nullable=False, comment="Unix seconds; too old in any case from then on."),
    Index("signatures_by_time", "until"),
    comment="Signatures of requests that were used.",
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("jti", String(256), primary_key=True),
    Column("revoked_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("until", BigInteger, comment="Unix seconds; ended by itself from then on."),
    comment="Tokens that were ended before their time.",
)

tenant_options = Table(
    "tenant_options",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False, comment="Rises with every change."),
    Column("document", Text, nullable=False, comment="The options as JSON."),
    Column("secret", LargeBinary(32), nullable=False, comment="The key of the pseudonyms; never changed, never told."),
    Column("changed_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="What tenants ask to be done to their events.",
)

consents = Table(
    "consents",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("speaker", String(16), primary_key=True, comment="user or session"),
    Column("id", String(128), primary_key=True, comment="A pseudonym where the tenant asks for those."),
    Column("analytics", Integer, nullable=False, comment="0: refused; 1: agreed again."),
    Column("said_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("received_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="The last change of what each person said on being counted, of those who ever refused.",
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("conditions", Text, nullable=False, comment="Names of the conditions, as a JSON list; no values."),
    Column("subject", Text, comment="The conditions with their values, as JSON, until they are no longer needed."),
    Column("asked_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("asked_by", String(128), nullable=False, comment="As the audit log names them."),
    Column("finished_at", BigInteger),
    Column("trouble", Text),
    Column("erased", Text, nullable=False, comment="Rows by store, as JSON; those of the event store are counted."),
    Index("erasures_by_tenant", "tenant_id", "asked_at"),
    comment="Orders to erase a data subject, and their receipts.",
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), nullable=False),
    Column("mark", String(16), nullable=False, comment="user, session or trace"),
    Column("hash", LargeBinary(16), nullable=False, comment="Keyed hash of tenant, mark and id."),
    Column("erasure_id", String(36), nullable=False),
    Column("created_at", BigInteger, nullable=False, comment="Microseconds."),
    Index("suppressions_by_hash", "tenant_id", "mark", "hash", unique=True),
    Index("suppressions_by_erasure", "erasure_id"),
    sqlite_autoincrement=True,
)

erased_events = Table(
    "erased_events",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("hash", BigInteger, primary_key=True, autoincrement=False, comment="64 bits of a keyed hash of the id."),
    Column("erasure_id", String(36), nullable=False),
    Column("store", String(16), nullable=False, comment="events, points or scores"),
    Index("erased_events_by_erasure", "erasure_id", "store"),
    comment="Ids of events that were erased, so that none is counted again.",
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), nullable=False),
    Column("query_id", String(128), nullable=False),
    Column("generation", BigInteger, nullable=False, comment="0, or the number of the backfill that judges again."),
    Column("occurred_at", BigInteger, nullable=False, comment="Microseconds; when the outcome occurred."),
    Column("queued_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("due_at", BigInteger, nullable=False, comment="Microseconds; claimed means: due when the lease ends."),
    Column("lease", String(32), nullable=False, comment="The mark of the last claim; empty before the first."),
    Column("attempts", Integer, nullable=False, comment="Replies of the judge that could not be used."),
    Column("state", String(16), nullable=False, comment="waiting, scored, unscored or skipped"),
    Column("reason", String(64), nullable=False),
    Column("settled_at", BigInteger),
    Column("latency_ms", Integer),
    Index("evaluations_by_query", "tenant_id", "query_id", "generation", unique=True),
    Index("evaluations_due", "state", "due_at"),
    Index("evaluations_settled", "settled_at"),
    comment="The queue of the judge, and for some time what became of each entry.",
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("month", Integer, nullable=False, comment="In which the events occurred, 202608."),
    Column("state", String(16), nullable=False),
    Column("datasets", Integer, nullable=False, comment="1: its groups tell datasets of data points apart."),
    Column("archived", Integer, nullable=False, comment="1: its events are archived before they go."),
    Column("began_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("finished_at", BigInteger),
    Column("trouble", Text),
    Index("sweeps_by_state", "state"),
    comment="Sweeps of events that are over their days.",
)

sweep_shares = Table(
    "sweep_shares",
    metadata,
    Column("sweep_id", String(36), primary_key=True),
    Column("tenant_id", String(64), primary_key=True),
    Column("names", Text, nullable=False, comment="Events by name, as JSON."),
    Index("sweep_shares_by_tenant", "tenant_id"),
    comment="What each sweep takes of every tenant.",
)

judge_days = Table(
    "judge_days",
    metadata,
    Column("day", String(10), primary_key=True, comment="UTC, as 2026-01-31."),
    Column("calls", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False, comment="Spent, and set aside for calls under way."),
    Column("nano_usd", BigInteger, nullable=False, comment="The same in billionths of a US dollar."),
    comment="What models cost the judge.",
)

judge_pauses = Table(
    "judge_pauses",
    metadata,
    Column("judge", String(32), primary_key=True),
    Column("reason", String(32), nullable=False),
    Column("fingerprint", String(16), nullable=False, comment="Of the key that was refused."),
    Column("paused_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="Judges that paused themselves.",
)

rollup_segments = Table(
    "rollup_segments",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("state", String(16), nullable=False, comment="building, live, retired or dropping"),
    Column("rows", BigInteger, nullable=False, comment="In the engine, of all rollups together."),
    sqlite_autoincrement=True,
    comment="Stretches of the rollups: those that are live count.",
)

rollup_tenants = Table(
    "rollup_tenants",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False, comment="clean, stale or purged"),
    Column("epoch", BigInteger, nullable=False, comment="Rises whenever it becomes stale."),
    comment="Tenants whose rollups were ever stale: events that they had counted were about to go.",
)

rollup_holds = Table(
    "rollup_holds",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("job", String(64), primary_key=True, comment="The erasure or the sweep that deletes."),
    comment="Deletions under way: until they end, the rollups of the tenant are not made anew.",
)

training_exports = Table(
    "training_exports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("made_by", String(128), nullable=False, comment="As the audit log names them."),
    Column("asked", Text, nullable=False, comment="What was asked, as JSON."),
    Column("rows", Integer, nullable=False),
    Column("size", BigInteger, nullable=False, comment="Bytes."),
    Column("sha256", String(64), nullable=False, comment="Of the file."),
    Column("marks", LargeBinary, nullable=False, comment="8 bytes an event whose content is in it: as erased events."),
    Index("training_exports_by_tenant", "tenant_id", "made_at"),
    comment="Manifests of training exports.",
)

daily_metrics = Table(
    "daily_metrics",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("name", String(128), primary_key=True, comment="Of a named metric, or dau, wau, mau."),
    Column("dimensions", String(512), primary_key=True, comment="As JSON; {} is the whole tenant."),
    Column("date", String(10), primary_key=True, comment="UTC, as 2026-01-31."),
    Column("value", Double, comment="NULL where nothing of the kind happened and that is no 0."),
    Index("daily_metrics_by_date", "date"),
    comment="Figures of whole days, kept longer than the events that they were made of.",
)

daily_marks = Table(
    "daily_marks",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("upto", String(10), nullable=False, comment="The first day that is not written yet."),
)

tenant_metrics = Table(
    "tenant_metrics",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False, comment="Its definition, as JSON."),
    Column("changed_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="Metrics that tenants made.",
)

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("password", Text, nullable=False, comment="argon2id, with its parameters and its salt."),
    Column("role", String(16), nullable=False, comment="read or admin"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_login_at", DateTime(timezone=True)),
    Index("users_by_name", "tenant_id", "name", unique=True),
    comment="People who log in by a password.",
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True, comment="SHA-256 of its text."),
    Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False),
    Column("user_id", String(36), comment="Whose it is; or, for who logged in by a key:"),
    Column("key_id", String(36)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("browser_sessions_by_user", "user_id"),
    Index("browser_sessions_by_end", "expires_at"),
    comment="Who is logged in at the dashboard.",
)

dashboards = Table(
    "dashboards",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("widgets", Text, nullable=False, comment="A JSON list of widgets, each with the report it asks."),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Index("dashboards_by_tenant", "tenant_id", "created_at"),
)

share_links = Table(
    "share_links",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of its text."),
    Column("tenant_id", String(64), nullable=False),
    Column("dashboard_id", String(36), ForeignKey("dashboards.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("share_links_by_dashboard", "dashboard_id"),
    comment="Texts that open one dashboard for reading, to whoever has one.",
)

annotations = Table(
    "annotations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("text", String(256), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("annotations_by_time", "tenant_id", "at"),
)

price_lists = Table(
    "price_lists",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False, comment="Rises with every change."),
    Column("document", Text, nullable=False, comment="JSON list; see `model/price.py`."),
    Column("changed_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="What tokens cost, as each tenant says.",
)

exports = Table(
    "exports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("format", String(16), nullable=False),
    Column("made_at", BigInteger, nullable=False, comment="Microseconds."),
    Column("made_by", String(128), nullable=False, comment="As the audit log names them."),
    Column("asked", Text, nullable=False, comment="As JSON; empty once it is not needed, for it can name a person."),
    Column("lease", String(36), nullable=False, comment="The mark of the last claim; empty before the first."),
    Column("due_at", BigInteger, nullable=False, comment="Microseconds; may be claimed from then on."),
    Column("attempts", Integer, nullable=False),
    Column("about", BigInteger, comment="Rows there were to write."),
    Column("rows", BigInteger, nullable=False),
    Column("size", BigInteger, comment="Bytes of the file."),
    Column("reason", Text),
    Column("finished_at", BigInteger),
    Column("expires_at", BigInteger),
    Index("exports_by_tenant", "tenant_id", "made_at"),
    Index("exports_by_state", "state", "due_at"),
)

rubrics = Table(
    "rubrics",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 …; the last one holds."),
    Column("question", Text, nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("retired", Integer, nullable=False, comment="1: it is no longer asked."),
    Column("changed_at", BigInteger, nullable=False, comment="Microseconds."),
    comment="Questions that tenants put to the judge beside the built-in ones.",
)

reviews = Table(
    "reviews",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("query_id", String(128), primary_key=True),
    Column("who", String(64), primary_key=True),
    Column("state", String(16), nullable=False, comment="scored or skipped"),
    Column("at", BigInteger, nullable=False, comment="Microseconds."),
    comment="Which interactions people have seen in the annotation queue.",
)
