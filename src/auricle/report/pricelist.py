"""The price list of a tenant, read with distrust: JSON objects, or the rows of a CSV."""

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from auricle.errors import Invalid
from auricle.model.price import SCALE, Kind, Price
from auricle.model.query import micros_of
from auricle.model.receipt import Fault, pointer_of
from auricle.report import time

MAX_PRICES = 500
MAX_TEXT = 256
MAX_USD = 1_000_000
MEMBERS = ("model", "from", "to", *(kind.value for kind in Kind), "source")
"""What an entry is made of, and the columns of a CSV."""
_SMALLEST = Decimal("0.000001")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read(entries: object) -> tuple[Price, ...]:
    """The prices of a list of entries. `Invalid` by pointer where one breaks a rule, or two claim the same moment."""
    if not isinstance(entries, list) or len(entries) > MAX_PRICES:
        raise _refused(("prices",), "type", f"Expected a list of at most {MAX_PRICES} prices.")
    prices = tuple(_price(entry, place) for place, entry in enumerate(entries))
    _check_overlaps(prices)
    return prices


def entries_of(text: str) -> list[dict[str, str]]:
    """The entries of a CSV: the first line names the columns, and an empty cell is none. `Invalid` for no CSV."""
    try:
        rows = csv.reader(text.splitlines(), strict=True)
        head = [name.strip() for name in next(rows, [])]
        if "model" not in head or len(set(head)) < len(head):
            raise _refused((), "csv", f"Expected a first line that names the columns, each once: {', '.join(MEMBERS)}.")
        entries: list[dict[str, str]] = []
        for row in rows:
            if len(row) > len(head):
                raise _refused(("prices", len(entries)), "csv", "Expected no more cells than the first line has.")
            if row:
                entries.append({name: cell.strip() for name, cell in zip(head, row, strict=False) if cell.strip()})
    except csv.Error:
        raise _refused((), "csv", "Expected CSV with commas, and quotes closed.") from None
    return entries


def _price(entry: object, place: int) -> Price:
    at = ("prices", place)
    if not isinstance(entry, Mapping):
        raise _refused(at, "type", "Expected an object.")
    if not entry.keys() <= set(MEMBERS):
        raise _refused(at, "additionalProperties", f"Expected no members but {', '.join(MEMBERS)}.")
    model = _text(entry, "model", at)
    if not model or "*" in model[:-1]:
        text = "Expected a model's name, or the beginning of names and one `*` at the end."
        raise _refused((*at, "model"), "pattern", text)
    told = [kind for kind in Kind if entry.get(kind.value) is not None]
    if not told:
        raise _refused(at, "required", f"Expected a price of one of {', '.join(Kind)}.")
    micros = tuple((kind, _micros(entry[kind.value], (*at, kind.value))) for kind in told)
    start, end = (_moment(entry.get(name), (*at, name)) for name in ("from", "to"))
    if start is not None and end is not None and start >= end:
        raise _refused((*at, "to"), "range", "Expected `to` to be later than `from`.")
    return Price(model, micros, start, end, _text(entry, "source", at))


def _text(entry: Mapping[str, Any], name: str, at: tuple[str | int, ...]) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _refused((*at, name), "type", f"Expected text of at most {MAX_TEXT} letters.")
    return value


def _micros(value: object, at: tuple[str | int, ...]) -> int:
    """US dollars for a million tokens as millionths, exact."""
    message = f"Expected US dollars for a million tokens: 0 to {MAX_USD}, with at most 6 decimals."
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 32:
        raise _refused(at, "price", message)
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        raise _refused(at, "price", message) from None
    # NOTE: in this order: numbers without end or of a million digits must not be reckoned with.
    if not usd.is_finite() or not 0 <= usd <= MAX_USD or usd != usd.quantize(_SMALLEST):
        raise _refused(at, "price", message)
    return int(usd.quantize(_SMALLEST) * SCALE)


def _moment(value: object, at: tuple[str | int, ...]) -> int | None:
    """A day, which begins at midnight UTC, or an instant."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**60):
        return value
    if not isinstance(value, str):
        raise _refused(at, "time", "Expected a day, 2026-01-31, or an instant in RFC 3339.")
    if _DAY.fullmatch(value):
        try:
            return micros_of(datetime.fromisoformat(value).replace(tzinfo=UTC))
        except ValueError:
            raise _refused(at, "time", "Expected a day of the calendar.") from None
    return micros_of(time.instant(value, pointer_of(at)))


def _check_overlaps(prices: Sequence[Price]) -> None:
    """Refuses two prices of one pattern at one moment: nobody could say which holds."""
    last: dict[str, tuple[Price, int]] = {}
    order = sorted(range(len(prices)), key=lambda place: (prices[place].start is not None, prices[place].start or 0))
    for place in order:
        price = prices[place]
        before = last.get(price.model)
        if before is not None and (before[0].end is None or price.start is None or price.start < before[0].end):
            text = f"Another price of the model, at /prices/{before[1]}, holds then too: end one where the next begins."
            raise _refused(("prices", place, "from"), "overlap", text)
        last[price.model] = (price, place)


def _refused(at: tuple[str | int, ...], rule: str, message: str) -> Invalid:
    return Invalid("The prices cannot be taken.", (Fault(pointer_of(at), rule, message),))
