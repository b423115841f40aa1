"""Taking turns: at most one request per host at a time, and a pause before every one, the first included."""

import asyncio
from dataclasses import dataclass, field

from pipelines.capture.fetch import Client, Fetched, fetch
from pipelines.capture.manners import pause_s

_FAILURES = 3  # Chosen: exchanges in a row without an HTTP answer, after which a host is left for another round


@dataclass(slots=True, kw_only=True)
class _Host:
    """One host. `free_at`: loop time before which it is not asked; `failures`: exchanges in a row without an answer."""

    free_at: float
    delay_s: float
    failures: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """The turns at all hosts of one round. `delay_s`: least pause; `round_s`: after it no request is begun.

    Made inside the event loop. The first request to a host waits too: whoever starts a round again at once stays polite.
    """

    def __init__(self, client: Client, *, delay_s: float, round_s: float) -> None:
        self._client, self._delay_s = client, delay_s
        self._ends_at = asyncio.get_running_loop().time() + round_s
        self._hosts: dict[str, _Host] = {}

    async def ask(self, host: str, url: str) -> Fetched | str:
        """The exchange, when it is the turn of this request; or, in words, why it did not take place."""
        one, loop = self._host(host), asyncio.get_running_loop()
        async with one.turn:
            if one.failures >= _FAILURES:
                return f"{host} gave no answer {_FAILURES} times in a row"
            if max(one.free_at, loop.time()) >= self._ends_at:
                return f"the round ends before {host} may be asked"
            await asyncio.sleep(max(0.0, one.free_at - loop.time()))
            answer = await fetch(url, self._client)
            one.free_at = loop.time() + pause_s(answer, one.delay_s, self._client.clock())
            one.failures = 0 if answer.status else one.failures + 1
        return answer

    def slow_down(self, host: str, delay_s: float) -> None:
        """Pause at least this long between requests to the host from now on (its Crawl-delay)."""
        one = self._host(host)
        one.delay_s = max(one.delay_s, delay_s)
        one.free_at = max(one.free_at, asyncio.get_running_loop().time() + one.delay_s)

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            free_at = asyncio.get_running_loop().time() + self._delay_s
            self._hosts[name] = _Host(free_at=free_at, delay_s=self._delay_s)
        return self._hosts[name]
