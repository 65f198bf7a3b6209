"""What Scrapy logs of posts: one line each, and no traceback for what the report explains."""

from __future__ import annotations

import logging
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

from archive.errors import BirdnestError
from crawler.ending import RunEnding
from pipelines.item import RawPost

_EXPLAINED = (BirdnestError, RunEnding)


class PostLogFormatter(LogFormatter):
    """Items are whole posts with their pages: their repr would fill the log."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:  # noqa: ARG002
        outcome = item.outcome
        return _line(logging.DEBUG, "%(status)s: %(url)s v%(version)d", url=_url(item), **vars(outcome))

    def dropped(
        self,
        item: Any,
        exception: BaseException,
        response: Response | Failure | None,  # noqa: ARG002
        spider: Spider,  # noqa: ARG002
    ) -> LogFormatterResult:
        return _line(logging.DEBUG, "rejected: %(url)s: %(error)s", url=_url(item), error=exception)

    def item_error(
        self,
        item: Any,
        exception: BaseException,
        response: Response | Failure | None,  # noqa: ARG002
        spider: Spider,  # noqa: ARG002
    ) -> LogFormatterResult:
        level = logging.DEBUG if isinstance(exception, _EXPLAINED) else logging.ERROR
        return _line(level, "failed: %(url)s: %(error)r", url=_url(item), error=exception)

    def spider_error(
        self, failure: Failure, request: Request, response: Response | Failure, spider: Spider
    ) -> LogFormatterResult:
        result = super().spider_error(failure, request, response, spider)
        if isinstance(failure.value, _EXPLAINED):
            result["level"] = logging.DEBUG
        return result


def _url(item: Any) -> str:
    if isinstance(item, RawPost):
        return item.url
    from itemadapter import ItemAdapter  # late: it brings a whole older pydantic

    return str(ItemAdapter(item).get("url", "(an item without url)"))


def _line(level: int, message: str, **values: Any) -> LogFormatterResult:
    return {"level": level, "msg": message, "args": values}
