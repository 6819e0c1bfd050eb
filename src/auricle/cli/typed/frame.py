"""The frame: the typed events of some schemas, before they are written in a language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auricle.cli.typed.shape import Member, Names, Record, meet, records, renamed, shape_of
from auricle.intake.registration import written_out

Json = Mapping[str, Any]

ENVELOPE = "Envelope"
UNION = "AnyEvent"
_PYTHON = {"Any", "Callable", "Calls", "False", "Literal", "Mapping", "None", "NotRequired", "True", "TypedDict"}
TAKEN = frozenset({ENVELOPE, UNION, "Array", "Record"} | _PYTHON)
"""Names that the frame or one of the languages needs."""
FIXED = ("event_name", "schema", "attributes")
"""Members of the envelope that each event says for itself."""


@dataclass(frozen=True, slots=True)
class TypedEvent:
    """One event: its attributes, and what its envelope says."""

    event_name: str
    schema_id: str
    class_name: str
    attributes: Record
    meaning: str


@dataclass(frozen=True, slots=True)
class Frame:
    """All that is to be written."""

    envelope: Record
    """What every event carries, without `FIXED`."""
    events: tuple[TypedEvent, ...]

    @property
    def records(self) -> list[Record]:
        """Every object, each before those that hold it."""
        found = records(self.envelope)
        for event in self.events:
            found += records(event.attributes)
        return found


def frame_of(envelope: Json, schemas: Iterable[tuple[str, tuple[Json, ...]]]) -> Frame:
    """The frame of event names with their schemas; of several for one name, all hold and the last is its newest."""
    names = Names(set(TAKEN))
    whole = _record(shape_of(written_out(envelope), names), names)
    members = tuple(member for member in whole.members if member.name not in FIXED)
    events = []
    for event_name, documents in schemas:
        class_name = names.new(event_name)
        attributes = _record(shape_of(written_out(documents[0]), names, event_name, "attributes"), names)
        for document in documents[1:]:
            stricter = _record(shape_of(written_out(document), names, event_name, "attributes"), names)
            attributes = renamed(_record(meet(attributes, stricter), names), attributes.name)
        newest = documents[-1]
        meaning = str(newest.get("description") or newest.get("title") or "")
        events.append(TypedEvent(event_name, str(newest["$id"]), class_name, attributes, meaning))
    return Frame(renamed(Record(whole.name, members, False, whole.meaning), ENVELOPE), tuple(events))


def _record(shape: object, names: Names) -> Record:
    """The object that attributes are; one without known members is open."""
    if isinstance(shape, Record):
        return shape
    members: tuple[Member, ...] = ()
    return Record(names.new("attributes"), members, True)
