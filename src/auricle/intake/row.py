"""The row: one event as the line of text that the journal keeps and the engine reads.

A line is `["<tenant>","<event_id>","<name>","<occurred_at>", … ,"<received_at>"]`, JSONCompactEachRow in the order of
`auricle.store.events.COLUMNS`. Times are seconds with exactly ten digits and six decimals: the engine reads a bare
number of microseconds as something else when it has fewer digits.
"""

import zlib

import orjson

from auricle.model.event import Event


def body_of(event: Event) -> bytes:
    """The line of an event without its `received_at`; equal events have equal bodies."""
    tenant_id, event_id, name, occurred_at, site, session, user, source, schema, attributes, context = event
    time = "%010d.%06d" % divmod(occurred_at, 1_000_000)
    return orjson.dumps((tenant_id, event_id, name, time, site, session, user, source, schema, attributes, context))


def fingerprint_of(body: bytes) -> int:
    """A number that tells two tellings of one event id apart."""
    return zlib.crc32(body)


def line_of(body: bytes, received_at: int) -> bytes:
    """The whole line. `received_at` is put last: its place in the text is then known without reading the rest."""
    return b'%b,"%010d.%06d"]' % (body[:-1], *divmod(received_at, 1_000_000))


def received_at_of(line: bytes) -> int:
    """`received_at` of a line, in microseconds."""
    return int(line[-19:-9]) * 1_000_000 + int(line[-8:-2])


def event_of(line: bytes) -> Event:
    """The event of a line."""
    fields = orjson.loads(line)[:-1]
    seconds, _, micros = fields[3].partition(".")
    return Event(*fields[:3], int(seconds) * 1_000_000 + int(micros), *fields[4:])
