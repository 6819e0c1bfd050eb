"""The ledger: events as they were read from a file, and every report counted from them in plain Python.

Shares nothing with the service. An entry's `fields` are texts, as filters and lists see them.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SHORT = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}
"""Seconds of the grains that are cut by the clock."""
Value = Callable[[Sequence["Entry"]], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, in the order of the file."""

    name: str
    at: datetime
    session: str
    user: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> tuple[str, str]:
        """Who did it: the user, else the session."""
        return ("u", self.user) if self.user else ("s", self.session)

    def number(self, name: str) -> float:
        """A field as a number; not a number where it is absent."""
        return float(self.fields.get(name, "nan"))


def tidy(value: Any) -> Any:
    """A value to be compared: fractions to nine figures."""
    if isinstance(value, dict):
        return {name: tidy(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def written(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def floor(moment: datetime, grain: str, zone: ZoneInfo) -> datetime:
    """When the bucket of a moment begins, in UTC."""
    local = moment.astimezone(zone)
    if grain in SHORT:
        since = (local.hour * 60 + local.minute) * 60 + local.second
        back = timedelta(seconds=since % SHORT[grain], microseconds=local.microsecond)
        return moment.astimezone(UTC) - back
    return midnight(first_day(local.date(), grain), zone)


def first_day(day: date, grain: str) -> date:
    """The first day of the day's day, week or month."""
    if grain == "1mo":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if grain == "1w" else day


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def axis(start: datetime, end: datetime, grain: str, zone: ZoneInfo) -> list[datetime]:
    """When each bucket of a range begins."""
    found = [floor(start, grain, zone)]
    while True:
        if grain in SHORT:
            following = found[-1] + timedelta(seconds=SHORT[grain])
        else:
            day = found[-1].astimezone(zone).date() + timedelta(days={"1d": 1, "1w": 7, "1mo": 32}[grain])
            following = midnight(first_day(day, grain), zone)
        if following >= end:
            return found
        found.append(following)


def percentile(part: float, values: Iterable[float]) -> float | None:
    """Interpolated linearly between the two nearest values."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values: Iterable[float]) -> float | None:
    """The mean of those that are numbers."""
    kept = [value for value in values if not math.isnan(value)]
    return math.fsum(kept) / len(kept) if kept else None


def share(part: int, whole: int) -> float | None:
    """A rate, or nothing of nothing."""
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Events of a range of time."""

    entries: Sequence[Entry]
    start: datetime
    end: datetime

    @property
    def kept(self) -> list[Entry]:
        """Those within the range."""
        return [entry for entry in self.entries if self.start <= entry.at < self.end]

    def only(self, wanted: Callable[[Entry], bool]) -> "Ledger":
        """Those that pass a filter."""
        return Ledger([entry for entry in self.entries if wanted(entry)], self.start, self.end)

    def points(self, value: Value, grain: str, zone: str) -> list[dict[str, Any]]:
        """A metric over time."""
        place = ZoneInfo(zone)
        buckets: dict[datetime, list[Entry]] = defaultdict(list)
        for entry in self.kept:
            buckets[floor(entry.at, grain, place)].append(entry)
        starts = axis(self.start, self.end, grain, place)
        if not set(buckets) <= set(starts):
            raise AssertionError(f"the axis misses {set(buckets) - set(starts)}")
        return [{"t": written(begin), "value": value(buckets[begin])} for begin in starts]

    def slices(self, name: str) -> list[tuple[str | None, "Ledger"]]:
        """The ten most frequent values of a field, then all others, each with its events."""
        counts = Counter(entry.fields.get(name) for entry in self.kept)
        ranked = sorted(counts, key=lambda value: (-counts[value], b"" if value is None else b"=" + value.encode()))
        found = [(key, self.only(lambda entry, key=key: entry.fields.get(name) == key)) for key in ranked[:10]]
        rest = self.only(lambda entry: entry.fields.get(name) not in ranked[:10])
        return found + ([("other", rest)] if rest.kept else [])

    def top(self, name: str, limit: int, fold: bool = False) -> dict[str, Any]:
        """The most frequent values of a field."""
        values = [entry.fields[name] for entry in self.kept if name in entry.fields]
        counts = Counter(" ".join(value.split()).lower() if fold else value for value in values)
        ranked = sorted(counts, key=lambda value: (-counts[value], value.encode()))[:limit]
        rows = [{"value": value, "count": counts[value]} for value in ranked]
        return {"rows": rows, "other": len(values) - sum(counts[value] for value in ranked), "total": len(values)}

    def active(self, zone: str) -> list[dict[str, Any]]:
        """Actors of each day, week and month."""
        place = ZoneInfo(zone)
        days: dict[date, set[tuple[str, str]]] = defaultdict(set)
        for entry in self.entries:
            if entry.at < self.end:
                days[entry.at.astimezone(place).date()].add(entry.actor)
        day, last = self.start.astimezone(place).date(), (self.end - timedelta.resolution).astimezone(place).date()
        found = []
        while day <= last:
            dau, wau, mau = (
                len(set().union(*(days.get(day - timedelta(days=back), set()) for back in range(length))))
                for length in (1, 7, 30)
            )
            found.append({"date": day.isoformat(), "dau": dau, "wau": wau, "mau": mau, "stickiness": share(dau, mau)})
            day += timedelta(days=1)
        return found

    def funnel(
        self, steps: Sequence[tuple[str, Callable[[Entry], bool]]], window: int, by: str
    ) -> list[dict[str, Any]]:
        """How many walked how far. Steps must exclude each other; ties are broken by the order of the file."""
        walks: dict[Any, list[Entry]] = defaultdict(list)
        for entry in sorted(self.entries, key=lambda each: each.at):
            if (actor := entry.actor if by == "user" else entry.session) and entry.at >= self.start:
                walks[actor].append(entry)
        gaps: list[list[float]] = [[] for _ in steps]
        for walk in walks.values():
            for step, gap in self._first_gaps(walk, [wanted for _, wanted in steps], window).items():
                gaps[step].append(gap)
        counts = [len(found) for found in gaps]
        return [
            {
                "event": name,
                "count": counts[step],
                "from_first": share(counts[step], counts[0]),
                "from_previous": share(counts[step], counts[step - 1]) if step else None,
                "median_seconds": percentile(0.5, gaps[step]) if step else None,
            }
            for step, (name, _) in enumerate(steps)
        ]

    def _first_gaps(self, walk: list[Entry], wanted: list[Callable[[Entry], bool]], window: int) -> dict[int, float]:
        """For each step that was reached, the seconds since the step before when it was reached first."""
        passes: list[tuple[datetime, datetime] | None] = [None] * len(wanted)
        gaps: dict[int, float] = {}
        for entry in walk:
            for step, fits in enumerate(wanted):
                if not fits(entry):
                    continue
                if step == 0:
                    if entry.at < self.end:
                        passes[0] = (entry.at, entry.at)
                        gaps.setdefault(0, 0.0)
                elif (before := passes[step - 1]) and entry.at - before[0] <= timedelta(seconds=window):
                    passes[step] = (before[0], entry.at)
                    gaps.setdefault(step, (entry.at - before[1]).total_seconds())
        return gaps
