"""Schemas that try the writers of types: every construct, and what a hostile tenant puts into one."""

from typing import Any

from auricle.cli.typed.frame import Frame, frame_of
from auricle.intake.registration import read_document
from auricle.intake.schemas import Registry

REGISTRY = Registry.load()
HOSTILE = "ends */ here\nimport os\r\u2028\"\"\" '''\\ `${x}` \x00\x1b"


def document(name: str, **more: Any) -> dict[str, Any]:
    made = {"$id": f"auricle:acme/{name}/jsonschema/1-0-0", "type": "object", **more}
    read_document(made)
    return made


ORDER = document(
    "shop.order",
    description="An order.",
    required=["items", "total"],
    additionalProperties=False,
    properties={
        "total": {"type": "number", "description": "What was paid."},
        "currency": {"enum": ["EUR", "USD", None]},
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}},
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "address": {"$ref": "#/$defs/place"},
        "flag": {"enum": [0, 1, True, False]},
        "note": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    },
    **{"$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}}},
)
NASTY = document(
    "record",
    description=HOSTILE,
    required=[HOSTILE],
    properties={
        HOSTILE: {"type": "string", "description": HOSTILE},
        "__proto__": {"const": HOSTILE},
        "": {"enum": [HOSTILE, -1, 2**62]},
        "class": {"type": "object", "properties": {"class": {"type": "integer", "description": "*/"}}},
    },
)
STRICTER = document("kb.hit", properties={"kb.rank": {"type": "integer"}}, required=["kb.rank"])


def everything() -> Frame:
    """The built-in schemas and those above, as one frame."""
    built_in = [(name, (REGISTRY.known[name].document,)) for name in REGISTRY.names() if name != "kb.hit"]
    own = [
        ("kb.hit", (REGISTRY.known["kb.hit"].document, STRICTER)),
        ("shop.order", (ORDER,)),
        ("record", (NASTY,)),
    ]
    return frame_of(REGISTRY.unknown.document, [*built_in, *own])


def order() -> Frame:
    """One schema."""
    return frame_of(REGISTRY.unknown.document, [("shop.order", (ORDER,))])
