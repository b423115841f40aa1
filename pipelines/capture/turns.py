"""Taking turns: at most one request per host at a time, and a pause before every one, the first included."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pipelines.capture.connection import IDLE_S, Connections
from pipelines.capture.fetch import Client, Fetched, Headers, fetch
from pipelines.capture.in_flight import IN_FLIGHT_BYTES, InFlight
from pipelines.capture.journal import Journal, State
from pipelines.capture.manners import pause_s
from schemas.capture import Outcome

FAILURES = 3  # Chosen: exchanges in a row without an HTTP answer, after which a host is left for another round
_OPEN = 256  # Chosen: requests at once; see in_flight.py for how much they hold
_LOOK_S = 0.5  # Chosen: how often one looks whether another worker has its answer
ROBOTS_S = 86_400.0  # Source: RFC 9309, section 2.4: a robots.txt is not used for more than 24 hours
IN_DOUBT = (
    "asked by a worker that ended before it wrote what came; left for another round, so that nothing is asked twice"
)

Screen = Callable[[Fetched], Fetched]  # an exchange as it may be kept: asked before anything of it is written anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What the rounds know of a host, each as of the end of the last. `delay_s`: least pause; `until`: seconds since 1970 before which
    it is not asked; `silent`: rounds in a row at whose end it answered no more; `parked`: rounds that it is left alone from now.
    """

    delay_s: float = 0.0
    until: float = 0.0
    silent: int = 0
    parked: int = 0

    def after(self, requests: int, failures: int, most: int) -> "Pause":
        """The same after a round. `failures`: exchanges in a row without an answer, at its end; `most`: rounds to be parked.

        Of a host that stays silent, one round is asked, then 1, 3, 7 ... are left out.
        """
        if not requests:
            return replace(self, parked=max(0, self.parked - 1))
        if failures < min(requests, FAILURES):
            return replace(self, silent=0, parked=0)
        return replace(self, silent=self.silent + 1, parked=min(2 ** min(self.silent, 30) - 1, most))


@dataclass(slots=True, kw_only=True)
class _Host:
    """One host. `free_at`: loop time before which it is not asked; `failures`: exchanges in a row without an answer."""

    free_at: float
    delay_s: float
    known: Pause
    failures: int = 0
    requests: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """The turns at all hosts of one round. `delay_s`: least pause; `round_s`: after it no request is begun; `max_parked`: see `Pause`.

    Made inside the event loop. The first request to a host waits too: whoever starts a round again at once stays polite. What
    the journal holds is not asked for again, but the pauses that it asks for are kept.
    """

    def __init__(
        self, client: Client, journal: Journal, *, delay_s: float, round_s: float,
        known: Mapping[str, Pause] | None = None, max_parked: int = 0, screen: Screen = lambda answer: answer,
    ) -> None:  # fmt: skip
        self._client, self._journal, self._delay_s, self._max_parked = client, journal, delay_s, max_parked
        self._ends_at = asyncio.get_running_loop().time() + round_s
        self._hosts: dict[str, _Host] = {}
        self._known, self._screen, self._slots = known or {}, screen, asyncio.Semaphore(_OPEN)
        self._kept, self._in_flight = Connections(), InFlight(max(IN_FLIGHT_BYTES, client.max_bytes))

    async def ask(self, host: str, url: str, *, conditions: Headers = (), is_robots: bool = False) -> Fetched | str:
        """The exchange, when it is the turn of this request; or, in words, why it did not take place.

        `is_robots`: what decides over all others (robots.txt, sitemaps) is asked again where it is in doubt or a day old.
        """
        one, loop = self._host(host), asyncio.get_running_loop()
        if one.known.parked:
            more = f"and {one.known.parked - 1} more" if one.known.parked > 1 else "only"
            return f"{host} gave no answer at the end of {one.known.silent} rounds in a row: parked, not asked in this round {more}"
        async with one.turn:
            while True:
                is_new = self._journal.is_new(host, url)
                known = State.NEW if is_new else await asyncio.to_thread(self._journal.find, host, url)
                if isinstance(known, Fetched) and not (is_robots and self._age_s(known) > ROBOTS_S):
                    self._note(one, known, age_s=self._age_s(known))
                    return known
                if known is State.IN_DOUBT and not is_robots:
                    return IN_DOUBT
                if known is State.ASKED:
                    await asyncio.sleep(_LOOK_S)
                    continue
                if one.failures >= FAILURES:
                    return f"{host} gave no answer {FAILURES} times in a row"
                if max(one.free_at, loop.time()) >= self._ends_at:
                    return f"the round ends before {host} may be asked"
                await asyncio.sleep(max(0.0, one.free_at - loop.time()))
                async with self._slots:
                    if await asyncio.to_thread(self._journal.claim, host, url):
                        return await self._asked(one, host, url, conditions)
                one.free_at = loop.time() + one.delay_s  # another worker asked this host just now

    async def _asked(self, one: _Host, host: str, url: str, conditions: Headers) -> Fetched:
        kept = self._kept if one.delay_s < IDLE_S else None  # a server would have closed it before its next turn
        with self._in_flight.share() as share:
            got = await fetch(url, self._client, conditions, kept=kept, room=share.take, pause_s=one.delay_s)
            answer = self._screen(got)
            await asyncio.to_thread(self._journal.write, host, answer)
        self._note(one, answer)
        return answer

    def close(self) -> None:
        """End the connections that wait for another request."""
        self._kept.close()

    def _note(self, one: _Host, answer: Fetched, *, age_s: float = 0.0) -> None:
        """Keep the pause that an answer asks for, counted from when it came: now, or so long ago."""
        pause = pause_s(answer, one.delay_s, self._client.clock() - age_s)
        one.free_at = max(one.free_at, asyncio.get_running_loop().time() + pause - age_s)
        one.failures = 0 if answer.status or answer.outcome is Outcome.REFUSED else one.failures + 1
        one.requests += 1

    def _age_s(self, answer: Fetched) -> float:
        return max(0.0, self._client.clock() - answer.fetched_at.timestamp())

    def slow_down(self, host: str, delay_s: float) -> None:
        """Pause at least this long between requests to the host from now on (its Crawl-delay)."""
        one = self._host(host)
        one.delay_s = max(one.delay_s, delay_s)
        one.free_at = max(one.free_at, asyncio.get_running_loop().time() + one.delay_s)

    def pauses(self) -> dict[str, tuple[Pause, int, int]]:
        """By host: the pause that holds from now on, requests, and exchanges in a row without an answer; of hosts that were not met, too."""
        now, clock = asyncio.get_running_loop().time(), self._client.clock()
        met = {
            name: (
                replace(
                    one.known.after(one.requests, one.failures, self._max_parked), delay_s=one.delay_s,
                    until=clock + max(0.0, one.free_at - now),
                ), one.requests, one.failures,
            )
            for name, one in self._hosts.items()
        }  # fmt: skip
        return {name: (pause, 0, 0) for name, pause in self._known.items()} | met

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            now = asyncio.get_running_loop().time()
            known = self._known.get(name, Pause())
            known = replace(known, parked=min(known.parked, self._max_parked))
            delay_s = max(self._delay_s, known.delay_s)
            waits_s = max(delay_s, known.until - self._client.clock())
            self._hosts[name] = _Host(free_at=now + waits_s, delay_s=delay_s, known=known)
        return self._hosts[name]
