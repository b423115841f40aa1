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
from functools import cache

import ada_url

from pipelines.capture import http
from pipelines.capture.address import Hosts, refusal, url_refusal
from pipelines.capture.wire import HEAD_BYTES, NoAnswer, read_body, read_head, true_block
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
    `truncated`: time | length | disconnect, where the body is not whole; null otherwise. `reason`: why its bytes were not kept.
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


async def fetch(url: str, client: Client, conditions: Headers = ()) -> Fetched:
    """The exchange for one URL (as ada-url spells it): exactly one request, or none where an address is refused.

    `conditions`: headers such as If-None-Match; only then is a 304 a revisit.
    """
    found = Fetched(url=url, outcome=Outcome.REFUSED, fetched_at=datetime.fromtimestamp(client.clock(), UTC))
    why = url_refusal(url, client.hosts)
    if why:
        return replace(found, detail=why)
    ends_at = asyncio.get_running_loop().time() + client.deadline_s
    try:
        async with asyncio.timeout_at(ends_at):
            ip, reader, writer = await _connect(ada_url.URL(url), client)
    except _Refused as error:
        return replace(found, detail=str(error))
    except TimeoutError:
        return replace(found, outcome=Outcome.TIMEOUT, detail=f"no connection within {client.deadline_s:g} s")
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot hold
        return replace(found, outcome=Outcome.UNREACHABLE, detail=f"no connection: {_said(error)}")
    try:
        return await _exchange(replace(found, ip=ip), reader, writer, client, ends_at, conditions)
    finally:
        writer.transport.abort()  # whatever is still on its way is not waited for


def _said(error: Exception) -> str:
    """An error of the system in words, without its number."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


async def _connect(url: ada_url.URL, client: Client) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address of the URL's host that takes one, and that address.

    Raises:
        _Refused: any of the host's addresses may not be asked.
        OSError: no address, or none that takes the connection.
    """
    host = url.hostname.strip("[]")
    is_tls = url.protocol == "https:"
    port = int(url.port or (443 if is_tls else 80))
    failure = OSError(f"{host} has no address")
    for ip, at in await _addresses(host, port, client):
        try:
            reader, writer = await asyncio.open_connection(
                ip, at, limit=HEAD_BYTES, ssl=_tls() if is_tls else None, server_hostname=host if is_tls else None
            )
        except OSError as error:
            failure = error
        else:
            return ip, reader, writer
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


async def _exchange(
    found: Fetched, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Client, ends_at: float,
    conditions: Headers,
) -> Fetched:  # fmt: skip
    """Ask and read, until the end, the cap or the deadline."""
    request = _request(ada_url.URL(found.url), client.user_agent, conditions)
    try:
        async with asyncio.timeout_at(ends_at):
            writer.write(request)
            head = await read_head(reader)
    except TimeoutError:
        return replace(found, outcome=Outcome.TIMEOUT, detail=f"no answer within {client.deadline_s:g} s")
    except NoAnswer as error:
        return replace(found, outcome=Outcome.UNREACHABLE, detail=f"no HTTP answer: {error}")
    except OSError as error:
        return replace(found, outcome=Outcome.UNREACHABLE, detail=f"no HTTP answer: {_said(error)}")
    body = bytearray()
    try:
        async with asyncio.timeout_at(ends_at):
            truncated = await read_body(reader, head, client.max_bytes, body)
    except TimeoutError:
        truncated = "time"
    return replace(
        found, outcome=_outcome(head.status, len(body), is_conditional=bool(conditions)), status=head.status, request=request,
        header_block=true_block(head, len(body)), body=bytes(body), truncated=truncated,
    )  # fmt: skip


def _request(url: ada_url.URL, user_agent: str, conditions: Headers) -> bytes:
    """The request as sent. `host` of the URL is the Host header: names with a given port keep the plain name."""
    lines = [
        f"GET {url.pathname}{url.search} HTTP/1.1", f"Host: {url.host}", f"User-Agent: {user_agent}", "Accept: */*",
        "Accept-Encoding: gzip, br, zstd",  # what pipelines.capture.codings undoes, less deflate: it is ambiguous
        *(f"{name}: {value}" for name, value in conditions), "Connection: close",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _outcome(status: int, size: int, *, is_conditional: bool) -> Outcome:
    match status:
        case 304 if is_conditional:
            return Outcome.REVISIT
        case 404 | 410:
            return Outcome.NOT_FOUND
        case _ if 300 <= status < 400:
            return Outcome.REDIRECT
        case _ if not 200 <= status < 300:
            return Outcome.HTTP_ERROR
    return Outcome.FETCHED if size else Outcome.EMPTY
