"""`birdnest run`: crawls each site when its schedule says so, in the foreground, until it is told to stop.

Each run is a process of its own, `birdnest crawl SITE`: a reactor starts once in a process, memory goes back with it,
and a run that dies takes nothing along. A site waits for the end of its own run, so that none overlap; of different
sites so many run at a time as `scheduler.parallel` says. At SIGTERM or SIGINT no run is begun any more, those under way
are told to end (`crawler.ending`), and waited for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from archive.errors import BirdnestError, ConfigError
from crawler.alerts import DIED, Finding, announce
from crawler.config import Config
from crawler.metrics import exposition
from crawler.status import open_history, statuses

logger = logging.getLogger(__name__)
END_SECONDS = 60.0
_BEAT_SECONDS = 1.0
_LEARN_EVERY = timedelta(minutes=1)  # of runs elsewhere; with 500 sites that is asked for often
_DEAF_SECONDS = 30.0
_LONGEST_SLEEP = 3600.0  # a clock that is set, a laptop that slept: look again


@dataclass(kw_only=True)
class Board:
    """What the scheduler is doing now; written by its loop, read by its HTTP server."""

    started_at: float = field(default_factory=time.time)
    beat: float = field(default_factory=time.monotonic)
    stopping: bool = False
    running: dict[str, float] = field(default_factory=dict)
    next_due: dict[str, float] = field(default_factory=dict)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def healthy(self) -> bool:
        return not self.stopping and time.monotonic() - self.beat < _DEAF_SECONDS

    def as_json(self) -> dict[str, Any]:
        def moments(of: dict[str, float]) -> dict[str, str]:
            return {slug: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for slug, at in of.items()}

        state = "stopping" if self.stopping else "ok" if self.healthy else "stuck"
        return {"status": state, "running": moments(dict(self.running)), "next_due": moments(dict(self.next_due))}


class BoardMetrics(Collector):
    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        board = self._board
        yield GaugeMetricFamily(
            "birdnest_scheduler_start_time_seconds", "When the scheduler started.", value=board.started_at
        )
        running = GaugeMetricFamily("birdnest_run_started_timestamp_seconds", "Of a run under way.", labels=["site"])
        for slug, at in dict(board.running).items():
            running.add_metric([slug], at)
        runs = CounterMetricFamily("birdnest_runs", "Runs that ended, by exit code.", labels=["site", "exit_code"])
        for (slug, code), count in dict(board.ended).items():
            runs.add_metric([slug, str(code)], count)
        yield from (running, runs)


class Scheduler:
    """Runs the scheduled sites of a configuration. arguments: what every `birdnest crawl` gets besides the site."""

    def __init__(self, config: Config, arguments: Sequence[str] = ()) -> None:
        self._config = config
        self._command = (sys.executable, sys.argv[0])  # this very command
        self._arguments = tuple(arguments)
        self._schedules = config.schedules()
        self._room = asyncio.Semaphore(config.scheduler.parallel)
        self._stop = asyncio.Event()
        self._children: set[asyncio.subprocess.Process] = set()
        self._last_began: dict[str, datetime] = {}
        self.board = Board()

    async def run(self) -> None:
        """Until a signal comes. Raises ConfigError for an address that cannot be listened on."""
        if not self._schedules:
            raise ConfigError("no site has a schedule: give one in birdnest.toml, [sites.<slug>] schedule = …")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        server = serve(self._config, self.board)
        try:
            async with asyncio.TaskGroup() as tasks:
                beat = tasks.create_task(self._beat())
                began = await self._began(*self._schedules)
                sites = [tasks.create_task(self._keep(slug, began[slug])) for slug in self._schedules]
                await asyncio.wait(sites)
                beat.cancel()
        finally:
            if server is not None:
                await asyncio.to_thread(server.shutdown)
                server.server_close()
        logger.info("the scheduler has ended")

    def _told_to_stop(self) -> None:
        if self.board.stopping:
            return
        self.board.stopping = True
        logger.info("told to stop: %d runs are told to end", len(self._children))
        self._stop.set()
        for child in self._children:
            _send(child, signal.SIGTERM)

    async def _beat(self) -> None:
        while True:
            self.board.beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _keep(self, slug: str, began: datetime | None) -> None:
        """One site, for as long as the scheduler runs. began: when its last run did."""
        while not self._stop.is_set():
            now = datetime.now(UTC)
            due = self._config.due_at(slug, began, now=now) or now
            self.board.next_due[slug] = due.timestamp()
            if due > now:
                await self._sleep(min((due - now).total_seconds(), _LONGEST_SLEEP))
            else:
                async with self._room:
                    if not self._stop.is_set():
                        await self._crawl(slug)
            began = (await self._began(slug))[slug]

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _began(self, *slugs: str) -> dict[str, datetime | None]:
        """When the last run of each site began, be it ours or not. A run that failed before it began counts, too."""
        if self._stop.is_set():
            return dict.fromkeys(slugs)
        try:
            known = await asyncio.to_thread(_last_began, self._config, slugs)
        except BirdnestError as error:
            logger.warning("%s: %s", ", ".join(slugs), error)  # the run will say it, and tell who is to be told
            known = {}
        both = {slug: (self._last_began.get(slug), known.get(slug)) for slug in slugs}
        return {slug: max((at for at in moments if at is not None), default=None) for slug, moments in both.items()}

    async def _crawl(self, slug: str) -> None:
        self._last_began[slug] = datetime.now(UTC)
        # A session of its own: Ctrl-C is for the scheduler, which tells its runs in order.
        child = await asyncio.create_subprocess_exec(
            *self._command, "crawl", slug, *self._arguments, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        self._children.add(child)
        self.board.running[slug] = time.time()
        logger.info("%s: run begins, process %d", slug, child.pid, extra={"fields": {"site": slug}})
        if self._stop.is_set():
            _send(child, signal.SIGTERM)
        try:
            code = await self._wait_for(child)
        finally:
            self._children.discard(child)
            del self.board.running[slug]
        self.board.ended[slug, code] += 1
        seconds = (datetime.now(UTC) - self._last_began[slug]).total_seconds()
        told = {"fields": {"site": slug, "exit_code": code, "seconds": round(seconds, 1)}}
        logger.info("%s: run ended with %d after %.1f s", slug, code, seconds, extra=told)
        if code < 0 and not self._stop.is_set():
            await asyncio.to_thread(self._tell_of_death, slug, code)

    async def _wait_for(self, child: asyncio.subprocess.Process) -> int:
        """The exit code of a run; one that does not end within `END_SECONDS` of being told to is killed."""
        ended = asyncio.ensure_future(child.wait())
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((ended, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        done, _ = await asyncio.wait((ended,), timeout=END_SECONDS)
        if not done:
            logger.warning("process %d does not end: it is killed", child.pid)
            _send(child, signal.SIGKILL)
        return await ended

    def _tell_of_death(self, slug: str, code: int) -> None:
        name = signal.Signals(-code).name
        finding = Finding(
            site=slug,
            archive=self._config.archive,
            verdict=DIED,
            reasons=(f"{slug}: the run was ended by {name}: out of memory, most often. The next run goes on.",),
            run="(without a report)",
            at=datetime.now(UTC).replace(microsecond=0),
        )
        announce(self._config, [finding], complain=logger.warning)


def _last_began(config: Config, slugs: Sequence[str]) -> dict[str, datetime | None]:
    opened = open_history(config, now=datetime.now(UTC), at_most_old=_LEARN_EVERY)
    if opened is None:
        return {}
    with opened[0] as history:
        return {slug: history.last_began(slug) for slug in slugs}


def _send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if child.returncode is None:
        child.send_signal(number)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], config: Config, board: Board) -> None:
        super().__init__(address, _Handler)
        self.config = config
        self.board = board


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        if self.path == "/healthz":
            board = self.server.board
            self._answer(200 if board.healthy else 503, "application/json", json.dumps(board.as_json()).encode())
        elif self.path == "/metrics":
            self._metrics()
        else:
            self._answer(404, "text/plain; charset=utf-8", b"there is /metrics and /healthz\n")

    def _metrics(self) -> None:
        board = BoardMetrics(self.server.board)
        try:
            # Not `learn`: a scrape asks the store for one object, and lists nothing.
            text = exposition(statuses(self.server.config, now=datetime.now(UTC), learn=False), board)
        except BirdnestError as error:
            logger.warning("/metrics: %s", error)
            text = exposition((), board)
        self._answer(200, "text/plain; version=0.0.4; charset=utf-8", text)

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        logger.debug(format, *args)


def serve(config: Config, board: Board) -> ThreadingHTTPServer | None:
    """Answer /metrics and /healthz in a thread; None where nothing is to listen. Raises ConfigError."""
    if config.scheduler.listen == "none":
        return None
    host, _, port = config.scheduler.listen.rpartition(":")
    try:
        server = _Server((host.strip("[]"), int(port)), config, board)
    except OSError as error:
        raise ConfigError(
            f'scheduler.listen {config.scheduler.listen}: {error.strerror}: name another address, or "none"'
        ) from error
    address = server.server_address
    logger.info("listening on http://%s:%d/metrics and /healthz", str(address[0]), int(address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run_scheduler(config: Config, arguments: Sequence[str]) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError."""
    try:
        asyncio.run(Scheduler(config, arguments).run())
    except* ConfigError as group:
        raise group.exceptions[0] from None
