"""The command line: serving, importing, reports, SQL, schemas, the inbox, the judge, tenants, keys, the audit log."""

import os
import sys
from typing import Annotated

import typer

from auricle import __version__
from auricle.cli import (
    audit,
    demo,
    doctor,
    evaluate,
    inbox,
    key,
    load,
    metric,
    prices,
    report,
    retention,
    rollup,
    schema,
    serve,
    sql,
    subject,
    tenant,
    token,
    user,
)
from auricle.cli.door import told_of
from auricle.cli.output import FAILED, Failure, print_failure
from auricle.errors import AuricleError

app = typer.Typer(
    name="auricle",
    help="Self-hosted analytics for voice assistants, AI products, websites and the systems behind them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("import")(load.load)
app.command("doctor")(doctor.doctor)
app.command("sql")(sql.sql)
app.add_typer(key.app, name="key")
app.add_typer(tenant.app, name="tenant")
app.add_typer(token.app, name="token")
app.add_typer(user.app, name="user")
app.add_typer(audit.app, name="audit")
app.add_typer(schema.app, name="schema")
app.add_typer(inbox.app, name="inbox")
app.add_typer(subject.app, name="subject")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(retention.app, name="retention")
app.add_typer(metric.app, name="metric")
app.add_typer(prices.app, name="prices")
app.add_typer(report.app, name="report")
app.add_typer(rollup.app, name="rollup")


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"auricle {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Self-hosted analytics for voice assistants, AI products, websites and the systems behind them."""


def main() -> None:
    """Runs the command of the process's arguments and exits: 0 done, 1 failed, 2 wrong use."""
    try:
        app()
    except Failure as failure:
        wrong = failure
    except AuricleError as error:
        wrong = Failure(told_of(error.detail, [f"{fault.pointer}: {fault.message}" for fault in error.faults]), FAILED)
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does: no more can be told, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    print_failure(wrong, as_json="--json" in sys.argv)
    sys.exit(wrong.code)
