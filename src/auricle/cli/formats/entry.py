"""The entry: what a reader makes of one line, and the lasting id of the event in it."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

NAMESPACE = uuid.UUID("8f1c2f0e-6a0b-5d0e-9a53-7d1d3b6f6a11")
"""The namespace of the ids that imports make. Changing it would count every file that is imported again twice."""

MAX_LINE = 1_000_000
"""Bytes of one line; a longer one is malformed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the file told it, not validated: the service does that."""

    line: int
    """The line of the file it begins on, from 1."""
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """One line that no event can be made of. Never holds the line itself."""

    line: int
    why: str


@dataclass(slots=True)
class Ids:
    """Gives events ids that depend on the content of the file alone, so that importing twice changes nothing.

    An id is made of the origin, the event's name, the line and how many times that very line came before. Identical
    lines of one file are thus as many events, and the same line of the same file is the same event at any later time.
    Takes about 100 bytes of memory a line.
    """

    origin: str = ""
    """Tells sources apart that hold identical lines, such as the logs of two machines."""
    _seen: dict[bytes, int] = field(default_factory=dict)

    def of(self, event_name: str, line: bytes) -> str:
        """The id of the event of this name on this line."""
        digest = hashlib.blake2b(f"{self.origin}\0{event_name}\0".encode() + line, digest_size=16).digest()
        times = self._seen.get(digest, 0)
        self._seen[digest] = times + 1
        return str(uuid.uuid5(NAMESPACE, f"{digest.hex()}:{times}"))


def lines_of(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers, without their ends and a byte order mark; `None` for a line over `MAX_LINE`."""
    number = 0
    while chunk := stream.readline(MAX_LINE):
        number += 1
        if len(chunk) == MAX_LINE and not chunk.endswith(b"\n"):
            while len(rest := stream.readline(MAX_LINE)) == MAX_LINE and not rest.endswith(b"\n"):
                pass
            yield number, None
            continue
        if number == 1:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        yield number, chunk.rstrip(b"\r\n")


TOO_LONG = f"the line is longer than {MAX_LINE:,} bytes"
