"""The data subject as SQL: what is known of it, all of its events, and which rows an erasure takes.

A user's rows are those that bear the user's id, and two kinds of rows that bear nobody's: those of sessions that no
other user was in, and scores of voice queries that no other user asked. Values are bound, never spliced.
"""

from collections.abc import Sequence

from auricle.model.statement import Statement
from auricle.model.subject import Store, Subject
from auricle.report.binding import Binding
from auricle.report.export import COLUMNS
from auricle.report.filters import condition
from auricle.report.interactions import OUTCOME, QUERY, SCORE

QUERY_ID = "JSONExtractString(attributes, 'voice.query_id')"
TOLD = (QUERY, OUTCOME)
POINT = "datapoint.written"


def find(tenant_id: str, subject: Subject, names: Sequence[str]) -> Statement:
    """Events by name with their number, first and last time, and whether they bear an id of the subject themselves.

    `names` are all that the user may be called in the store: the id as given, and its pseudonym.
    """
    binding = Binding()
    return binding.statement(
        f"SELECT event_name, count() AS events, min(occurred_at) AS first, max(occurred_at) AS last,\n"
        f"  uniqExactIf(session_id, session_id != '') AS sessions\n"
        f"FROM events\nWHERE {chosen(tenant_id, subject, names, binding)}\n"
        f"GROUP BY event_name ORDER BY events DESC, event_name"
    )


def count(tenant_id: str, subject: Subject, names: Sequence[str]) -> Statement:
    """How many rows are chosen."""
    binding = Binding()
    return binding.statement(f"SELECT count() FROM events WHERE {chosen(tenant_id, subject, names, binding)}")


def export(tenant_id: str, subject: Subject, names: Sequence[str]) -> Statement:
    """All chosen events, oldest first, in the columns of `COLUMNS`."""
    binding = Binding()
    columns = ", ".join(f"formatDateTime({c}, '%Y-%m-%dT%H:%i:%S.%fZ')" if c.endswith("_at") else c for c in COLUMNS)
    return binding.statement(
        f"SELECT {columns}\nFROM events\nWHERE {chosen(tenant_id, subject, names, binding)}\n"
        f"ORDER BY occurred_at, received_at"
    )


def stage(tenant_id: str, subject: Subject, names: Sequence[str], job: str, archived: str | None = None) -> Statement:
    """Notes the ids of the chosen rows in the table `erasing`, under a job, with the kind of each (`Store`).

    `archived` is the SQL of a table of the tenant's archived events, which tell of sessions and queries too.
    """
    binding = Binding()
    kinds = (
        f"multiIf(event_name = {binding.text(POINT)}, {binding.text(Store.POINTS)},"
        f" event_name = {binding.text(SCORE)}, {binding.text(Store.SCORES)}, {binding.text(Store.EVENTS)})"
    )
    return binding.statement(
        f"INSERT INTO erasing SELECT toUUID({binding.text(job)}), tenant_id, event_id, {kinds}\n"
        f"FROM events\nWHERE {chosen(tenant_id, subject, names, binding, _everywhere(archived))}"
    )


def stage_archived(tenant_id: str, subject: Subject, names: Sequence[str], job: str, archived: str) -> Statement:
    """Notes the ids of the chosen rows among the archived ones, as `stage` does those of the others."""
    binding = Binding()
    return binding.statement(
        f"INSERT INTO erasing SELECT toUUID({binding.text(job)}), tenant_id, toUUID(event_id),"
        f" {binding.text(Store.ARCHIVE)}\n"
        f"FROM {archived}\nWHERE {chosen(tenant_id, subject, names, binding, _everywhere(archived))}"
    )


def sessions(tenant_id: str, names: Sequence[str], archived: str | None = None) -> Statement:
    """The sessions that a user was in and no other user."""
    binding = Binding()
    own = _own_only("session_id", tenant_id, names, binding, _everywhere(archived))
    return binding.statement(f"SELECT own FROM ({own})")


def _everywhere(archived: str | None) -> str:
    """SQL of all events, archived ones too, in the columns that tell whose a session or a query is."""
    told = "SELECT tenant_id, event_name, session_id, user_id, attributes FROM"
    return "events" if archived is None else f"({told} events UNION ALL {told} {archived})"


def chosen(tenant_id: str, subject: Subject, names: Sequence[str], binding: Binding, everywhere: str = "events") -> str:
    """The body of a WHERE: the rows of a subject. `everywhere` is the SQL of all events there are."""
    parts = [f"tenant_id = {binding.text(tenant_id)}"]
    if subject.user_id is not None:
        own = f"user_id IN {binding.texts(tuple(names))}"
        parts.append(f"({own} OR {_nobodys(tenant_id, names, binding, everywhere)})" if subject.whole else own)
    if subject.session_id is not None:
        parts.append(f"session_id = {binding.text(subject.session_id)}")
    if subject.site_id is not None:
        parts.append(f"site_id = {binding.text(subject.site_id)}")
    if subject.start is not None:
        parts.append(f"occurred_at >= {binding.instant(subject.start)}")
    if subject.end is not None:
        parts.append(f"occurred_at < {binding.instant(subject.end)}")
    parts.extend(condition(each, binding) for each in subject.filters)
    return "\n  AND ".join(parts)


def _nobodys(tenant_id: str, names: Sequence[str], binding: Binding, everywhere: str) -> str:
    """Rows that name no user and yet are a user's alone."""
    traces = f"session_id IN ({_own_only('session_id', tenant_id, names, binding, everywhere)})"
    scores = (
        f"event_name = {binding.text(SCORE)} AND session_id = ''"
        f" AND {QUERY_ID} IN ({_own_only(QUERY_ID, tenant_id, names, binding, everywhere)})"
    )
    return f"(user_id = '' AND (({traces}) OR ({scores})))"


def _own_only(value: str, tenant_id: str, names: Sequence[str], binding: Binding, everywhere: str) -> str:
    """The values of an expression that stand in rows of a user, and in none of another user."""
    users = binding.texts(tuple(names))
    where = f"tenant_id = {binding.text(tenant_id)} AND user_id != ''"
    if value == QUERY_ID:
        where += f" AND event_name IN {binding.texts(TOLD)}"
    return (
        f"SELECT {value} AS own FROM {everywhere} WHERE {where} AND {value} != ''"
        f" GROUP BY own HAVING countIf(user_id IN {users}) = count()"
    )
