"""The statement: what a client sent, read as one of the three things that are spoken here."""

from dataclasses import dataclass
from enum import StrEnum

from auricle.report.sql.guard import guarded
from auricle.report.sql.lexis import Kind, Plain, Word, finished, plain, refused, words
from auricle.report.sql.table import DATASET, NAMED, Table, columns_sql, dataset, names_sql, unknown_table


class Format(StrEnum):
    """How rows are written."""

    JSON = "JSON"
    JSON_EACH_ROW = "JSONEachRow"
    TAB_SEPARATED = "TabSeparated"
    CSV = "CSV"


_FORMATS = {form.value.upper(): form for form in Format} | {"TSV": Format.TAB_SEPARATED}


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement that may be run for one tenant, once its datasets are known to exist."""

    sql: str
    form: Format
    datasets: tuple[str, ...] = ()
    """The datasets that it reads."""
    tables: tuple[str, ...] = ()
    """All tables that it reads."""
    own: bool = False
    """Whether all of the SQL is ours."""


def ready(text: str, tenant_id: str) -> Ready:
    """The statement of a client, checked, for the rows of a tenant.

    Raises:
        Invalid: it is not SQL that is spoken here.
    """
    kept, form = _form(_single(words(text)))
    first = kept[0].text.upper() if kept else ""
    if first == "SHOW":
        return _shown(kept, form, tenant_id)
    if first in ("DESCRIBE", "DESC"):
        return _described(kept, form)
    # NOTE: sqlglot reads what it does not know as a command, any text at all, and logs it.
    if first not in ("SELECT", "WITH", "FROM", "("):
        raise refused("select", "Only SELECT, SHOW TABLES and DESCRIBE are spoken here.")
    return _selected(plain(kept), form, tenant_id)


def _single(kept: list[Word]) -> list[Word]:
    while kept and kept[-1].text == ";":
        kept = kept[:-1]
    if any(word.text == ";" for word in kept):
        raise refused("one", "Send one statement at a time.")
    return kept


def _form(kept: list[Word]) -> tuple[list[Word], Format]:
    """The statement without its `FORMAT`, and the format; JSON without one."""
    if len(kept) < 3 or kept[-2].kind is not Kind.WORD or kept[-2].text.upper() != "FORMAT":
        return kept, Format.JSON
    form = _FORMATS.get(kept[-1].text.upper())
    if form is None:
        raise refused("format", f"The format is one of {', '.join(Format)}.")
    return kept[:-2], form


def _selected(text: Plain, form: Format, tenant_id: str) -> Ready:
    passed = guarded(text.text)
    tables = [_table(name) for name in passed.tables]
    marks = {f"${place}": table.sql(tenant_id) for place, table in enumerate(tables)}
    names = tuple(table.name for table in tables)
    return Ready(finished(passed.text, text.literals, marks), form, _datasets(names), names)


def _shown(kept: list[Word], form: Format, tenant_id: str) -> Ready:
    if [word.text.upper() for word in kept] != ["SHOW", "TABLES"]:
        raise refused("select", "SHOW TABLES is the only SHOW that is spoken here.")
    return Ready(names_sql(tenant_id), form, own=True)


def _described(kept: list[Word], form: Format) -> Ready:
    rest = kept[1:]
    if len(rest) == 2 and rest[0].text.upper() == "TABLE":
        rest = rest[1:]
    if len(rest) != 1 or rest[0].kind not in (Kind.WORD, Kind.NAME):
        raise refused("table", "DESCRIBE is followed by the name of one table.")
    name = rest[0].text if rest[0].kind is Kind.WORD else rest[0].text[1:-1]
    table = _table(name)
    return Ready(columns_sql(table), form, _datasets((name,)), (name,), own=True)


def _table(name: str) -> Table:
    if name in NAMED:
        return NAMED[name]
    if not DATASET.fullmatch(name):
        raise unknown_table()
    return dataset(name)


def _datasets(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in NAMED)
