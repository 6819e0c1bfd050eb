"""The contract between clients and the service, as it lies in `sdk/contract`."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "sdk" / "contract"
CASES: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def filled(value: Any, now: str) -> Any:
    """The value with a moment in place of `{now}`."""
    if isinstance(value, dict):
        return {name: filled(each, now) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, now) for each in value]
    return now if value == "{now}" else value
