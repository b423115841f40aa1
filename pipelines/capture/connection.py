"""Connections to hosts: bytes as they come, no more of them than are wanted, and those that may carry another request.

A connection stays with the address that was checked when it was made, and with the origin it was made for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

AHEAD_BYTES = 256 << 10  # Chosen: what may come before anybody takes it; a page is less
KEPT = 256  # Chosen: connections that wait for another request, as many as are asked at once
# Chosen: of servers that close such connections, Apache (httpd.apache.org, KeepAliveTimeout) is the quickest by default, after 5 s.
IDLE_S = 4.0


class Connection(asyncio.Protocol):
    """One connection. `held`: what came and nobody took yet; `ip`: where it leads.

    What comes while it waits for another request was asked for by nobody: it is closed.
    """

    def __init__(self, ip: str) -> None:
        self.ip, self.held, self.is_doubtful = ip, bytearray(), False
        self._transport: asyncio.Transport | None = None
        self._came: asyncio.Future[None] | None = None
        self._is_over = self._is_idle = self._is_paused = False
        self._error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio says that it is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio says what came."""
        if self._is_idle:
            self.close()
            return
        self.held += data
        if len(self.held) > AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def eof_received(self) -> None:
        """asyncio says that nothing more will come; it closes the transport."""
        self._is_over = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio says that it is gone."""
        self._is_over, self._error = True, error
        self._wake()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    @property
    def is_open(self) -> bool:
        """Whether the other side may still send, as far as is known."""
        return not self._is_over

    async def more(self) -> bool:
        """Whether more came, when it has; false where nothing will.

        Raises:
            OSError: the connection broke.
        """
        if not self._is_over:
            if self._is_paused and self._transport is not None:
                self._is_paused = False
                self._transport.resume_reading()
            size = len(self.held)
            self._came = asyncio.get_running_loop().create_future()
            try:
                await self._came
            finally:
                self._came = None
            if len(self.held) > size:
                return True
        if isinstance(self._error, OSError):
            raise self._error
        return False

    def take(self, most: int, into: bytearray) -> int:
        """Move up to `most` of the held bytes to the end of `into`; how many they were."""
        count = min(most, len(self.held))
        with memoryview(self.held) as view:
            into += view[:count]
        del self.held[:count]
        return count

    def ask(self, request: bytes) -> None:
        """Send a request; if the connection broke, `more` says so."""
        self._is_idle = False
        if self._transport is not None:
            self._transport.write(request)

    def rest(self) -> None:
        """Wait for another request."""
        self._is_idle = True

    def close(self) -> None:
        """End it now: whatever is still on its way is not waited for."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()


@dataclass(slots=True)
class _Kept:
    connection: Connection
    expiry: asyncio.TimerHandle


class Connections:
    """Connections that wait for another request, at most one an origin and KEPT in all. Made inside the event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def take(self, origin: str) -> Connection | None:
        """One to this origin that is still open, for one request; null where there is none."""
        kept = self._kept.pop(origin, None)
        if kept is None:
            return None
        kept.expiry.cancel()
        if kept.connection.is_open:
            return kept.connection
        kept.connection.close()
        return None

    def keep(self, origin: str, connection: Connection) -> None:
        """Let it wait for another request to this origin, for IDLE_S."""
        if connection.held or not connection.is_open:
            connection.close()
            return
        connection.rest()
        for name in (origin, *(list(self._kept)[:1] if len(self._kept) >= KEPT else ())):
            self._drop(name)
        drop: Callable[[str], None] = self._drop
        expiry = asyncio.get_running_loop().call_later(IDLE_S, drop, origin)
        self._kept[origin] = _Kept(connection, expiry)

    def close(self) -> None:
        """End all of them."""
        for origin in list(self._kept):
            self._drop(origin)

    def _drop(self, origin: str) -> None:
        kept = self._kept.pop(origin, None)
        if kept is not None:
            kept.expiry.cancel()
            kept.connection.close()
