"""What a person sees of long work on an archive: a live count on a terminal, plain lines in a log. Quick to import."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_LINE_EVERY_SECONDS = 10.0
_REDRAW_SECONDS = 0.1


class CountBar(AbstractContextManager["CountBar"]):
    """Shows how far a long piece of work is: a live count on a terminal, a line every ten seconds in a log.

    Call it with what is counted and how many are done. quiet: show nothing.
    """

    def __init__(self, console: Console, title: str, *, quiet: bool = False) -> None:
        self._console = console
        self._title = title
        self._quiet = quiet
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True) if console.is_terminal and not quiet else None
        self._task: TaskID | None = None
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, what: str, done: int) -> None:
        since = time.monotonic() - self._last
        if self._quiet or since < (_REDRAW_SECONDS if self._bar else _LINE_EVERY_SECONDS):
            return
        self._last = time.monotonic()
        line = f"{self._title}: {done:,} {what}"
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=line)
        else:
            self._console.print(line, highlight=False)
