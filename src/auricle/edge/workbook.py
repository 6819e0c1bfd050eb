"""The workbook: rows as an XLSX file, however many there are, in memory that does not grow."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from xlsxwriter import Workbook

MOST_ROWS = 1_048_576
"""Rows of one sheet, its heading among them: what the format holds."""
LONGEST_CELL = 32_767
"""Letters of one cell: what the format holds."""


def write_workbook(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]], most: int = MOST_ROWS) -> int:
    """Writes rows of text, each sheet with its heading; gives the number of rows.

    After `most` rows it goes on in a next sheet. Every cell is text: nothing becomes a formula or a link. Longer text
    than a cell holds is cut, and ends in `…`.
    """
    count = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(str(path), options | {"strings_to_numbers": False}) as book:
        bold = book.add_format({"bold": True})
        sheet, line = None, most
        for row in rows:
            if sheet is None or line == most:
                sheet = book.add_worksheet()
                sheet.write_row(0, 0, columns, bold)
                sheet.freeze_panes(1, 0)
                line = 1
            for place, text in enumerate(row):
                sheet.write_string(line, place, text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…")
            line += 1
            count += 1
        if sheet is None:
            book.add_worksheet().write_row(0, 0, columns, bold)
    return count
