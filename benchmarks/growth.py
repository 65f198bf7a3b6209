"""How CPU time grows with size: ten times the size should take ten times as long.

A ratio is of CPU seconds in one process, the best of some rounds, so a busy machine moves it little. Quadratic work
would give 100.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from rich.console import Console
from rich.table import Table

MAX_RATIO: Final = 30.0
_ROUNDS: Final = 3


def judge(what: str, pairs: Iterable[tuple[str, str, str]], work: Callable[[str], object]) -> int:
    """Print how long `work` takes for each pair (name, HTML, some ten times the HTML); 1: one grows too fast."""
    table = Table(what, "small ms", "ten times ms", "ratio", title=f"CPU time; a ratio above {MAX_RATIO:g} fails")
    for column in table.columns[1:]:
        column.justify = "right"
    failed = False
    for name, small, large in pairs:
        first, second = _seconds(work, small), _seconds(work, large)
        ratio = second / first * 10 * len(small) / len(large)
        failed |= ratio > MAX_RATIO
        table.add_row(name, f"{first * 1000:.1f}", f"{second * 1000:.1f}", f"{ratio:.1f}")
    Console().print(table)
    return int(failed)


def _seconds(work: Callable[[str], object], html: str) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        work(html)
        best = min(best, time.process_time() - started)
    return best
