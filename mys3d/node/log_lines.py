"""How a node's log looks.        Floor: composition root. Called by: life.

Law: one event a line on standard error, with its level, time and fields; no secret is ever a field.
"""

import logging
import sys

import structlog


def set_up_logging(level: str) -> None:
    """Send structlog and the standard library's loggers to standard error from `level` (debug ... error) upwards."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, force=True)
