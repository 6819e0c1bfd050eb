"""The reports: pure builders of SQL, pure shapers of answers, and one thin file that executes.

A report is a file with `build(query) -> Statement` and `shape(query, rows) -> Body`, and a row in `run.REPORTS`.
"""
