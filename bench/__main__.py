"""`python -m bench`: the measurements, each a subcommand. From the root of the repository."""

import argparse
from pathlib import Path

from bench import (
    cache,
    checks,
    client,
    crash,
    freshness,
    ingest,
    judge,
    layout,
    middleware,
    neighbours,
    reports,
    retention,
    rollups,
    rubbish,
    startup,
)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part.replace("_", "")) for part in text.split(","))


def parser() -> argparse.ArgumentParser:
    """The subcommands and their options."""
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser("ingest", help="Auricle, the service of document 004 and the bare engine, in one run")
    one.add_argument("--seconds", type=float, default=10.0, help="of sending in each phase")
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("checks", help="what sanitising and validating cost: on and off in one run")
    one.add_argument("--seconds", type=float, default=4.0, help="of sending to each service in a round")
    one.add_argument("--rounds", type=int, default=5)
    one = commands.add_parser("reports", help="every report over HTTP beside its SQL on the bare engine")
    one.add_argument("--rows", type=_numbers, default=(1_000_000, 10_000_000), help="numbers of events, by commas")
    one.add_argument("--repeats", type=int, default=12)
    one.add_argument("--data", type=Path, help="keep the filled folders here and use them again")
    one = commands.add_parser("cache", help="reports read, given from the cache, answered 304, and joined")
    one.add_argument("--rows", type=int, default=1_000_000)
    one.add_argument("--repeats", type=int, default=100)
    one = commands.add_parser("rollups", help="reports without rollups and with them, up to 50 M events")
    one.add_argument("--rows", type=_numbers, default=(1_000_000, 10_000_000, 50_000_000), help="as above")
    one.add_argument("--repeats", type=int, default=5)
    one.add_argument("--data", type=Path, help="keep the filled folders here and use them again")
    one = commands.add_parser("layout", help="six ways to keep attributes (docs/decisions/0003)")
    one.add_argument("--rows", type=int, default=1_000_000)
    one.add_argument("--layouts", default="abcdef", help="letters of those to measure")
    one = commands.add_parser("startup", help="start to first durable answer, idle memory")
    one.add_argument("--rounds", type=int, default=5)
    one = commands.add_parser("freshness", help="accepted to visible in a report")
    one.add_argument("--markers", type=int, default=40)
    one.add_argument("--seconds", type=float, default=15.0, help="of half load")
    one = commands.add_parser("crash", help="kill -9 under load, again and again: nothing lost, nothing counted twice")
    one.add_argument("--rounds", type=int, default=200)
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("rubbish", help="a client whose every event is refused: what it costs, how much stays")
    one.add_argument("--bodies", type=int, default=20, help="of 40,000 events each")
    one = commands.add_parser("client", help="what a call of the Python client takes, in memory and with the outbox")
    one.add_argument("--seconds", type=float, default=10.0, help="of the steady pace")
    one = commands.add_parser("judge", help="10,000 interactions judged by rules, and ingest beside")
    one.add_argument("--interactions", type=int, default=10_000)
    one.add_argument("--rate", type=int, default=5_000, help="events a second beside it")
    one.add_argument("--seconds", type=float, default=15.0)
    one = commands.add_parser("middleware", help="what the ASGI middleware adds to a request, at 2,000 a second")
    one.add_argument("--seconds", type=float, default=15.0)
    one = commands.add_parser("neighbours", help="what a flood of reports and hostile SQL of one tenant does to others")
    one.add_argument("--rows", type=int, default=1_000_000)
    one.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    one.add_argument("--rounds", type=int, default=3)
    one.add_argument("--at-once", type=int, default=4, help="AURICLE_REPORTS_AT_ONCE; 64 is as good as no turns")
    one = commands.add_parser("retention", help="what ingest feels of a sweep that archives and deletes")
    one.add_argument("--rows", type=int, default=3_000_000)
    one.add_argument("--rate", type=int, default=2_000, help="events a second that go in meanwhile")
    one.add_argument("--seconds", type=float, default=20.0)
    commands.add_parser("all", help="startup, ingest, checks, freshness, reports on 1 M and 10 M events")
    return top


def main() -> None:
    """Runs what is asked."""
    given = parser().parse_args()
    if given.command in ("startup", "all"):
        startup.run(getattr(given, "rounds", 5))
    if given.command in ("ingest", "all"):
        ingest.run(getattr(given, "seconds", 10.0), getattr(given, "seed", 1))
    if given.command in ("checks", "all"):
        checks.run(getattr(given, "seconds", 4.0), getattr(given, "rounds", 5))
    if given.command in ("freshness", "all"):
        freshness.run(getattr(given, "markers", 40), getattr(given, "seconds", 15.0))
    if given.command in ("reports", "all"):
        reports.run(
            getattr(given, "rows", (1_000_000, 10_000_000)), getattr(given, "repeats", 12), getattr(given, "data", None)
        )
    if given.command == "rollups":
        rollups.run(given.rows, given.repeats, given.data)
    if given.command == "crash":
        crash.run(given.rounds, given.seed)
    if given.command == "cache":
        cache.run(given.rows, given.repeats)
    if given.command == "layout":
        layout.run(given.rows, given.layouts)
    if given.command == "neighbours":
        neighbours.run(given.rows, given.seconds, given.rounds, given.at_once)
    if given.command == "retention":
        retention.run(given.rows, given.rate, given.seconds)
    if given.command == "rubbish":
        rubbish.run(given.bodies)
    if given.command == "client":
        client.run(given.seconds)
    if given.command == "judge":
        judge.run(given.interactions, given.rate, given.seconds)
    if given.command == "middleware":
        middleware.run(given.seconds)


if __name__ == "__main__":
    main()
