"""`auricle metric`: a tenant's own metrics, as the running service keeps them."""

from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stdout
from auricle.model.principal import Kind
from auricle.model.query import Aggregation

app = typer.Typer(no_args_is_help=True, help="See, make and remove the tenant's own metrics.")

METRICS = f"{API}/metrics"
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as `bookings` or `answers.slow`.")]


@app.command("list")
@takes
def list_metrics(target: Target, json: Json = False) -> None:
    """List the tenant's own metrics."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", METRICS)
    if json:
        print_json(answer)
        return
    print_table("Metrics", ("name", "what", "description"), [_row(one) for one in answer["metrics"]])


@app.command("set")
@takes
def set_metric(
    name: Name,
    target: Target,
    event: Annotated[str | None, typer.Option(metavar="NAME", help="Its events; of any name without it.")] = None,
    aggregation: Annotated[Aggregation | None, typer.Option(help="What is made of them.", show_default="count")] = None,
    field: Annotated[str | None, typer.Option(help="The field that is looked at; count has none.")] = None,
    filter_: Annotated[
        list[str] | None, typer.Option("--filter", metavar="JSON", help="A condition, as in reports; again for more.")
    ] = None,
    ratio: Annotated[str | None, typer.Option(metavar="A/B", help="Two metrics; this one is A over B.")] = None,
    description: Annotated[str, typer.Option(help="What it means.")] = "",
    json: Json = False,
) -> None:
    """Make a metric, or change it: an aggregation over events, or the ratio of two others."""
    told: dict[str, Any] = {"description": description, "event": event, "field": field}
    told |= {"aggregation": aggregation and aggregation.value, "filters": [_filter(one) for one in filter_ or ()]}
    if ratio is not None:
        above, _, below = ratio.partition("/")
        told |= {"numerator": above.strip(), "denominator": below.strip()}
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("PUT", f"{METRICS}/{quote(name, safe='')}", {key: told[key] for key in told if told[key]})
    if json:
        print_json(answer)
    else:
        stdout().print(f"{answer['name']}: {_what(answer)}", markup=False, soft_wrap=True)


@app.command()
@takes
def remove(name: Name, target: Target, json: Json = False) -> None:
    """Remove a metric; its events stay."""
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("DELETE", f"{METRICS}/{quote(name, safe='')}")
    if json:
        print_json(answer)
    else:
        stdout().print(f"{answer['name']} is removed", markup=False)


def _filter(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Failure('--filter takes JSON such as {"field": "site_id", "op": "eq", "value": "a"}', WRONG_USE) from None


def _row(metric: dict[str, Any]) -> list[Any]:
    return [metric["name"], _what(metric), metric["description"]]


def _what(metric: dict[str, Any]) -> str:
    if "numerator" in metric:
        return f"{metric['numerator']} / {metric['denominator']}"
    of = f" of {metric['field']}" if metric["field"] else ""
    more = f" with {len(metric['filters'])} filters" if metric["filters"] else ""
    return f"{metric['aggregation']}{of} over {metric['event'] or 'all events'}{more}"
