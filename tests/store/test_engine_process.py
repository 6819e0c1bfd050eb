"""The protocol of the embedded engine, spoken to by hand over a socket and by the client the service uses."""

import base64
import http.client
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

SECRET = "the secret of this test"


class Process:
    """An engine process and the port it listens on."""

    def __init__(self, folder: Path, secret: str = SECRET) -> None:
        command = [sys.executable, "-m", "auricle.store.engine_process", str(folder), "4000000000"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(secret.encode() + b"\n")
        self.process.stdin.flush()
        self.port = json.loads(self.process.stdout.readline())["port"]

    def ask(
        self, method: str = "POST", path: str = "/", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, str | None, bytes]:
        """Status, error code and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"X-ClickHouse-Key": SECRET} if headers is None else headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("X-ClickHouse-Exception-Code"), answer.read()
        finally:
            connection.close()

    def run(self, sql: str, **values: str) -> tuple[int, str | None, bytes]:
        """One statement, with settings and parameters in the address."""
        return self.ask(path="/?" + urlencode(values), body=sql.encode())

    def close(self) -> None:
        """Lets it end as it does when its parent goes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("engine") / "data")
    yield process
    process.close()


@pytest.fixture(scope="module")
def client(engine: Process) -> Iterator[Client]:
    options: dict[str, Any] = {"compress": False, "autogenerate_session_id": False, "query_limit": 0}
    made = clickhouse_connect.get_client(
        host="127.0.0.1", port=engine.port, username="default", password=SECRET, **options
    )
    yield made
    made.close()


PLAIN = b"bodies are plain and of a stated length here"
BASIC = "Basic " + base64.b64encode(f"default:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no secret"),
        pytest.param({"X-ClickHouse-Key": "another"}, 401, id="another secret"),
        pytest.param({"X-ClickHouse-Key": SECRET + "x"}, 401, id="a longer one"),
        pytest.param({"X-ClickHouse-Key": ""}, 401, id="an empty one"),
        pytest.param({"Authorization": "Basic " + base64.b64encode(b"default:").decode()}, 401, id="an empty password"),
        pytest.param({"X-ClickHouse-Key": SECRET}, 200, id="the secret"),
        pytest.param({"Authorization": BASIC}, 200, id="the secret as a password"),
    ],
)
def test_nothing_is_run_without_the_secret(engine: Process, headers: dict[str, str], status: int) -> None:
    refused = (401, "516", b"Authentication failed")
    assert engine.ask(body=b"SELECT 1", headers=headers) == ((200, None, b"1\n") if status == 200 else refused)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", "/ping", (200, b"Ok.\n"), id="ping"),
        pytest.param("GET", "/ping?deep=1", (200, b"Ok.\n"), id="ping of the engine itself"),
        pytest.param("GET", "/?query=SELECT%201", (404, b"not here\n"), id="a query by GET"),
        pytest.param("GET", "/play", (404, b"not here\n"), id="a page of a server"),
    ],
)
def test_what_get_answers(engine: Process, method: str, path: str, expected: tuple[int, bytes]) -> None:
    status, _, body = engine.ask(method, path, headers={})
    assert (status, body) == expected


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        pytest.param("SELEC 1", 62, id="syntax"),
        pytest.param("SELECT nothing", 47, id="unknown name"),
        pytest.param("SELECT * FROM nothing", 60, id="unknown table"),
        pytest.param("SELECT throwIf(1)", 395, id="raised while it runs"),
        pytest.param("SELECT throwIf(number = 3) FROM numbers(9) FORMAT RowBinary", 395, id="raised in a stream"),
        pytest.param("SELECT {x:UInt8}", 456, id="a parameter is missing"),
        pytest.param("INSERT INTO nothing FORMAT CSV\n1\n", 60, id="an insert into nothing"),
    ],
)
def test_errors_carry_their_code(engine: Process, sql: str, code: int) -> None:
    status, told, body = engine.run(sql)
    assert (status, told) == (500, str(code))
    assert f"Code: {code}" in body.decode()


@pytest.mark.parametrize(
    ("headers", "path", "body", "told"),
    [
        pytest.param(
            {"Content-Encoding": "gzip"}, "/", b"x", b"bodies are plain and of a stated length here", id="gzip"
        ),
        pytest.param({"Content-Length": str(2 << 30)}, "/", b"", b"the body is too large", id="2 GB"),
        pytest.param({}, "/?a%20b=1", b"SELECT 1", b"a setting has no such name", id="no name of a setting"),
        pytest.param({}, "/?A=1", b"SELECT 1", b"a setting has no such name", id="upper case"),
    ],
)
def test_what_our_client_never_sends_is_refused(
    engine: Process, headers: dict[str, str], path: str, body: bytes, told: bytes
) -> None:
    assert engine.ask(path=path, body=body, headers={"X-ClickHouse-Key": SECRET} | headers) == (400, "0", told)


def test_a_setting_holds_for_its_request_alone(engine: Process) -> None:
    ask = "SELECT getSetting('max_block_size')"
    default = engine.run(ask)
    assert engine.run(ask, max_block_size="77") == (200, None, b"77\n")
    assert engine.run(ask) == default
    assert engine.run("SELECT 1", no_such_setting="1")[:2] == (500, "115")
    assert engine.run("SELECT 1", max_block_size="nine'; DROP")[0] == 500
    assert engine.run("SET max_block_size = 78")[0] == 200
    assert engine.run(ask) == default


def test_settings_of_requests_at_once_stay_apart(engine: Process) -> None:
    def ask(number: int) -> bytes:
        return engine.run("SELECT getSetting('max_block_size'), sleep(0.02)", max_block_size=str(number))[2]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(1, 33))) == [b"%d\t0\n" % number for number in range(1, 33)]


def test_readonly_is_enforced(engine: Process) -> None:
    assert engine.run("CREATE TABLE no (a Int8) ENGINE = Memory", readonly="2")[:2] == (500, "164")


VALUES = [
    pytest.param("it's", id="a quote"),
    pytest.param('"double"', id="double quotes"),
    pytest.param("a\tb\nc\rd", id="white space"),
    pytest.param("back\\slash\\n \\' \\\\", id="backslashes"),
    pytest.param("naïve 日本語 🎈", id="beyond ASCII"),
    pytest.param("\\N", id="what means NULL in a file"),
    pytest.param("", id="nothing"),
    pytest.param("{x:String} %s $1 ; -- /* */", id="what looks like syntax"),
    pytest.param("\0 and \x01", id="control characters"),
    pytest.param("' OR 1=1 --", id="SQL"),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_text_parameter_comes_back_as_it_went(client: Client, value: str) -> None:
    sql = "SELECT {value:String} AS one, {values:Array(String)} AS many"
    params = {"value": value, "values": [value, "other", value]}
    answer = json.loads(client.raw_query(sql, params, fmt="JSONCompact"))
    assert answer["data"] == [[value, [value, "other", value]]]


@limits(max_examples=50)
@given(
    value=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    values=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5),
)
def test_any_text_parameter_comes_back_as_it_went(client: Client, value: str, values: list[str]) -> None:
    sql = "SELECT {value:String} AS one, {values:Array(String)} AS many"
    answer = json.loads(client.raw_query(sql, {"value": value, "values": values}, fmt="JSONCompact"))
    assert answer["data"] == [[value, values]]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("UInt64", 2**64 - 1, 2**64 - 1, id="the largest number"),
        pytest.param("Float64", -1.5, -1.5, id="a fraction"),
        pytest.param("Bool", True, True, id="true"),
        pytest.param("Nullable(String)", None, None, id="nothing"),
        pytest.param("Array(UUID)", [str(uuid.UUID(int=7))], [str(uuid.UUID(int=7))], id="ids"),
        pytest.param("Array(Array(Int8))", [[1], []], [[1], []], id="lists of lists"),
    ],
)
def test_parameters_have_types(client: Client, kind: str, value: Any, expected: Any) -> None:
    settings = {"output_format_json_quote_64bit_integers": "0"}
    answer = json.loads(client.raw_query(f"SELECT {{v:{kind}}}", {"v": value}, settings, fmt="JSONCompact"))
    assert answer["data"] == [[expected]]


def test_a_list_too_long_for_an_address_comes_by_form(client: Client) -> None:
    ids = [str(uuid.UUID(int=number)) for number in range(20_000)]
    texts = ["it's \\ \t\r\n--x\r\n🎈"] * 2_000
    sql = "SELECT length({ids:Array(UUID)}), length({texts:Array(String)}), {texts:Array(String)}[1]"
    answer = json.loads(client.raw_query(sql, {"ids": ids, "texts": texts}, fmt="JSONCompact"))
    assert [answer["data"][0][0], answer["data"][0][1]] in ([20_000, 2_000], ["20000", "2000"])
    assert answer["data"][0][2] == texts[0]


def test_a_long_answer_is_streamed(client: Client) -> None:
    stream: Any = client.raw_stream("SELECT number FROM numbers(300000)", fmt="RowBinary")
    content = b""
    while piece := stream.read(1 << 16):
        content += piece
    assert content == b"".join(number.to_bytes(8, "little") for number in range(300_000))


def test_a_stream_that_breaks_is_no_whole_answer(engine: Process) -> None:
    sql = "SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000 FORMAT RowBinary"
    try:
        status, _, _ = engine.run(sql)
    except http.client.IncompleteRead:
        return
    assert status == 500


def test_rows_go_in_with_settings(client: Client, engine: Process) -> None:
    client.command("CREATE TABLE IF NOT EXISTS t (a Int32, b String DEFAULT 'x') ENGINE = MergeTree ORDER BY a")
    client.raw_insert("t", ["a", "b"], b'[1,"one"]\n[2,"it\'s\\n2"]', fmt="JSONCompactEachRow")
    client.raw_insert("t", ["a"], b"3\nnone\n4\n", fmt="CSV", settings={"input_format_allow_errors_num": "1"})
    with pytest.raises(DatabaseError) as refused:
        client.raw_insert("t", ["a", "b"], b'[5,"five"]\n["six"]', fmt="JSONCompactEachRow")
    assert refused.value.code == 27
    answer = json.loads(client.raw_query("SELECT * FROM t ORDER BY a", fmt="JSONCompact"))
    assert answer["data"] == [[1, "one"], [2, "it's\n2"], [3, "x"], [4, "x"]]
    assert engine.run("INSERT INTO t (a) VALUES (9)")[0] == 200


def test_a_large_insert_comes_whole(client: Client) -> None:
    client.command("CREATE TABLE IF NOT EXISTS big (a String) ENGINE = MergeTree ORDER BY a")
    row = json.dumps(["r" * 1_000]).encode()
    client.raw_insert("big", ["a"], b"\n".join([row] * 12_000), fmt="JSONCompactEachRow")
    assert json.loads(client.raw_query("SELECT count(), sum(length(a)) FROM big", fmt="JSONCompactEachRow")) in (
        ["12000", "12000000"],
        [12_000, 12_000_000],
    )


def test_an_insert_that_cannot_be_written_is_refused(client: Client) -> None:
    client.command("CREATE TABLE small (a String) ENGINE = MergeTree ORDER BY a")
    place = Path(client.command("SELECT data_paths[1] FROM system.tables WHERE name = 'small'")).resolve()
    aside = place.with_name("aside")
    place.rename(aside)
    place.touch()  # a file where the folder of the table was: nothing can be written there
    try:
        with pytest.raises(DatabaseError):
            client.raw_insert("small", ["a"], b'["a row"]', fmt="JSONCompactEachRow")
    finally:
        place.unlink()
        aside.rename(place)
    assert client.command("SELECT count() FROM small") == 0
    client.raw_insert("small", ["a"], b'["a row"]', fmt="JSONCompactEachRow")
    assert client.command("SELECT count() FROM small") == 1


def test_it_ends_when_its_parent_goes(tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    began = time.monotonic()
    process.close()
    assert process.process.returncode == 0
    assert time.monotonic() - began < 5


def test_it_ends_when_nobody_tells_the_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "auricle.store.engine_process", str(tmp_path / "data"), "4000000000"]
    done = subprocess.run(command, input=b"half a secret", capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_streamed_answer_can_be_asked_for_as_a_whole(engine: Process) -> None:
    """With `wait_end_of_query` a failure in the middle is a status and a code, not an answer cut off."""
    failing = "SELECT number, throwIf(number = 900000) FROM numbers(1000000) FORMAT CSV"
    status, code, body = engine.run(failing, wait_end_of_query="1")
    assert (status, code) == (500, "395")
    assert not body.startswith(b"0,")
    status, code, body = engine.run("SELECT number FROM numbers(3) FORMAT CSV", wait_end_of_query="1")
    assert (status, code, body) == (200, None, b"0\n1\n2\n")
