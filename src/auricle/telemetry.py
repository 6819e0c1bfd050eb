"""Telemetry: structured logs on standard error, one object a line, as JSON or as logfmt."""

import logging
import sys
from contextvars import ContextVar

import orjson
import structlog
from structlog.typing import EventDict, Processor

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""What the request under way is called; every line of the log about it carries it."""


def configure(level: str, form: str = "json") -> None:
    """Sets logging up for the whole process.

    `level` is the least severity that is written, `form` is `json` or `logfmt`.
    """
    render: Processor = (
        structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
        if form == "logfmt"
        else structlog.processors.JSONRenderer(serializer=_serialise)
    )
    # NOTE: the client logs what it also raises, and not as JSON.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    logging.basicConfig(handlers=[_Forward(logging.WARNING)], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[
            _put_correlation,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _put_correlation(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Adds the id of the request under way."""
    told = correlation.get()
    if told is not None:
        line["correlation_id"] = told
    return line


class _Forward(logging.Handler):
    """Takes what libraries log in the manner of the standard library into our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        say = structlog.get_logger(record.name).log
        say(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _serialise(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
