"""`auricle report`: asks the running service for a report and prints it as a table."""

import json as json_text
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import WRONG_USE, Failure, bar, percent, print_json, print_table
from auricle.model.principal import Kind

app = typer.Typer(no_args_is_help=True, help="Ask the running service for a report.")

FEW_MOMENTS = 8
"""Up to so many moments stand side by side; more of them one below the other."""
REPORTS = f"{API}/reports"


@dataclass(frozen=True, slots=True)
class Range:
    """Which events a report reads."""

    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First moment, RFC 3339.")] = None
    to: Annotated[str | None, typer.Option(metavar="TIME", help="First moment after it, RFC 3339.")] = None
    period: Annotated[str | None, typer.Option(help="Up to now: 24h, 7d, 30d …, instead of --from and --to.")] = None
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="IANA zone of days and grains; UTC without it.")] = None
    site: Annotated[str | None, typer.Option(metavar="ID", help="Only this site.")] = None
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="'FIELD OP VALUE'",
            help="Only events like this; repeat for more. Ops: eq neq in not_in contains gt gte lt lte exists.",
        ),
    ] = None
    include_test: Annotated[bool, typer.Option("--include-test", help="Count test traffic too.")] = False

    def as_body(self) -> dict[str, Any]:
        """The fields as the reports' doors take them. Without any range: the last 7 days."""
        bare = self.from_ is None and self.to is None and self.period is None
        return {
            "from": self.from_,
            "to": self.to,
            "period": "7d" if bare else self.period,
            "tz": self.tz,
            "site_id": self.site,
            "filters": [filter_of(text) for text in self.filters or []] or None,
            "include_test": self.include_test or None,
        }


def filter_of(text: str) -> dict[str, Any]:
    """A filter from `field op value`: the value is JSON where it is any, else text; `in` takes `a,b,c` too.

    Raises:
        Failure: it has no field and operation.
    """
    field, _, rest = text.strip().partition(" ")
    op, _, told = rest.strip().partition(" ")
    told = told.strip()
    if not field or not op:
        raise Failure(f"--filter {text!r} is not of the form 'FIELD OP VALUE'", WRONG_USE)
    value: Any
    try:
        value = json_text.loads(told)
    except ValueError:
        value = told
    if op in ("in", "not_in") and not isinstance(value, list):
        value = [part.strip() for part in told.split(",")]
    if op == "exists" and not told:
        value = True
    return {"field": field, "op": op, "value": value}


Breakdown = Annotated[str | None, typer.Option(metavar="FIELD", help="Apart for each of the field's top values.")]


@app.command()
@takes
def timeseries(
    metric: Annotated[str, typer.Option(help="A metric's name; `auricle report metrics` lists them.")],
    target: Target,
    range: Range,
    grain: Annotated[str, typer.Option(help="1m 5m 15m 1h 1d 1w 1mo all.")] = "1d",
    breakdown: Breakdown = None,
    compare: Annotated[bool, typer.Option("--compare", help="Beside the previous period.")] = False,
    json: Json = False,
) -> None:
    """A metric over time."""
    chosen = {"metric": metric, "grain": grain, "breakdown": breakdown}
    answer = _ask(target, "timeseries", range, {**chosen, "compare": "previous_period" if compare else None})
    if json:
        print_json(answer)
        return
    title = f"{metric} by {grain}"
    if "series" in answer:
        series = answer["series"]
        points = [{point["t"]: point["value"] for point in one["points"]} for one in series]
        moments = sorted({moment for one in points for moment in one})
        keys = ["–" if one["key"] is None else str(one["key"]) for one in series]
        if len(moments) <= FEW_MOMENTS:
            rows = [[key, *(one.get(t) for t in moments)] for key, one in zip(keys, points, strict=True)]
            print_table(title, [breakdown or "", *map(_time, moments)], rows, _note(answer))
        else:
            rows = [[_time(t), *(one.get(t) for one in points)] for t in moments]
            print_table(title, ["time", *keys], rows, _note(answer))
        return
    highest = max((point["value"] or 0 for point in answer["points"]), default=0) or 1
    rows = [
        [_time(point["t"]), point["value"], bar((point["value"] or 0) / highest if highest > 0 else 0)]
        for point in answer["points"]
    ]
    columns = ["time", "value", ""]
    previous = _previous(answer)
    if previous:
        columns.insert(2, "previous")
        for row, value in zip(rows, previous + [None] * len(rows), strict=False):
            row.insert(2, value)
    print_table(title, columns, rows, _note(answer))


@app.command()
@takes
def funnel(
    steps: Annotated[str, typer.Option(metavar="A,B,C", help="2 to 10 event names in order.")],
    target: Target,
    range: Range,
    window: Annotated[str | None, typer.Option(help="Time from step 1 to the last: 30m, 24h, 7d …")] = None,
    order: Annotated[str | None, typer.Option(help="sequential, strict or any.")] = None,
    by: Annotated[str | None, typer.Option(help="user or session.")] = None,
    breakdown: Breakdown = None,
    json: Json = False,
) -> None:
    """How many go from step to step."""
    names = [name.strip() for name in steps.split(",") if name.strip()]
    if not 2 <= len(names) <= 10:
        raise Failure("--steps takes 2 to 10 event names, with commas between", WRONG_USE)
    chosen = {"steps": names, "window": window, "order": order, "by": by, "breakdown": breakdown}
    answer = _ask(target, "funnel", range, chosen)
    if json:
        print_json(answer)
    else:
        print_funnel(answer)


def print_funnel(answer: Mapping[str, Any]) -> None:
    """A funnel as a table with bars, one for each value of a breakdown."""
    series = answer.get("series") or [{"key": None, "steps": answer["steps"]}]
    for one in series:
        rows = [
            [
                step["event"],
                step["count"],
                bar(step["from_first"]),
                percent(step["from_first"]),
                percent(step["from_previous"]),
                duration(step["median_seconds"]),
            ]
            for step in one["steps"]
        ]
        title = "Funnel" if one["key"] is None else f"Funnel: {one['key']}"
        print_table(title, ("step", "count", "", "of first", "of previous", "median time"), rows, _note(answer))


@app.command()
@takes
def retention(
    cohort: Annotated[str, typer.Option(metavar="NAME", help="The event that makes an actor one of a cohort.")],
    target: Target,
    range: Range,
    back: Annotated[
        str | None, typer.Option("--return", metavar="NAME", help="The event of coming again; --cohort without it.")
    ] = None,
    grain: Annotated[str, typer.Option(help="1d, 1w or 1mo.")] = "1d",
    periods: Annotated[int | None, typer.Option(min=1, help="How many periods a cohort is followed.")] = None,
    by: Annotated[str | None, typer.Option(help="user or session.")] = None,
    json: Json = False,
) -> None:
    """Of those who came for the first time, how many came again, and when."""
    chosen = {"cohort": cohort, "return": back, "grain": grain, "periods": periods, "by": by}
    answer = _ask(target, "retention", range, chosen)
    if json:
        print_json(answer)
        return
    first = answer["cohorts"][0]["periods"] if answer["cohorts"] else []
    rows = [
        [_time(one["t"])[:10], one["size"], *(percent(each["rate"]) for each in one["periods"])]
        for one in answer["cohorts"]
    ]
    columns = ["cohort", "size", *(f"+{number}" for number, _ in enumerate(first))]
    print_table(f"Retention of {cohort} by {grain}", columns, rows, _note(answer))


@app.command()
@takes
def sessions(
    target: Target,
    range: Range,
    grain: Annotated[str, typer.Option(help="1m 5m 15m 1h 1d 1w 1mo all.")] = "1d",
    gap_minutes: Annotated[float | None, typer.Option(help="A longer pause ends a session; 30 without it.")] = None,
    json: Json = False,
) -> None:
    """Visits: how many, how long, and how many ended after one event."""
    answer = _ask(target, "sessions", range, {"grain": grain, "gap_minutes": gap_minutes})
    if json:
        print_json(answer)
        return
    rows = [
        [_time(one["t"]), one["sessions"], duration(one["median_seconds"]), percent(one["bounce_rate"])]
        for one in answer["points"]
    ]
    rows.append(["all", answer["sessions"], duration(answer["median_seconds"]), percent(answer["bounce_rate"])])
    print_table("Sessions", ("time", "sessions", "median length", "bounced"), rows, _note(answer))


@app.command()
@takes
def interactions(
    target: Target,
    range: Range,
    states: Annotated[
        list[str] | None, typer.Option("--state", help="answered, unanswered, error or pending; repeat for more.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
    json: Json = False,
) -> None:
    """Voice queries, and why some were not answered."""
    answer = _ask(target, "interactions", range, {"states": states, "limit": limit})
    if json:
        print_json(answer)
        return
    rows = [
        [_time(one["occurred_at"]), one["query_text"], one["reason"] or one["state"], one["latency_ms"], one["score"]]
        for one in answer["interactions"]
    ]
    print_table("Interactions", ("time", "query", "state", "latency ms", "score"), rows, _note(answer))
    total = answer["total"] or 1
    summary = [[state, count, bar(count / total)] for state, count in answer["counts"].items()]
    print_table("All", ("state", "count", ""), summary, f"{answer['orphan_outcomes']:,} outcomes without a query")


@app.command()
@takes
def paths(
    event: Annotated[str, typer.Option(metavar="NAME", help="Where the paths begin, or end.")],
    target: Target,
    range: Range,
    direction: Annotated[str | None, typer.Option(help="after or before.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="How many events of a path are told.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many rows.")] = None,
    window: Annotated[str | None, typer.Option(help="How far the events may lie from it: 24h, 7d …")] = None,
    by: Annotated[str | None, typer.Option(help="user or session.")] = None,
    json: Json = False,
) -> None:
    """What actors did after an event, or before it."""
    chosen = {"event": event, "direction": direction, "depth": depth, "limit": limit, "window": window, "by": by}
    answer = _ask(target, "paths", range, chosen)
    if json:
        print_json(answer)
        return
    arrow = " → " if answer["direction"] == "after" else " ← "
    rows = [[arrow.join([event, *one["events"]]), one["count"], bar(one["share"])] for one in answer["paths"]]
    if answer["other"]:
        rows.append(["(other)", answer["other"], bar(answer["other"] / answer["total"])])
    print_table(f"Paths {answer['direction']} {event}", ("path", "count", ""), rows, _note(answer))


@app.command()
@takes
def active(target: Target, range: Range, json: Json = False) -> None:
    """Daily, weekly and monthly active users."""
    answer = _ask(target, "active", range, {})
    if json:
        print_json(answer)
    else:
        print_active(answer)


def print_active(answer: Mapping[str, Any]) -> None:
    """Active users as a table, a row a day."""
    columns = list(answer["days"][0]) if answer["days"] else ["date", "dau", "wau", "mau"]
    print_table("Active users", columns, [list(day.values()) for day in answer["days"]], _note(answer))


@app.command()
@takes
def top(
    field: Annotated[str, typer.Option(help="An envelope field or an attribute.")],
    target: Target,
    range: Range,
    event: Annotated[str | None, typer.Option(metavar="NAME", help="Only events of this name.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many rows.")] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Take text alike that differs in case and white space.")] = False,
    json: Json = False,
) -> None:
    """The most frequent values of a field."""
    chosen: dict[str, Any] = {"field": field, "limit": limit, "fold": fold or None}
    if event is not None:
        chosen["filters"] = [*(range.as_body()["filters"] or []), filter_of(f"event_name eq {json_text.dumps(event)}")]
    answer = _ask(target, "top", range, chosen)
    if json:
        print_json(answer)
    else:
        print_top(answer, field)


def print_top(answer: Mapping[str, Any], field: str) -> None:
    """Top values as a table with bars, and what the rest comes to."""
    total = answer["total"] or 0
    rows = [[row["value"], row["count"], bar(row["count"] / total if total else 0)] for row in answer["rows"]]
    if answer.get("other"):
        rows.append(["(other)", answer["other"], bar(answer["other"] / total if total else 0)])
    print_table(f"Top {field}", (field, "count", ""), rows, _note(answer))


@app.command()
@takes
def metrics(target: Target, json: Json = False) -> None:
    """Every named metric with its definition."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", f"{REPORTS}/metrics")
    if json:
        print_json(answer)
        return
    rows = answer["metrics"]
    columns = [name for name in (rows[0] if rows else {}) if not isinstance(rows[0][name], dict | list)]
    print_table("Metrics", columns, [[row.get(name) for name in columns] for row in rows])


def _ask(target: Target, report: str, range: Range, chosen: Mapping[str, Any]) -> Any:
    """A report's answer; what was not chosen is left out."""
    body = {name: value for name, value in {**range.as_body(), **chosen}.items() if value is not None}
    with open_door(target, Kind.READ) as door:
        return door.ask("POST", f"{REPORTS}/{report}", body)


def _previous(answer: Mapping[str, Any]) -> list[Any]:
    """The values of the previous period, when it was asked for."""
    told = answer.get("previous") or {}
    points = told.get("points", []) if isinstance(told, dict) else told
    return [point["value"] for point in points]


def _time(moment: str) -> str:
    """`2026-01-02T03:00:00Z` as `2026-01-02 03:00`."""
    return moment[:16].replace("T", " ")


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def _note(answer: Mapping[str, Any]) -> str:
    """The range and the exactness, below a table."""
    meta = answer.get("meta") or {}
    exact = meta.get("exact")
    told = [f"{_time(str(meta.get('from', '')))} to {_time(str(meta.get('to', '')))}"] if meta.get("from") else []
    if exact is not None:
        told.append("exact" if exact is True else f"error {exact}")
    if meta.get("as_of"):
        told.append(f"as of {str(meta['as_of'])[:19].replace('T', ' ')}")
    return ", ".join(told)
