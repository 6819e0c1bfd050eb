"""The row: one event as the line of text that the journal keeps and the engine reads.

A line is `["<tenant>","<event_id>", … ,{attributes},{context},"<occurred_at>","<received_at>"]`: JSONCompactEachRow
in the order of `auricle.store.events.COLUMNS`. The times stand last, so that what comes before, the body, is the same
however often the event is told, and so that `received_at` is found without reading the line.

NOTE: times are seconds with exactly ten digits and six decimals: the engine takes a bare number of microseconds for
something else, and refuses seconds with fewer digits.
"""

import zlib

import orjson

from auricle.model.event import Event

_TIME_BITS = 63
_TIMES = -41  # where the times begin, from the end: `,"…","…"]`


def body_of(event: Event) -> bytes:
    """The line of an event up to its times."""
    tenant_id, event_id, name, _, site, session, user, source, schema, attributes, context = event
    return orjson.dumps((tenant_id, event_id, name, site, session, user, source, schema, attributes, context))


def line_of(body: bytes, occurred_at: int, received_at: int) -> bytes:
    """The whole line; times in microseconds."""
    occurred, received = f"{occurred_at:016d}", f"{received_at:016d}"
    times = f',"{occurred[:10]}.{occurred[10:]}","{received[:10]}.{received[10:]}"]'
    return body[:-1] + times.encode()


def fingerprint_of(body: bytes, occurred_at: int) -> int:
    """A number that tells two tellings of one event id apart."""
    return zlib.crc32(body) << _TIME_BITS | occurred_at


def conflicts(fingerprint: int, other: int, skewed: bool) -> bool:
    """Whether two tellings differ. Times do not count when the client's clock was corrected: each telling's is new."""
    return fingerprint >> _TIME_BITS != other >> _TIME_BITS if skewed else fingerprint != other


def received_at_of(line: bytes) -> int:
    """`received_at` of a line, in microseconds."""
    return int(line[-19:-9]) * 1_000_000 + int(line[-8:-2])


def fingerprint_of_line(line: bytes) -> int:
    """The fingerprint of the event of a line."""
    body = line[:_TIMES] + b"]"
    return fingerprint_of(body, int(line[-39:-29]) * 1_000_000 + int(line[-28:-22]))
