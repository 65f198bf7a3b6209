"""The clock: what time it is for everything that is written into an archive."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from archive.errors import ConfigError


def clock() -> Callable[[], datetime]:
    """A function that gives the time as an aware UTC datetime, to the second.

    With SOURCE_DATE_EPOCH set (Unix seconds; reproducible-builds.org/specs/source-date-epoch) it always gives that
    moment, so that the same pages make the same archive byte for byte. Raises ConfigError when it is no number.
    """
    pinned = os.environ.get("SOURCE_DATE_EPOCH")
    if pinned is not None:
        try:
            moment = datetime.fromtimestamp(int(pinned), tz=UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise ConfigError(f"SOURCE_DATE_EPOCH: expected Unix seconds, found {pinned!r}") from error
        return lambda: moment
    return lambda: datetime.now(tz=UTC).replace(microsecond=0)
