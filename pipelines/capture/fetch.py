"""One polite HTTP exchange: a URL goes in, what the server answered comes out, as bytes; nothing is raised for what it does.

Every address is checked where it is used: the URL before anything is looked up, all answers of the resolver, and the
socket before it connects. Redirects are not followed here: each hop is an exchange of its own, checked like the first.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from pipelines.capture import http
from pipelines.capture.address import Hosts, refusal, url_refusal
from pipelines.capture.uri import host as host_of
from schemas.capture import Outcome

MAX_BYTES = 10 << 20  # Chosen: Common Crawl cuts pages at 5 MiB; pictures and recordings are larger
DEADLINE_S = 30.0  # Chosen: of the whole exchange; a timeout per read lets a server drip for ever
_HEADER_BYTES = 64 << 10  # Chosen: of one header line; aiohttp allows 128 of them
_AddrInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]
Resolve = Callable[[str], Awaitable[list[str]]]


class _Refused(OSError):
    """An address that may not be asked; an OSError, so that aiohttp hands it on as the cause."""


async def system_resolve(host: str) -> list[str]:
    """Every address that the system's resolver has for a host, in its order of preference."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


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

    `request`, `header_block`: with their empty last line. `body`: transfer coding undone, content coding in place.
    `truncated`: time | length | disconnect, where the body is not whole; null otherwise.
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

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Name and value of every header line, in order."""
        return http.parse(self.header_block).headers


async def fetch(url: str, client: Client) -> Fetched:
    """The exchange for one URL (as ada-url spells it): exactly one request, or none where an address is refused."""
    found = Fetched(url=url, outcome=Outcome.REFUSED, fetched_at=datetime.fromtimestamp(client.clock(), UTC))
    refused = url_refusal(url, client.hosts)
    if refused:
        return replace(found, detail=refused)
    target = yarl.URL(url, encoded=True)
    if target.raw_host != (host_of(url) or "").strip("[]"):
        return replace(found, detail="a host that two parsers read differently")
    door = _Door(target.raw_host or "", client)
    try:
        return await _exchange(found, target, client, door)
    except TimeoutError:
        return replace(found, outcome=Outcome.TIMEOUT, ip=door.ip, detail=f"no answer within {client.deadline_s:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error.__cause__, _Refused):
            return replace(found, detail=str(error.__cause__))
        return replace(found, outcome=Outcome.UNREACHABLE, ip=door.ip, detail=_said(error))


def _said(error: Exception) -> str:
    """Why there was no answer, in one line without anything the server sent."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.__cause__
        return f"no connection: {(isinstance(cause, OSError) and cause.strerror) or type(cause).__name__}"
    return f"no HTTP answer: {type(error).__name__}"


class _Door(AbstractResolver):
    """The only way out of one exchange: names become checked addresses, and only those get a socket."""

    def __init__(self, host: str, client: Client) -> None:
        self._given = client.hosts.get(host)
        self._resolve = client.resolve
        self.ip: str | None = None  # of the last socket: the one in use, as addresses are tried one after another

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of the host. Raises _Refused where one of them may not be asked."""
        if self._given:
            return [_result(host, *self._given)]
        found = await self._resolve(host)
        for ip in found:
            if block := refusal(ip):
                raise _Refused(f"{host} has the address {ip} in {block}")
        if not found:
            raise OSError(f"{host} has no address")
        return [_result(host, ip, port) for ip in found]

    def open(self, info: _AddrInfo) -> socket.socket:
        """The socket for one address, checked once more: no way around the resolver leads past this line."""
        address = info[4][:2]
        block = refusal(str(address[0])) if address != self._given else None
        if block:
            raise _Refused(f"the address {address[0]} is in {block}")
        self.ip = str(address[0])
        return socket.socket(info[0], info[1], info[2])

    async def close(self) -> None:
        """Nothing to let go."""


def _result(host: str, ip: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return ResolveResult(hostname=host, host=ip, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


async def _exchange(found: Fetched, target: yarl.URL, client: Client, door: _Door) -> Fetched:
    """Connect, ask, read, close: one connection for one request, so that no answer can run into the next."""
    ends_at = asyncio.get_running_loop().time() + client.deadline_s
    connector = aiohttp.TCPConnector(
        resolver=door, socket_factory=door.open, use_dns_cache=False, force_close=True, happy_eyeballs_delay=None
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trust_env=False,
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
    ) as session:
        async with asyncio.timeout_at(ends_at):
            answer = await session.get(target, headers=_headers(client), allow_redirects=False)
        async with answer:
            body, truncated = await _body(answer, client.max_bytes, ends_at)
            answer.close()  # what is left of a cut body is not waited for
    return replace(
        found,
        outcome=_outcome(answer.status, body),
        status=answer.status,
        request=_request(answer),
        header_block=_header_block(answer, body),
        body=body,
        ip=door.ip,
        truncated=truncated,
    )


def _headers(client: Client) -> dict[str, str]:
    return {
        "User-Agent": client.user_agent,
        "Accept": "*/*",
        "Accept-Encoding": "gzip, br, zstd",  # what pipelines.capture.codings undoes, less deflate: it is ambiguous
        "Connection": "close",
    }


async def _body(answer: aiohttp.ClientResponse, cap: int, ends_at: float) -> tuple[bytes, str | None]:
    """The body up to the cap, the deadline or the end, and which of them cut it."""
    pieces: list[bytes] = []
    size, truncated = 0, None
    try:
        async with asyncio.timeout_at(ends_at):
            async for piece in answer.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size > cap:
                    truncated = "length"
                    break
    except TimeoutError:
        truncated = "time"
    except (aiohttp.ClientError, OSError):
        truncated = "disconnect"
    return b"".join(pieces)[:cap], truncated


def _outcome(status: int, body: bytes) -> Outcome:
    match status:
        case 404 | 410:
            return Outcome.NOT_FOUND
        case _ if 300 <= status < 400:
            return Outcome.REDIRECT
        case _ if not 200 <= status < 300:
            return Outcome.HTTP_ERROR
    return Outcome.FETCHED if body else Outcome.EMPTY


def _request(answer: aiohttp.ClientResponse) -> bytes:
    asked = answer.request_info
    lines = [f"{asked.method} {asked.url.raw_path_qs} HTTP/1.1", *(f"{k}: {v}" for k, v in asked.headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _header_block(answer: aiohttp.ClientResponse, body: bytes) -> bytes:
    """Status line and headers, with those renamed that would not be true of the stored body, so that it can be replayed.

    Source: Common Crawl's WARC files keep the original beside it as `X-Crawl-Transfer-Encoding`.
    """
    version = answer.version or aiohttp.HttpVersion11
    lines = [f"HTTP/{version.major}.{version.minor} {answer.status} {answer.reason}".encode("utf-8", "surrogateescape")]
    is_renamed = False
    for name, value in answer.raw_headers:
        is_coding = name.lower() == b"transfer-encoding"
        if is_coding or (name.lower() == b"content-length" and value != b"%d" % len(body)):
            is_renamed, name = True, b"X-Crawl-" + name
        lines.append(name + b": " + value)
    if is_renamed:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n"
