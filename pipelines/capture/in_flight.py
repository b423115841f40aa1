"""How many bytes of large answers may be held at once: who comes first is served first, the others wait."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

IN_FLIGHT_BYTES = (
    512 << 20
)  # Chosen: fifty answers at the cap of 10 MiB; the worker of a crawl should fit a machine of 2 GiB


class InFlight:
    """`most` bytes to hand out. Not for two event loops."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """What one answer takes, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self._left += share.taken
            self._serve()

    async def wait(self, size: int) -> None:
        """Take `size` bytes, at most what there is in all, when it is this one's turn."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left += size
            self._serve()
            raise

    def _serve(self) -> None:
        while self._queue and (self._queue[0][1].cancelled() or self._queue[0][0] <= self._left):
            size, turn = self._queue.popleft()
            if not turn.cancelled():
                self._left -= size
                turn.set_result(None)


class Share:
    """What one answer has taken, in bytes."""

    def __init__(self, of: InFlight) -> None:
        self._of, self.taken = of, 0

    async def take(self, size: int) -> None:
        """Wait until `size` more bytes may be held."""
        await self._of.wait(size)
        self.taken += size
