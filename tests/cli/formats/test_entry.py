"""The entry: lasting ids, and lines of any length."""

import io
import uuid

import pytest

from auricle.cli.formats import entry
from auricle.cli.formats.entry import Ids, lines_of


def test_ids_are_the_same_in_every_run_and_platform() -> None:
    ids = Ids()

    made = [ids.of("http.request", b"a line"), ids.of("http.request", b"another"), ids.of("http.request", b"a line")]

    assert made == [
        "21956153-fb47-5733-9977-267263b54081",
        "026c1c22-71a6-570f-9f61-782fe43bfe6c",
        "693e2946-8478-5862-87ac-2ed9eb09ffd1",
    ]
    assert [uuid.UUID(one).version for one in made] == [5, 5, 5]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(("", "a", b"x"), ("", "a", b"x"), True, id="same line"),
        pytest.param(("", "a", b"x"), ("", "a", b"y"), False, id="another line"),
        pytest.param(("", "a", b"x"), ("", "b", b"x"), False, id="another event of the same line"),
        pytest.param(("", "a", b"x"), ("web-2", "a", b"x"), False, id="another origin"),
        pytest.param(("", "ab", b"c"), ("", "a", b"bc"), False, id="parts do not run together"),
    ],
)
def test_what_an_id_depends_on(one: tuple[str, str, bytes], other: tuple[str, str, bytes], same: bool) -> None:
    assert (Ids(one[0]).of(*one[1:]) == Ids(other[0]).of(*other[1:])) is same


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(b"a\nb", [(1, b"a"), (2, b"b")], id="no newline at the end"),
        pytest.param(b"a\r\n\r\nb\r\n", [(1, b"a"), (2, b""), (3, b"b")], id="windows"),
        pytest.param(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", [(1, b"a"), (2, b"\xef\xbb\xbfb")], id="byte order mark"),
        pytest.param(b"12345678\nb\n", [(1, None), (2, b"b")], id="too long by one"),
        pytest.param(b"1234567\nb\n", [(1, b"1234567"), (2, b"b")], id="as long as may be"),
        pytest.param(b"a\n" + b"x" * 50 + b"\nb", [(1, b"a"), (2, None), (3, b"b")], id="much too long"),
        pytest.param(b"a\n" + b"x" * 50, [(1, b"a"), (2, None)], id="too long at the end"),
    ],
)
def test_lines(content: bytes, lines: list[tuple[int, bytes | None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "MAX_LINE", 8)

    assert list(lines_of(io.BytesIO(content))) == lines
