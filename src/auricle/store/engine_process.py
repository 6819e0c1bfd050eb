"""The embedded engine: chDB behind ClickHouse's HTTP protocol, in a process of its own.

Run as `python -m auricle.store.engine_process FOLDER MEMORY_BYTES`. The first line of standard input is the secret
that every request must carry; when standard input ends, the parent is gone and so is this process. The first line of
standard output is `{"port": N}` once it answers.

It speaks what `clickhouse-connect` sends and nothing else: `GET /ping`, and `POST /` with a statement in the body or
in `query`, settings and `param_*` values in the address, and for an INSERT the rows behind its `FORMAT` line.
"""

import base64
import hmac
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from chdb._chdb import connect  # type: ignore[attr-defined]

MAX_BODY = 1 << 30
INSERT = re.compile(rb"\s*INSERT\s+INTO\s[^\n]*?\sFORMAT\s+(\w+)[ \t]*\r?\n", re.IGNORECASE)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
STREAMED = frozenset(
    {"JSONEachRow", "JSONCompactEachRow", "RowBinary", "Native", "CSV", "TabSeparated", "TSV", "TSVRaw"}
)
"""Formats whose pieces, one after the other, are a whole; the others come in one piece."""
TRANSPORT = frozenset(
    {
        "query",
        "database",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "client_protocol_version",
        "wait_end_of_query",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "cancel_http_readonly_queries_on_client_close",
    }
)
"""Parameters of the transport, which are no settings of a query."""
SETTING = re.compile(r"[a-z][a-z0-9_]*")
BOUNDARY = re.compile(r"multipart/form-data; boundary=\"?([^\"]+)\"?")
FIELD = re.compile(rb'name="([^"]+)"')
CODE = re.compile(r"Code: (\d+)\. ")


PIECE = 1 << 20
"""Bytes of a file that are sent at a time."""


class Refused(Exception):
    """A request that this protocol does not speak."""


class Engine:
    """One folder of ClickHouse data, and a fresh session for every request.

    A session costs 0.9 ms here, and no setting of one request can reach another.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self._address = (
            f"{folder}?log-level=none&max_server_memory_usage={memory}&mark_cache_size=268435456"
            "&uncompressed_cache_size=0&background_pool_size=2&background_schedule_pool_size=2"
        )
        self._first = connect(self._address)

    def session(self, settings: dict[str, str]) -> Any:
        """A session with the settings in force; the caller closes it."""
        session = connect(self._address)
        if settings:
            try:
                session.query("SET " + ", ".join(f"{k} = {_quoted(v)}" for k, v in settings.items()), "CSV")
            except RuntimeError:
                session.close()
                raise
        return session

    def ping(self) -> None:
        """Proves that the engine itself still answers."""
        self._first.query("SELECT 1", "CSV")


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _form(body: bytes, boundary: bytes) -> dict[str, str]:
    """The fields of a form: where a statement's parameters go when they are too long for an address."""
    fields = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = FIELD.search(head)
        if name is None:
            raise Refused("a field of a form has no name")
        fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields


def _nameless_file() -> IO[bytes]:
    """A file that goes when it is closed; in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("rows"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    engine: ClassVar[Engine]
    secret: ClassVar[bytes]
    folder: ClassVar[Path]
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        """Answers the ping: of this process, or with `?deep=1` of the engine too."""
        if self.path.startswith("/ping"):
            if "deep=1" in self.path:
                self.engine.ping()
            self._whole(HTTPStatus.OK, b"Ok.\n")
        else:
            self._whole(HTTPStatus.NOT_FOUND, b"not here\n")

    def do_POST(self) -> None:
        """Runs one statement."""
        try:
            body = self.rfile.read(self._length())
            if not self._allowed():
                self._fail(HTTPStatus.UNAUTHORIZED, 516, "Authentication failed")
                return
            values = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            boundary = BOUNDARY.fullmatch(self.headers.get("Content-Type", ""))
            if boundary:
                values |= _form(body, boundary[1].encode())
                body = b""
            self._run(values, body)
        except Refused as refused:
            self.close_connection = True
            self._fail(HTTPStatus.BAD_REQUEST, 0, str(refused))
        except RuntimeError as error:
            message = str(error)
            code = CODE.match(message)
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, int(code[1]) if code else 1001, message)

    def _length(self) -> int:
        if self.headers.get("Content-Encoding") or self.headers.get("Transfer-Encoding"):
            raise Refused("bodies are plain and of a stated length here")
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= MAX_BODY:
            raise Refused("the body is too large")
        return length

    def _allowed(self) -> bool:
        given = self.headers.get("X-ClickHouse-Key", "").encode()
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            given = base64.b64decode(basic[6:]).partition(b":")[2]
        return hmac.compare_digest(given, self.secret)

    def _run(self, values: dict[str, str], body: bytes) -> None:
        params = {k[6:]: v for k, v in values.items() if k.startswith("param_")}
        settings = {k: v for k, v in values.items() if k not in TRANSPORT and not k.startswith("param_")}
        for name in settings:
            if not SETTING.fullmatch(name):
                raise Refused("a setting has no such name")
        statement = values.get("query", "").encode()
        text = (statement + b"\n" + body if body else statement) if statement else body
        session = self.engine.session(settings)
        try:
            insert = INSERT.match(text)
            if insert:
                self._insert(
                    session, text[: insert.start(1)].decode(), insert[1].decode(), memoryview(text)[insert.end() :]
                )
            else:
                # NOTE: with `wait_end_of_query` nothing is sent before all is known, so that every failure is told.
                self._select(session, text.decode(), params, whole=values.get("wait_end_of_query") == "1")
        finally:
            session.close()

    def _insert(self, session: Any, statement: str, form: str, rows: memoryview) -> None:
        # NOTE: not chDB's own `send_insert`: it keeps quiet about a failure, so that on a full disk rows would be taken
        # for written.
        with _nameless_file() as file:
            file.write(rows)
            file.seek(0)
            target = statement.strip().removesuffix("FORMAT").strip()
            result = session.query(f"{target} FROM INFILE '/dev/fd/{file.fileno()}' FORMAT {form}", "CSV")
        self._whole(HTTPStatus.OK, b"", {"written_rows": str(result.rows_written())})

    def _select(self, session: Any, statement: str, params: dict[str, str], whole: bool) -> None:
        form = FORMAT.search(statement)
        if form and form[1] in STREAMED and not whole:
            self._stream(self._pieces(session, statement[: form.start()], form[1], params))
            return
        if form and form[1] == "Parquet":
            self._file(session, statement[: form.start()], params)
            return
        result = session.query(statement, "TabSeparated", params=params)
        summary = {"read_rows": str(result.storage_rows_read()), "read_bytes": str(result.storage_bytes_read())}
        self._whole(HTTPStatus.OK, result.bytes(), summary)

    def _file(self, session: Any, select: str, params: dict[str, str]) -> None:
        """Answers in Parquet, by way of a file: chDB's own pieces do not add up to one, and memory must not grow."""
        with tempfile.NamedTemporaryFile(suffix=".parquet", dir=self.folder / "tmp") as file:
            target = f"INSERT INTO FUNCTION file({_quoted(file.name)}, 'Parquet')"
            truncate = "engine_file_truncate_on_insert = 1"
            session.query(f"{target} {select} SETTINGS {truncate}", "CSV", params=params)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(Path(file.name).stat().st_size))
            self.end_headers()
            with Path(file.name).open("rb") as written:
                shutil.copyfileobj(written, self.wfile, PIECE)

    @staticmethod
    def _pieces(session: Any, statement: str, form: str, params: dict[str, str]) -> Iterator[bytes]:
        stream = session.send_query(statement, form, params=params)
        try:
            while piece := session.streaming_fetch_result(stream).bytes():
                yield piece
        except GeneratorExit:
            session.streaming_cancel_query(stream)
            raise

    def _stream(self, pieces: Iterator[bytes]) -> None:
        first = next(pieces, b"")
        self.send_response(HTTPStatus.OK)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if first:
            self._chunk(first)
        try:
            for piece in pieces:
                self._chunk(piece)
        except RuntimeError:
            # NOTE: the status is out already; a chunked body without its end is how HTTP says "this went wrong".
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")

    def _whole(self, status: HTTPStatus, body: bytes, summary: dict[str, str] | None = None) -> None:
        self.send_response(status)
        if summary is not None:
            self.send_header("X-ClickHouse-Summary", json.dumps(summary))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status: HTTPStatus, code: int, message: str) -> None:
        self.send_response(status)
        self.send_header("X-ClickHouse-Exception-Code", str(code))
        body = message.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the client logs."""


class Server(ThreadingHTTPServer):
    """Loopback only; a thread a connection, and none of them holds the process up."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is no event."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _end_with_parent() -> None:
    # NOTE: os.read, not sys.stdin: a buffered reader held by a thread dead-locks the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    """Opens the folder, listens on a free loopback port, and serves until the parent goes."""
    folder, memory = Path(sys.argv[1]), int(sys.argv[2])
    secret = b""
    while not secret.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            return
        secret += piece
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Handler.secret = secret.strip()
    Handler.folder = folder
    Handler.engine = Engine(folder, memory)
    for left_over in (folder / "tmp").glob("*.parquet"):  # of an export during which the process was killed
        left_over.unlink()
    server = Server(("127.0.0.1", 0), Handler)
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
