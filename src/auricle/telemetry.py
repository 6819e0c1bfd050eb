"""Telemetry: structured logs on standard error, one JSON object a line."""

import logging
import sys

import orjson
import structlog


def configure(level: str) -> None:
    """Sets logging up for the whole process; `level` is the least severity that is written."""
    # NOTE: the client logs what it also raises, and not as JSON.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    logging.basicConfig(handlers=[_Forward(logging.WARNING)], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_serialise),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _Forward(logging.Handler):
    """Takes what libraries log in the manner of the standard library into our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        say = structlog.get_logger(record.name).log
        say(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _serialise(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()
