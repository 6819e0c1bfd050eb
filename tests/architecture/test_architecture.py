"""The habits of the code, proved: rooms, sizes, boundaries, and what may not stand in the repository."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import cli

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "auricle"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST = 400
LONGER: dict[str, str] = {
    "client/catalogue.py": "made of the built-in schemas",
    "edge/operation.py": "one table of what is said of every route",
    "settings.py": "one table of all that an operator may choose",
    "store/tables.py": "every table of the control plane and of the journal",
}
"""Modules that may be longer, each with its reason."""
BOUNDARIES = {
    "client/sender.py": "the thread must go on",
    "client/asgi.py": "no request is broken by what counts it",
    "client/wsgi.py": "no request is broken by what counts it",
    "client/tracker.py": "no fault of an event is one of the program that tells of it",
    "edge/front.py": "no client ever sees a traceback",
    "edge/stream.py": "no client ever sees a traceback, and no frame costs another",
    "intake/indexer.py": "the thread must go on",
    "intake/journal.py": "the writer must outlive whatever one group holds",
    "jobs.py": "one sweep's failure is not the next one's",
}
"""The only places that catch every exception, and why."""


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines and names of what is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def test_rooms_import_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT / "src"), *sys.path])
    code = cli.lint_imports(no_cache=True)
    assert code == cli.EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_nothing_of_our_own_is_imported_inside_a_function(path: Path) -> None:
    found = [
        (line, name)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line, name in imports(node)
        if name.split(".")[0] in ("auricle", "")
    ]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_not_too_long(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST or named(path) in LONGER, f"{lines} lines"


def test_the_exceptions_to_the_length_are_needed() -> None:
    assert [name for name in LONGER if len((SOURCE / name).read_text().splitlines()) <= LONGEST] == []


def catches_all(tree: ast.AST) -> int:
    """How often everything is caught."""
    broad = {"Exception", "BaseException"}
    return sum(
        node.type is None or (isinstance(node.type, ast.Name) and node.type.id in broad)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node)
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)


def test_everything_is_caught_at_the_boundaries_alone() -> None:
    found = {named(path): catches_all(ast.parse(path.read_text())) for path in MODULES}
    assert {name: times for name, times in found.items() if times} == dict.fromkeys(BOUNDARIES, 1)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_the_clock_asks_for_the_time_of_day(path: Path) -> None:
    if named(path) == "clock.py":
        return
    asked = {"now", "utcnow", "today", "time", "time_ns", "uuid4", "uuid1"}
    owners = {"datetime", "date", "time", "uuid"}
    found = [
        (node.lineno, f"{node.func.value.id}.{node.func.attr}")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr in asked
        and node.func.value.id in owners
    ]
    assert found == []


WATCH = """
import importlib, os, sys
touched = []
def ours():
    # What another package does when it is imported is its own affair: only frames up to the import count.
    frame = sys._getframe().f_back
    while frame is not None and "importlib" not in frame.f_code.co_filename:
        if "src/auricle/" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
def opens(event, args):
    if event == "open":
        writes = isinstance(args[1], str) and set(args[1]) & set("wax+")
        return writes or isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    started = ("subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect", "os.fork")
    return event in started or event.startswith("socket.") and event != "socket.gethostname"
def watch(event, args):
    if opens(event, args) and ours():
        touched.append((event, repr(args)))
sys.dont_write_bytecode = True
sys.addaudithook(watch)
import threading
for name in sys.argv[1:]:
    before = len(touched)
    importlib.import_module(name)
    mine = [each for each in touched[before:] if "__pycache__" not in each[1] and "/dev/null" not in each[1]]
    if mine:
        print(name, mine)
print("threads", [thread.name for thread in threading.enumerate()])
"""


def test_importing_a_module_opens_writes_and_starts_nothing() -> None:
    names = [
        "auricle." + named(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for path in MODULES
        if path.name != "__main__.py" and "migrations" not in path.parts and path != SOURCE / "__init__.py"
    ]
    done = subprocess.run([sys.executable, "-c", WATCH, *names], capture_output=True, text=True, check=True)
    assert done.stdout == "threads ['MainThread']\n"


def tracked() -> list[Path]:
    """Files that git has, or would have: all that are not ignored."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git repository here")
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).is_file()]


# NOTE: put together, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a registry": [
        "".join(("py", "pi.", "org")),
        "".join(("pythonhosted", ".org")),
        "".join(("registry", ".npm", "js")),
        "".join(("proxy.", "golang")),
    ],
    "a place of one machine": [
        "/".join(("", "work", "main")),
        "/".join(("", "work", "shared")),
        "/".join(("", "root", "")),
        "/".join(("", "home", "")),
        "/".join(("", "Users", "")),
        ".".join(("/work/", "library")),
    ],
}


@pytest.mark.parametrize("kind", list(FORBIDDEN))
def test_no_file_names(kind: str) -> None:
    patterns = [re.compile(re.escape(text.encode())) for text in FORBIDDEN[kind]]
    found = [
        (path.relative_to(ROOT).as_posix(), pattern.pattern.decode())
        for path in tracked()
        for pattern in patterns
        if pattern.search(path.read_bytes())
    ]
    assert found == []


def test_no_lock_file_that_names_a_registry_is_kept() -> None:
    assert [path.name for path in tracked() if path.name in ("uv.lock", "poetry.lock", "Pipfile.lock")] == []
