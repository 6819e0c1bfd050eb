"""The operations: what the description of the API says of a route beyond its path, its method and its docstring.

A route without a row here is described all the same, with a JSON object for its body and any answer of 2xx.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auricle.intake.options import KINDS, MAX_NAMES
from auricle.model.days import MAX_DAYS
from auricle.model.options import Consent, Ips, UserIds
from auricle.model.price import Kind
from auricle.report.pricelist import MAX_PRICES

Schema = Mapping[str, Any]

API = "/api/v1/analytics"
OBJECT: Schema = {"type": "object"}
TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}
UUID: Schema = {"type": "string", "format": "uuid"}
COUNT: Schema = {"type": "integer", "minimum": 0}
JSON = "application/json"
NDJSON = "application/x-ndjson"
PLAIN = "text/plain"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is said of one method of one path."""

    answers: Mapping[int, Schema] = field(default_factory=lambda: {200: OBJECT})
    """The body of each answer that is no refusal, by status."""
    body: Schema | None = None
    """The body of the request; None leaves it to the method: any object for those that have one."""
    kinds: tuple[str, ...] = (JSON,)
    """Content types of the request's body; all but JSON are described as text."""
    query: Mapping[str, Schema] = field(default_factory=dict)
    speaks: str = JSON
    """Content type of the answers."""
    public: bool = False
    """Whether it needs no credential."""


def ref(name: str) -> Schema:
    """A schema of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def an_object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these members, and maybe more of ours."""
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def a_list(of: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": of}


_MAYBE: Schema = {"type": ["string", "null"], "format": "date-time"}
_FAULT = an_object({"pointer": TEXT, "rule": TEXT, "message": TEXT})
_STATUS: Schema = {"enum": ["stored", "duplicate", "rejected", "dropped", "retry"]}
_KEY_RULES: Mapping[str, Schema] = {
    "label": {"type": "string", "maxLength": 128},
    "expires_at": {"type": ["string", "null"], "format": "date-time"},
    "ips": {"type": ["array", "null"], "items": TEXT, "minItems": 1, "maxItems": 100},
    "origins": {"type": ["array", "null"], "items": TEXT, "minItems": 1, "maxItems": 100},
    "rate_limit": {"type": ["integer", "null"], "minimum": 0},
}
_VOICE: Mapping[str, Schema] = {
    "query_text": TEXT,
    "query_source": {"enum": ["voice", "text", "test"]},
    "answer_text": TEXT,
    "latency_ms": {"type": "number", "minimum": 0},
    "action_success": {"type": ["integer", "boolean", "null"]},
    "timestamp": TIME,
    "store_id": TEXT,
}
_SQL = Operation(
    {200: an_object({"meta": a_list(OBJECT), "data": a_list(OBJECT), "rows": COUNT}, {"statistics": OBJECT})},
    body={**an_object({"query": TEXT}), "additionalProperties": False},
    kinds=(JSON, PLAIN),
)
"""A statement; FORMAT at its end asks for text in place of this answer."""
_SELECTION: Mapping[str, Schema] = {"event_name": TEXT, "reason": TEXT, "pointer": TEXT}
_CHOICE: Mapping[str, Schema] = {
    "ids": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 1_000},
    "all": {"type": "boolean"},
}
_COUNTS: Mapping[str, Schema] = {"duplicates": COUNT, "rejected": COUNT, "dropped": COUNT}
_RESULTS: Schema = a_list({"allOf": [an_object({"index": COUNT}), {"$ref": "#/components/schemas/Receipt"}]})
_KIND: Schema = {"enum": ["ingest", "read", "admin"]}

_DAYS: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
_RULES: Schema = {"type": ["object", "null"], "additionalProperties": _DAYS, "maxProperties": MAX_NAMES}
_RETENTION: Mapping[str, Schema] = {
    "events": {"anyOf": [_DAYS, {"type": "null"}]},
    "by_event": _RULES,
    "by_dataset": _RULES,
}
_USER = an_object({"id": UUID, "name": TEXT, "role": TEXT, "created_at": TIME, "last_login_at": _MAYBE})
_WIDGET: Schema = {
    **an_object({"title": TEXT, "chart": {"enum": ["line", "bar", "number", "table"]}, "report": TEXT, "ask": OBJECT}),
    "additionalProperties": False,
}
_SAVED = an_object({"name": TEXT}, {"widgets": {**a_list(_WIDGET), "maxItems": 24}})
_DASHBOARD = an_object({"id": UUID, "name": TEXT, "widgets": a_list(_WIDGET), "created_at": TIME, "changed_at": TIME})
_LINK = an_object({"id": UUID, "created_at": TIME, "expires_at": TIME})
_ANNOTATION = an_object({"id": UUID, "at": TIME, "text": TEXT, "created_at": TIME})
_REMOVED = Operation({200: an_object({"id": TEXT, "removed": {"const": True}})})

_PRICE: Schema = {
    **an_object(
        {"model": {"type": "string", "minLength": 1, "maxLength": 256}},
        {
            "from": {"type": ["string", "null"]},
            "to": {"type": ["string", "null"]},
            **{kind.value: {"type": ["string", "number", "null"]} for kind in Kind},
            "source": {"type": ["string", "null"], "maxLength": 256},
        },
    ),
    "additionalProperties": False,
}

SCHEMAS: Mapping[str, Schema] = {
    "Problem": {
        **an_object(
            {
                "type": TEXT,
                "title": TEXT,
                "status": {"type": "integer"},
                "detail": TEXT,
                "code": TEXT,
                "transient": {"type": "boolean"},
            },
            {"errors": a_list(_FAULT)},
        ),
        "description": "Why a request was refused (RFC 9457). A transient one is worth another try.",
    },
    "Receipt": {
        **an_object({"event_id": {"type": ["string", "null"]}, "status": _STATUS}, {"errors": a_list(_FAULT)}),
        "description": "What became of one event.",
    },
    "BatchReceipt": an_object(
        {
            "batch_id": TEXT,
            "accepted": COUNT,
            **_COUNTS,
            "results": _RESULTS,
        },
        {"retry": COUNT},
    ),
    "ListReceipt": an_object({"ingested": COUNT, **_COUNTS, "results": _RESULTS}, {"retry": COUNT}),
    "Counts": an_object({"accepted": COUNT, **_COUNTS, "results": _RESULTS}, {"retry": COUNT}),
    "DataPoint": {
        **an_object(
            {},
            {
                "blobs": {"type": "array", "items": {"type": ["string", "null"]}, "maxItems": 20},
                "doubles": {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": 20},
                "indexes": {"type": "array", "items": {"type": ["string", "null"]}, "maxItems": 2},
                "timestamp": TIME,
            },
        ),
        "description": "A row of a dataset without a schema; its blobs have at most 16 KB together.",
    },
    "OtlpStatus": {**an_object({"message": TEXT}), "description": "Why an export was refused (google.rpc.Status)."},
    "Health": an_object({"status": {"const": "healthy"}, "worker": {"const": "analytics"}}, {"waiting": COUNT}),
    "Key": an_object(
        {"id": TEXT, "tenant": TEXT, "kind": _KIND, "state": {"enum": ["alive", "expired", "revoked"]}}, _KEY_RULES
    ),
    "TenantOptions": an_object(
        {},
        {
            "revision": COUNT,
            "sanitise": {"type": ["boolean", "null"]},
            "kinds": {"type": ["array", "null"], "items": {"enum": list(KINDS)}},
            "ips": {"enum": [*Ips, None]},
            "user_ids": {"enum": [*UserIds, None]},
            "consent": {"enum": [*Consent, None]},
            "allow_events": {"type": ["array", "null"], "items": TEXT, "maxItems": MAX_NAMES},
            "deny_events": {"type": ["array", "null"], "items": TEXT, "maxItems": MAX_NAMES},
            "retention": {"type": ["object", "null"], "properties": _RETENTION, "additionalProperties": False},
        },
    ),
    "PriceList": {
        **an_object({"prices": {"type": "array", "maxItems": MAX_PRICES, "items": _PRICE}}),
        "additionalProperties": False,
    },
    "Retention": an_object(
        {"days": OBJECT, "up_to_date": {"type": "boolean"}, "trouble": {"type": ["string", "null"]}},
        {"sweeps": a_list(OBJECT)},
    ),
    "NewKey": {
        "allOf": [ref("Key"), an_object({"key": TEXT}, {"secret": TEXT})],
        "description": "A key with its text, which is told this once.",
    },
    "AuditEntry": an_object(
        {
            "id": {"type": "integer", "minimum": 1},
            "tenant": TEXT,
            "at": TIME,
            "actor": TEXT,
            "action": TEXT,
            "target": TEXT,
            "detail": OBJECT,
            "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        }
    ),
}
"""Schemas that operations refer to, beside `Event`, which is the envelope's."""


def _otlp(resources: str, rejected: str) -> Operation:
    partial = an_object({}, {"partialSuccess": an_object({}, {rejected: TEXT, "errorMessage": TEXT})})
    refused = dict.fromkeys((400, 401, 403, 413, 429, 503), ref("OtlpStatus"))
    return Operation({200: partial, **refused}, body=an_object({}, {resources: a_list(OBJECT)}))


_HEALTH = Operation({200: ref("Health")}, public=True)
_DOCUMENT = Operation(public=True)
_PAGE = Operation({200: TEXT}, speaks="text/html", public=True)
_NEW_KEY = Operation(
    {201: ref("NewKey")},
    body=an_object({"kind": _KIND}, {**_KEY_RULES, "scopes": {"type": ["array", "null"], "items": TEXT}, "signed": {}}),
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", f"{API}/events"): Operation(
        {200: ref("Receipt"), 202: ref("Receipt")}, body=ref("Event"), kinds=(JSON, PLAIN)
    ),
    ("POST", f"{API}/events/batch"): Operation(
        {202: ref("BatchReceipt"), 422: ref("BatchReceipt")},
        body=an_object({"events": a_list(ref("Event"))}, {"batch_id": TEXT, "sent_at": TIME}),
        kinds=(JSON, NDJSON, PLAIN),
        query={"results": {"enum": ["all"]}},
    ),
    ("GET", f"{API}/events/{{event_id}}/fate"): Operation(
        {200: an_object({"event_id": TEXT, "fate": TEXT, "visible": {"type": "boolean"}})}
    ),
    ("POST", "/ingest"): Operation(
        {200: ref("Receipt"), 202: ref("Receipt")},
        body=an_object({"event_type": {"enum": ["voice_query", "voice_outcome"]}}, {"query_id": TEXT, **_VOICE}),
        kinds=(JSON, PLAIN),
    ),
    ("POST", "/api/analytics/ingest"): Operation(
        {200: ref("ListReceipt"), 422: ref("ListReceipt")},
        body=a_list(
            an_object(
                {"ts": TIME, "type": TEXT, "payload": OBJECT},
                {"user_id": {"type": ["string", "null"]}, "src": {"type": ["string", "null"]}},
            )
        ),
        kinds=(JSON, PLAIN),
        query={"results": {"enum": ["all"]}},
    ),
    ("POST", f"{API}/datapoints/{{dataset}}"): Operation(
        {200: ref("Receipt"), 202: {"anyOf": [ref("Receipt"), ref("Counts")]}, 422: ref("Counts")},
        body={"anyOf": [ref("DataPoint"), a_list(ref("DataPoint"))]},
        kinds=(JSON, PLAIN),
        query={"results": {"enum": ["all"]}},
    ),
    ("POST", "/v1/traces"): _otlp("resourceSpans", "rejectedSpans"),
    ("POST", "/v1/logs"): _otlp("resourceLogs", "rejectedLogRecords"),
    ("POST", f"{API}/sql"): _SQL,
    ("POST", "/client/v4/accounts/{account}/analytics_engine/sql"): _SQL,
    ("GET", f"{API}/inbox"): Operation(
        {200: an_object({"groups": a_list(OBJECT), "limits": OBJECT})},
        query={"limit": {"type": "integer", "minimum": 1, "maximum": 1_000}},
    ),
    ("GET", f"{API}/inbox/events"): Operation(
        {200: an_object({"events": a_list(OBJECT), "next": {"type": ["integer", "null"]}})},
        query={
            **_SELECTION,
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "before": {"type": "integer", "minimum": 1},
        },
    ),
    ("POST", f"{API}/inbox/replay"): Operation(
        {200: an_object(dict.fromkeys(("stored", "duplicates", "dropped", "failed", "retry"), COUNT))},
        body=an_object(
            {}, {**_SELECTION, **_CHOICE, "after": COUNT, "limit": {"type": "integer", "minimum": 1, "maximum": 2_000}}
        ),
    ),
    ("POST", f"{API}/inbox/discard"): Operation(
        {200: an_object({"discarded": COUNT})}, body=an_object({}, {**_SELECTION, **_CHOICE})
    ),
    ("GET", f"{API}/schemas/{{event_name}}"): Operation({200: an_object({"event_name": TEXT, "schema": OBJECT})}),
    ("GET", f"{API}/schemas/{{event_name}}/{{version}}"): Operation(),
    ("GET", f"{API}/schemas"): Operation(
        {200: an_object({"schemas": a_list(OBJECT)})}, query={"documents": {"type": "boolean"}}
    ),
    ("POST", f"{API}/schemas/{{event_name}}/trial"): Operation(
        {200: an_object({"event_name": TEXT, "id": TEXT, "stored_events": OBJECT})}
    ),
    ("POST", f"{API}/schemas"): Operation(
        {200: OBJECT, 201: OBJECT}, body=an_object({"schema": OBJECT}, {"dry_run": {"type": "boolean"}})
    ),
    ("POST", f"{API}/schemas/validate"): Operation(
        {200: an_object({"valid": {"type": "boolean"}, "status": TEXT})}, body=ref("Event")
    ),
    ("PATCH", f"{API}/schemas/{{event_name}}"): Operation(
        {200: an_object({"event_name": TEXT, "mode": TEXT})},
        body=an_object({"mode": {"enum": ["observe", "quarantine", "reject"]}}),
    ),
    ("GET", f"{API}/admin/keys"): Operation({200: an_object({"keys": a_list(ref("Key"))})}),
    ("POST", f"{API}/admin/keys"): _NEW_KEY,
    ("GET", f"{API}/admin/keys/{{key_id}}"): Operation({200: ref("Key")}),
    ("PATCH", f"{API}/admin/keys/{{key_id}}"): Operation({200: ref("Key")}, body=an_object({}, _KEY_RULES)),
    ("DELETE", f"{API}/admin/keys/{{key_id}}"): Operation({200: an_object({"id": TEXT, "revoked": {"const": True}})}),
    ("POST", f"{API}/admin/keys/{{key_id}}/rotate"): Operation(
        {201: ref("NewKey")}, body=an_object({}, {"overlap_hours": {"type": "number", "minimum": 0, "maximum": 2_160}})
    ),
    ("GET", f"{API}/admin/tenants"): Operation({200: an_object({"tenants": a_list(OBJECT)})}),
    ("GET", f"{API}/admin/tenants/{{tenant}}"): Operation({200: an_object({"id": TEXT})}),
    ("POST", f"{API}/admin/tokens/revoke"): Operation(
        {200: an_object({"jti": TEXT, "revoked": {"const": True}})},
        body=an_object({"jti": {"type": "string", "minLength": 1, "maxLength": 256}}, {"expires_at": TIME}),
    ),
    ("GET", f"{API}/reports/daily"): Operation(
        {200: an_object({"name": TEXT, "days": a_list(an_object({"date": TEXT, "value": {}})), "meta": OBJECT})}
    ),
    ("GET", f"{API}/consents"): Operation({200: an_object({"refused": COUNT, "agreed_again": COUNT})}),
    ("POST", f"{API}/consents/find"): Operation(
        {200: an_object({"analytics": {"type": ["boolean", "null"]}, "said_at": _MAYBE, "received_at": _MAYBE})},
        body=an_object(
            {}, {name: {"type": "string", "minLength": 1, "maxLength": 128} for name in ("user_id", "session_id")}
        ),
    ),
    ("GET", f"{API}/admin/options"): Operation({200: ref("TenantOptions")}),
    ("PATCH", f"{API}/admin/options"): Operation({200: ref("TenantOptions")}, body=ref("TenantOptions")),
    ("GET", f"{API}/admin/retention"): Operation({200: ref("Retention")}),
    ("GET", f"{API}/admin/retention/preview"): Operation({200: an_object({"events": COUNT, "names": a_list(OBJECT)})}),
    ("POST", f"{API}/admin/retention/run"): Operation({202: ref("Retention")}),
    ("GET", f"{API}/admin/audit"): Operation(
        {200: an_object({"entries": a_list(ref("AuditEntry")), "next": {"type": ["integer", "null"]}})},
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 1_000},
            "before": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
            "action": TEXT,
        },
    ),
    ("GET", f"{API}/evaluations"): Operation(
        {
            200: an_object(
                {
                    "judge": {"type": ["string", "null"]},
                    "rests": {"type": ["object", "null"]},
                    "waiting": COUNT,
                    "scored": COUNT,
                    "reasons": OBJECT,
                },
                {"oldest_waiting": _MAYBE},
            )
        }
    ),
    ("POST", f"{API}/evaluations/preview"): Operation(
        {200: an_object({"interactions": COUNT, "input_tokens": COUNT, "output_tokens": COUNT})}
    ),
    ("POST", f"{API}/evaluations/backfill"): Operation(
        {200: an_object({"queued": COUNT, "next": {"type": ["string", "null"]}, "generation": COUNT})}
    ),
    ("GET", f"{API}/evaluations/next"): Operation(
        {200: an_object({"interaction": {"type": ["object", "null"]}, "rubrics": a_list(OBJECT)})}, query={"who": TEXT}
    ),
    ("POST", f"{API}/evaluations/resume"): Operation({200: an_object({"resumed": {"type": "boolean"}})}),
    ("GET", f"{API}/prices"): Operation({200: ref("PriceList")}),
    ("PUT", f"{API}/prices"): Operation({200: ref("PriceList")}, body=ref("PriceList"), kinds=(JSON, "text/csv")),
    ("POST", f"{API}/evaluations/run"): Operation(
        {200: an_object(dict.fromkeys(("scored", "unscored", "skipped", "put_off", "waiting"), COUNT))}
    ),
    ("POST", f"{API}/session"): Operation(
        {200: an_object({"logged_in": {"const": True}})},
        body=an_object({}, dict.fromkeys(("key", "tenant", "name", "password"), TEXT)),
        public=True,
    ),
    ("GET", f"{API}/session"): Operation({200: an_object({"tenant": TEXT, "kind": TEXT, "scopes": a_list(TEXT)})}),
    ("POST", f"{API}/session/renew"): Operation({200: an_object({"renewed": {"type": "boolean"}})}),
    ("DELETE", f"{API}/session"): Operation({200: an_object({"logged_out": {"type": "boolean"}})}),
    ("GET", f"{API}/admin/users"): Operation({200: an_object({"users": a_list(_USER)})}),
    ("POST", f"{API}/admin/users"): Operation(
        {201: _USER}, body=an_object({"name": TEXT, "password": TEXT, "role": {"enum": ["read", "admin"]}})
    ),
    ("PATCH", f"{API}/admin/users/{{user_id}}"): Operation(
        {200: an_object({"id": TEXT, "changed": {"const": True}})}, body=an_object({"password": TEXT})
    ),
    ("DELETE", f"{API}/admin/users/{{user_id}}"): _REMOVED,
    ("GET", f"{API}/dashboards"): Operation({200: an_object({"dashboards": a_list(_DASHBOARD)})}),
    ("POST", f"{API}/dashboards"): Operation({201: _DASHBOARD}, body=_SAVED),
    ("GET", f"{API}/dashboards/{{dashboard_id}}"): Operation({200: _DASHBOARD}),
    ("PUT", f"{API}/dashboards/{{dashboard_id}}"): Operation({200: _DASHBOARD}, body=_SAVED),
    ("DELETE", f"{API}/dashboards/{{dashboard_id}}"): _REMOVED,
    ("GET", f"{API}/dashboards/{{dashboard_id}}/widgets/{{number}}"): Operation(),
    ("GET", f"{API}/dashboards/{{dashboard_id}}/links"): Operation({200: an_object({"links": a_list(_LINK)})}),
    ("POST", f"{API}/dashboards/{{dashboard_id}}/links"): Operation(
        {201: {"allOf": [_LINK, an_object({"link": TEXT, "path": TEXT})]}}, body=an_object({}, {"expires_at": TIME})
    ),
    ("DELETE", f"{API}/dashboards/{{dashboard_id}}/links/{{link_id}}"): Operation(
        {200: an_object({"id": TEXT, "revoked": {"const": True}})}
    ),
    ("GET", f"{API}/annotations"): Operation({200: an_object({"annotations": a_list(_ANNOTATION)})}),
    ("POST", f"{API}/annotations"): Operation({201: _ANNOTATION}, body=an_object({"at": TIME, "text": TEXT})),
    ("DELETE", f"{API}/annotations/{{annotation_id}}"): _REMOVED,
    ("GET", "/"): _PAGE,
    ("GET", "/sdk/auricle.js"): Operation({200: TEXT}, speaks="text/javascript", public=True),
    ("GET", f"{API}/stats"): Operation(
        {200: an_object({"tenant": TEXT, "events": OBJECT, "conserved": {"const": True}, "waiting": COUNT})}
    ),
    ("GET", "/metrics"): Operation({200: TEXT}, speaks=PLAIN),
    ("GET", "/openapi.json"): _DOCUMENT,
    ("GET", "/api/analytics/openapi.json"): _DOCUMENT,
    ("GET", "/docs"): _PAGE,
    ("GET", "/api/analytics/docs"): _PAGE,
    ("GET", "/healthz"): _HEALTH,
    ("GET", "/health"): _HEALTH,
    ("GET", f"{API}/health"): _HEALTH,
    ("GET", "/api/analytics/healthz"): _HEALTH,
    ("GET", f"{API}/events/health"): _HEALTH,
    ("GET", "/readyz"): Operation(
        {status: an_object({"status": TEXT, "parts": OBJECT, "waiting": COUNT}) for status in (200, 503)}, public=True
    ),
}
