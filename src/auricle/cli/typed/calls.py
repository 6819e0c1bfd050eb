"""Typed calls as Python: a method for each event, which ends in `track` of a client; behind the types of `python`."""

import keyword

from auricle.cli.typed.frame import Frame, TypedEvent

HEAD = '''

class Calls:
    """A call for each event: types say what its attributes are, and the rest is what `track` takes."""

    def __init__(self, track: Callable[..., str | None]) -> None:
        self._track = track
'''


def calls_of(frame: Frame) -> str:
    """A class with the calls, to stand behind what `python_of` makes; it needs `Callable` and `Mapping`."""
    taken: set[str] = set()
    return "".join([HEAD, *(_call(event, _name(event.event_name, taken)) for event in frame.events)])


def with_calls(code: str, frame: Frame) -> str:
    """The module that `python_of` has made, with the calls."""
    imports = "from collections.abc import Callable, Mapping\n"
    return code.replace("\nfrom typing import ", f"\n{imports}from typing import ", 1) + calls_of(frame)


def _name(event_name: str, taken: set[str]) -> str:
    """What the method is called: the event's name, with `_` for dots, and more where that is taken."""
    name = event_name.replace(".", "_")
    while name in taken or keyword.iskeyword(name):
        name += "_"
    taken.add(name)
    return name


def _call(event: TypedEvent, name: str) -> str:
    told = event.attributes.name if event.attributes.members else "Mapping[str, Any]"
    if not any(member.required for member in event.attributes.members):
        told += " | None = None"
    return f"""
    def {name}(self, attributes: {told}, **more: Any) -> str | None:
        return self._track({event.event_name!r}, attributes, **more)
"""
