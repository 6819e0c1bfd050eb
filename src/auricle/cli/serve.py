"""`auricle serve`: the service, until a signal ends it."""

import errno
import os
from typing import Annotated, Literal

import typer

from auricle import process
from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import WRONG_USE, Failure, print_json, stdout
from auricle.store.secret import WeakSecret, secret_file


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.", show_default="8000"),
    ] = None,
    data: Data = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(help="Least severity that is logged.", show_default="info"),
    ] = None,
    json: Json = False,
) -> None:
    """Run the service until Ctrl-C or SIGTERM. Logs go to standard error."""
    settings = settings_of(host=host, port=port, data=data, log_level=log_level)

    def ready(url: str) -> None:
        if json:
            print_json({"url": url, "pid": os.getpid(), "data": str(settings.data)})
            return
        console = stdout()
        console.print(f"Auricle listens on {url}, its data in {settings.data}", markup=False, soft_wrap=True)
        console.print(f"  a key: auricle key create --tenant acme --kind ingest --data {settings.data}", markup=False)
        if (file := secret_file(settings)) is not None:
            console.print(f"  tokens are signed with the secret in {file}", markup=False, soft_wrap=True)

    try:
        process.serve(settings, ready)
    except WeakSecret as error:
        raise Failure(str(error), WRONG_USE) from None
    except process.InUse as error:
        raise Failure(str(error)) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(f"port {settings.port} of {settings.host} is taken: choose another with --port") from None
        if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL, errno.EROFS, errno.ENOTDIR, errno.EPERM, errno.ENOSPC):
            raise Failure(f"{error.strerror}: {error.filename or f'{settings.host}:{settings.port}'}") from None
        raise
