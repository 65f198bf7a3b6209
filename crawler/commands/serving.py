"""`birdnest serve`: the reader of an archive, for the browsers of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from archive.errors import BirdnestError, UsageError
from crawler.terminal import ArchiveOption, ConfigOption, complain, config_of, err, reader_of, say

if TYPE_CHECKING:
    from archive.reader import ArchiveReader
    from archive.store import Store
    from archive.views.reader.build import Built
    from archive.views.reader.frame import Look
    from crawler.reader_server import ReaderServer

_STOP = frozenset((signal.SIGINT, signal.SIGTERM))
_SLEEP_SECONDS = 3600.0


def serve(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where; other addresses than loopback are open to others")
    ] = "127.0.0.1:8000",
    title: Annotated[str, typer.Option(metavar="NAME", help="The reader's name, above every page")] = "Birdnest",
    language: Annotated[str, typer.Option(metavar="zh|en", help="The language of its own words")] = "zh",
    watch: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="Look for new posts so often; without it, at the start")
    ] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Show an archive in the browser: build its reader into the state folder, and serve it until Ctrl-C."""
    from archive import open_store
    from archive.locks import acquire
    from crawler.commands.export import look_of
    from crawler.reader_server import ReaderServer, address_of, reader_folder

    address, look = address_of(listen), look_of(title, language)
    reader = reader_of(config, archive)
    folder = reader_folder(config_of(config, archive).state.expanduser(), reader.info.id)
    with ReaderServer(address, folder, reader.store) as server:
        holder = acquire(folder.with_suffix(".lock"), f"process {os.getpid()}, at {server.url}\n")
        if holder is not None:
            raise UsageError(f"{reader.store.url} is served already, by {holder}: open that, or stop it first")
        if not address.is_loopback:
            complain(
                f"warning: {listen} is open to other machines. Everyone who reaches it can read the whole archive; "
                "without --listen only this machine can."
            )
        target = open_store(str(folder), mutable="")
        built = _build(reader, target, look)
        if not built.search:
            from archive.views.reader.search import HOW_TO_GET_IT

            complain(f"note: there is no search, for which Pagefind is not installed: {HOW_TO_GET_IT}")
        say(f"{built.posts:,} posts at {server.url} (Ctrl-C ends it)")
        _serve_until_told(server, lambda: _look_again(reader, target, look), every_seconds=watch)


def _build(reader: ArchiveReader, target: Store, look: Look) -> Built:
    """Bring the pages up to date; what cannot be shown is told of, and the rest is served."""
    from archive.views.reader.build import build
    from archive.views.sources import Choice
    from crawler.counting import CountBar

    with CountBar(err(), "reader") as bar:
        return build(
            reader.store,
            target,
            look,
            Choice(),
            copy_pictures=False,
            progress=bar,
            complain=lambda line: complain(f"left out: {line}"),
        )


def _look_again(reader: ArchiveReader, target: Store, look: Look) -> None:
    from archive.views.reader.build import build
    from archive.views.sources import Choice

    try:
        built = build(
            reader.store,
            target,
            look,
            Choice(),
            copy_pictures=False,
            progress=lambda _what, _done: None,
            complain=lambda _line: None,  # it was told at the start, or `birdnest verify` tells it
        )
    except BirdnestError as error:
        complain(f"could not look for new posts: {error}")
        return
    if built.read:
        say(f"{built.posts:,} posts: {built.read:,} documents are new")


def _serve_until_told(server: ReaderServer, look_again: Callable[[], None], *, every_seconds: int | None) -> None:
    """Serve until SIGINT or SIGTERM; the answers under way then are waited for, a look for new posts is not."""
    # Blocked here, and so in every thread that is begun: they are waited for, in place of a handler in the midst of it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    looking: threading.Thread | None = None
    try:
        while signal.sigtimedwait(_STOP, every_seconds or _SLEEP_SECONDS) is None:
            if every_seconds and (looking is None or not looking.is_alive()):
                looking = threading.Thread(target=look_again, daemon=True)
                looking.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    server.end()
    say("ended")
