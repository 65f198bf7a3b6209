"""State files that several processes begin, use and close at one time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from crawler.frontier import Frontier
from crawler.history import History

ROUNDS, PROCESSES = 6, 5
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def open_and_close(folder: Path, number: int) -> None:
    for turn in range(2):
        frontier = Frontier(folder / "frontier.sqlite")
        with History(folder / "history.sqlite") as history:
            history.began(f"run-{number}-{turn}", "one", at=NOW)
        frontier.begin_run(f"run-{number}-{turn}", "one", now=1)
        frontier.close()


def test_processes_may_begin_and_close_one_file_at_the_same_moment(tmp_path: Path) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("forkserver")) as processes:
        for round_ in range(ROUNDS):
            folder = tmp_path / str(round_)
            list(processes.map(open_and_close, [folder] * PROCESSES, range(PROCESSES)))
            frontier = Frontier(folder / "frontier.sqlite")
            assert frontier.next_run() == 2 * PROCESSES + 1
            frontier.close()
