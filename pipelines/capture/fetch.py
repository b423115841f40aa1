"""One polite HTTP exchange: a URL goes in, what the server answered comes out, as bytes; nothing is raised for what it does.

The URL is checked before anything is looked up, then all addresses of its host, and the connection is made to one of
those: no second look-up, no proxy, no redirect followed. A redirect's next hop is an exchange of its own, checked like the
first.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial

import ada_url

from pipelines.capture import http
from pipelines.capture.address import Hosts, refusal, url_refusal
from pipelines.capture.connection import Connection, Connections
from pipelines.capture.wire import Head, NoAnswer, Room, is_reusable, read_body, read_head, true_block
from schemas.capture import Outcome
from schemas.reasons import Reason

MAX_BYTES = 10 << 20  # Chosen: Common Crawl cuts pages at 5 MiB; pictures and recordings are larger
DEADLINE_S = 30.0  # Chosen: of the whole exchange; a timeout per read lets a server drip for ever
_LOOKUPS = 64  # Chosen: look-ups at once; one that hangs holds a thread, and asyncio's own pool has six on two cores
Resolve = Callable[[str], Awaitable[list[str]]]
Headers = Sequence[tuple[str, str]]


class _Refused(Exception):
    """An address that may not be asked."""


async def system_resolve(host: str) -> list[str]:
    """Every address that the system's resolver has for a host, in its order of preference."""
    found = await asyncio.get_running_loop().run_in_executor(
        _lookups(), lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(info[4][0]) for info in found))


@cache
def _lookups() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """How requests are made. `clock`: seconds since 1970, for `fetched_at` only; waiting goes by the monotonic clock.

    `hosts`: names that are not in DNS, such as a demo site on loopback; only they may have any address and port, and
    the Host header and the URL keep the plain name.
    """

    user_agent: str
    clock: Callable[[], float]
    hosts: Hosts = field(default_factory=dict)
    max_bytes: int = MAX_BYTES
    deadline_s: float = DEADLINE_S
    resolve: Resolve = system_resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One exchange. Without a `status` there was no HTTP answer, and `detail` says why.

    `request`: as sent. `header_block`: as received, but for lines that are not true of the stored body (see
    `wire.true_block`). `body`: transfer coding undone, content coding in place.
    `truncated`: time | length | disconnect, where the body is not whole; null otherwise. `reason`: why its bytes were not kept,
    or what is wrong with the answer.
    """

    url: str
    outcome: Outcome
    fetched_at: datetime
    status: int | None = None
    request: bytes = b""
    header_block: bytes = b""
    body: bytes = b""
    ip: str | None = None
    truncated: str | None = None
    detail: str | None = None
    reason: Reason | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Name and value of every header line, in order."""
        return http.parse(self.header_block).headers


async def fetch(
    url: str, client: Client, conditions: Headers = (), *, kept: Connections | None = None, room: Room | None = None,
    pause_s: float = 0.0,
) -> Fetched:  # fmt: skip
    """The exchange for one URL (as ada-url spells it): one request, or none where an address is refused.

    `conditions`: headers such as If-None-Match; only then is a 304 a revisit. `kept`: connections that earlier requests left open;
    one that turns out to be closed before any of an answer came is made anew, once, after `pause_s` (RFC 9112, section 9.3.1);
    else nothing is asked again. `room`: where a large body waits until it may be held. The deadline waits with both.
    """
    found = Fetched(url=url, outcome=Outcome.REFUSED, fetched_at=datetime.fromtimestamp(client.clock(), UTC))
    why = url_refusal(url, client.hosts)
    if why:
        return replace(found, detail=why)
    one = _Exchange(ada_url.URL(url), client, conditions, kept, room, pause_s)
    try:
        async with asyncio.timeout(client.deadline_s) as one.deadline:
            await one.run()
    except _Refused as error:
        return replace(found, detail=str(error))
    except TimeoutError:
        one.late = True
    except NoAnswer as error:
        one.failure = str(error)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot hold
        one.failure = _said(error)
    finally:
        one.end()
    return _told(found, one)


@dataclass(slots=True)
class _Exchange:
    """One exchange under way, and how far it came. `failure`: why there is no answer; `late`: the deadline was over."""

    url: ada_url.URL
    client: Client
    conditions: Headers
    kept: Connections | None
    room: Room | None
    pause_s: float
    deadline: asyncio.Timeout = field(init=False)
    connection: Connection | None = None
    request: bytes = b""
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)
    truncated: str | None = None
    is_whole: bool = False  # the body was read, to its end or the cap
    is_reusable: bool = False
    failure: str = ""
    late: bool = False

    async def run(self) -> None:
        """Connect, ask and read, until the end or the cap.

        Raises:
            _Refused: the host has an address that may not be asked.
            NoAnswer: what came is no HTTP.
            OSError: no connection, or it broke.
        """
        self.request = _request(self.url, self.client.user_agent, self.conditions, is_last=self.kept is None)
        self.connection = self.kept.take(self.url.origin) if self.kept is not None else None
        if self.connection is None or not await self._ask_again(self.connection):
            self.connection = await _connect(self.url, self.client)
            self.connection.ask(self.request)
        self.head = await read_head(self.connection)
        self.truncated = await read_body(self.connection, self.head, self.client.max_bytes, self.body, self._room)
        self.is_whole = True
        if self.kept is not None and self.truncated is None:
            self.is_reusable = await is_reusable(self.connection, self.head)

    async def _ask_again(self, connection: Connection) -> bool:
        """Whether a connection that carried a request before has begun to answer another one; if not, it is over."""
        connection.ask(self.request)
        try:
            if await connection.more():
                return True
        except OSError:
            pass
        connection.close()
        self.connection = None
        await self._untimed(asyncio.sleep(self.pause_s))
        return False

    async def _room(self, size: int) -> None:
        if self.room is not None:
            await self._untimed(self.room(size))

    async def _untimed(self, waiting: Awaitable[None]) -> None:
        """Wait, and have as much time afterwards as before."""
        loop, ends_at = asyncio.get_running_loop(), self.deadline.when()
        began = loop.time()
        self.deadline.reschedule(None)
        await waiting
        self.deadline.reschedule((ends_at or began) + loop.time() - began)

    def end(self) -> None:
        """Close the connection, or let it wait for another request."""
        if self.connection is None:
            return
        if self.is_reusable and self.kept is not None:
            self.kept.keep(self.url.origin, self.connection)
        else:
            self.connection.close()


def _told(found: Fetched, one: _Exchange) -> Fetched:
    """What an exchange came to."""
    limit = f"within {one.client.deadline_s:g} s"
    if one.connection is None:
        if one.late:
            return replace(found, outcome=Outcome.TIMEOUT, detail=f"no connection {limit}")
        return replace(found, outcome=Outcome.UNREACHABLE, detail=f"no connection: {one.failure}")
    ip = one.connection.ip
    if one.head is None:
        if one.late:
            return replace(found, ip=ip, outcome=Outcome.TIMEOUT, detail=f"no answer {limit}")
        return replace(found, ip=ip, outcome=Outcome.UNREACHABLE, detail=f"no HTTP answer: {one.failure}")
    status, size = one.head.status, len(one.body)
    is_cut = one.late and not one.is_whole
    outcome, reason = http.outcome(status, one.head.headers, size)
    if status == 304 and one.conditions:
        outcome, reason = Outcome.REVISIT, None
    return Fetched(
        url=found.url, fetched_at=found.fetched_at, ip=ip, status=status, request=one.request,
        outcome=outcome, reason=reason, header_block=true_block(one.head, size),
        body=bytes(one.body), truncated="time" if is_cut else one.truncated,
    )  # fmt: skip


def _said(error: Exception) -> str:
    """An error of the system in words, without its number."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


async def _connect(url: ada_url.URL, client: Client) -> Connection:
    """A connection to the first address of the URL's host that takes one.

    Raises:
        _Refused: any of the host's addresses may not be asked.
        OSError: no address, or none that takes the connection.
    """
    host = url.hostname.strip("[]")
    is_tls = url.protocol == "https:"
    port = int(url.port or (443 if is_tls else 80))
    failure = OSError(f"{host} has no address")
    loop = asyncio.get_running_loop()
    for ip, at in await _addresses(host, port, client):
        try:
            _, connection = await loop.create_connection(
                partial(Connection, ip),
                ip,
                at,
                ssl=_tls() if is_tls else None,
                server_hostname=host if is_tls else None,
            )
        except OSError as error:
            failure = error
        else:
            return connection
    raise failure


async def _addresses(host: str, port: int, client: Client) -> list[tuple[str, int]]:
    """Where the host is, every address of it checked."""
    if host in client.hosts:
        return [client.hosts[host]]
    found = await client.resolve(host)
    for ip in found:
        if block := refusal(ip):
            raise _Refused(f"{host} has the address {ip} in {block}")
    return [(ip, port) for ip in found]


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # once: it reads all root certificates, some 20 ms


def _request(url: ada_url.URL, user_agent: str, conditions: Headers, *, is_last: bool) -> bytes:
    """The request as sent; `is_last`: on its connection. `host` of the URL is the Host header: names with a given port keep the plain name."""
    lines = [
        f"GET {url.pathname}{url.search} HTTP/1.1", f"Host: {url.host}", f"User-Agent: {user_agent}", "Accept: */*",
        "Accept-Encoding: gzip, br, zstd",  # what pipelines.capture.codings undoes, less deflate: it is ambiguous
        *(f"{name}: {value}" for name, value in conditions), *(["Connection: close"] if is_last else []),
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
