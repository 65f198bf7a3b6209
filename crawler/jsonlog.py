"""Log lines for machines: one JSON object a line, with the time, the site, the run and the URL it is about."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

RUNNING: ContextVar[tuple[str, str] | None] = ContextVar("birdnest_running", default=None)
"""The site and the run that the code at hand belongs to; each crawl of a process has a context of its own."""

_OURS = ("crawler", "pipelines", "archive", "birdnest")
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@'\"]+@")


class JsonFormatter(logging.Formatter):
    """Fields that a record brings as `fields` in its `extra` stand beside the usual ones."""

    def format(self, record: logging.LogRecord) -> str:
        site, run = RUNNING.get() or (None, None)
        value: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "site": site,
            "run": run,
            "url": _url(record),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            value["exception"] = self.formatException(record.exc_info)
        return without_credentials(json.dumps({key: v for key, v in value.items() if v is not None}, default=str))


class _Wanted(logging.Filter):
    """What Birdnest itself says from INFO on; of others what the level asks for."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name.split(".", 1)[0] in _OURS and record.levelno >= logging.INFO
        return ours or record.levelno >= self._level


def without_credentials(text: str) -> str:
    """Text in which no URL has a user and a password.

    >>> without_credentials("by http://user:secret@proxy.example:3128/x")
    'by http://proxy.example:3128/x'
    """
    return _CREDENTIALS.sub(r"\1", text)


def install(level: str) -> None:
    """Log as JSON to standard error, and nowhere else. level: of what others than Birdnest say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_Wanted(getattr(logging, level)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.NOTSET)
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(logging.INFO)


def install_plain() -> None:
    """Log what Birdnest itself says as lines of text to standard error."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("crawler").setLevel(logging.INFO)


def is_installed() -> bool:
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)


def _url(record: logging.LogRecord) -> str | None:
    """The URL that a record is about: Scrapy gives it as an argument of its line."""
    told = record.args if isinstance(record.args, dict) else {}
    for name in ("url", "request", "response"):
        found = told.get(name)
        if found is not None:
            return str(getattr(found, "url", found))
    return None
