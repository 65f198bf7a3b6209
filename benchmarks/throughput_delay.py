"""A far store: a proxy on loopback that passes on what clients send at once and what the server answers later.

usage: python throughput_delay.py PORT MILLISECONDS, prints the port it listens on

All that the server sends is late by as much, as on a line of that round trip: an interim answer (100 Continue), which
some clients wait for before they send a body, and the answer itself. A connection is opened without delay.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import cast


class _Client(asyncio.Protocol):
    """A client's connection, with one of its own to the server."""

    def __init__(self, port: int, delay_seconds: float) -> None:
        self._port = port
        self._delay_seconds = delay_seconds
        self._waiting: list[bytes] = []
        self._server: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        def answers() -> _Server:
            return _Server(self, self._delay_seconds)

        try:
            self._server, _ = await asyncio.get_running_loop().create_connection(answers, "127.0.0.1", self._port)
        except OSError:
            if self.transport is not None:
                self.transport.abort()
            return
        for data in self._waiting:
            self._server.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self._server is None:
            self._waiting.append(data)
        else:
            self._server.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._server is not None:
            self._server.close()


class _Server(asyncio.Protocol):
    """The server's side of a client's connection. None ends the answers."""

    def __init__(self, client: _Client, delay_seconds: float) -> None:
        self._client = client
        self._delay_seconds = delay_seconds
        self._late: deque[bytes | None] = deque()

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        # Timers of one moment may go off in any order; the queue keeps it.
        self._late.append(data)
        asyncio.get_running_loop().call_later(self._delay_seconds, self._pass_on)

    def _pass_on(self) -> None:
        data = self._late.popleft()
        transport = self._client.transport
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.close()
        else:
            transport.write(data)


async def main(port: int, milliseconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: _Client(port, milliseconds / 1000), "127.0.0.1", 0, backlog=256
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
