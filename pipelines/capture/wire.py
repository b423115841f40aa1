"""One HTTP/1.1 answer read from a connection, kept byte by byte as it came: head, then body, under caps.

Our own reader, because an archive wants what clients throw away. Tried with aiohttp 3.14: no header bytes; a body longer than its
Content-Length in the packet of its headers lost the page (servers that count characters do that); a bad chunk was waited on
until the deadline. A connection carries another request only after an answer whose end nobody could read otherwise, so that a lie
about a length never runs into another answer.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipelines.capture import http
from pipelines.capture.connection import Connection

HEAD_BYTES = 64 << 10  # Chosen: of all header lines; browsers and servers stop at 8 to 256 KiB
LARGE_BYTES = 256 << 10  # Chosen: bodies over it ask for room first; most pages are smaller
_TRAILER_S = 1.0  # Chosen: servers send the end of a chunked body with its last chunk
_BODILESS = (204, 304)  # Source: RFC 9112, section 6.3
_NO_STATUS = "it does not start with a status line"
_STARTS, _STARTS_BYTES = (b"HTTP/", b"ICY "), 5
_EMPTY_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\r?\n", re.DOTALL)
_PLAIN_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}\r\n")
_FIELD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n"
_TRAILER = re.compile(_FIELD)
# Source: RFC 9112, sections 2.2, 4 and 5, without what it lets a reader forgive.
_STRICT = re.compile(rb"HTTP/1\.1 [2-5]\d\d[^\r\n\0]*\r\n(?:" + _FIELD + rb")*\r\n")
_UNTRUE = re.compile(rb"^(transfer-encoding|content-length)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r?$)", re.I | re.M)

Room = Callable[[int], Awaitable[None]]  # waits until so many bytes may be held


class NoAnswer(Exception):
    """What came is no HTTP answer. The text says why, without any of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status line and headers. `block`: as received, with the empty line."""

    status: int
    headers: list[tuple[str, str]]
    block: bytes


async def read_head(connection: Connection) -> Head:
    """The head of the answer; interim answers (1xx) before it are passed over.

    Raises:
        NoAnswer: the connection ends, what comes is no HTTP, or has more than HEAD_BYTES of headers.
    """
    left = HEAD_BYTES
    while True:
        block = await _block(connection, left)
        left -= len(block)
        message = http.parse(block)
        if message.status is None or message.status < 100:
            raise NoAnswer(_NO_STATUS)
        if message.status == 101:
            raise NoAnswer("it changes to a protocol that nobody asked for")
        if message.status >= 200:
            return Head(status=message.status, headers=message.headers, block=block)


async def _block(connection: Connection, cap: int) -> bytes:
    """All up to the first empty line, which is the last of it."""
    held, looked = connection.held, 0
    while not (found := _EMPTY_LINE.search(held, max(0, looked - 2))):
        looked = len(held)
        if looked > cap:
            break
        if looked >= _STARTS_BYTES and not held.startswith(_STARTS):
            raise NoAnswer(_NO_STATUS)
        if not await connection.more():
            raise NoAnswer("the connection closed before the end of the headers")
    if found is None or found.end() > cap:
        raise NoAnswer(f"it has more than {HEAD_BYTES} bytes of headers")
    block = bytearray()
    connection.take(found.end(), block)
    return bytes(block)


async def _line(connection: Connection) -> bytes:
    while (end := connection.held.find(b"\n") + 1) == 0:
        if len(connection.held) > HEAD_BYTES:
            raise NoAnswer(f"it has more than {HEAD_BYTES} bytes in a line")
        if not await connection.more():
            raise NoAnswer("the connection closed before the end of a line")
    line = bytearray()
    connection.take(end, line)
    return bytes(line)


async def _any_room(_: int) -> None:
    """As much as is wanted."""


async def read_body(
    connection: Connection, head: Head, cap: int, into: bytearray, room: Room = _any_room
) -> str | None:
    """Why the body is not whole (length | disconnect), or null. What there is of it, without chunks, goes to `into`.

    A server that lies about the length in a way nobody can read is believed until it closes the connection.
    `room`: asked once where a body is over LARGE_BYTES, for all that it may take. Source: RFC 9112, section 6.3.
    """
    try:
        if head.status in _BODILESS:
            return None
        if (http.header(head.headers, "transfer-encoding") or "").lower().endswith("chunked"):
            return await _chunked(connection, cap, into, room)
        length = _length(head)
        if length is not None and min(length, cap) > LARGE_BYTES:
            await room(min(length, cap))
            room = _any_room
        return await _plain(connection, length, cap, into, room)
    except (NoAnswer, OSError):
        return "disconnect"


def _length(head: Head) -> int | None:
    """The declared length; null where there is none, or none that can be meant."""
    declared = {part.strip() for part in (http.header(head.headers, "content-length") or "").split(",")}
    value = declared.pop() if len(declared) == 1 else ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


async def _plain(connection: Connection, length: int | None, cap: int, into: bytearray, room: Room) -> str | None:
    """Take `length` bytes, or all up to the end of the connection."""
    while length is None or length > 0:
        if not connection.held and not await connection.more():
            return None if length is None else "disconnect"
        before = len(into)
        taken = connection.take(len(connection.held) if length is None else length, into)
        if len(into) > cap:
            del into[cap:]
            return "length"
        if before <= LARGE_BYTES < len(into):
            await room(cap)
        length = None if length is None else length - taken
    return None


async def _chunked(connection: Connection, cap: int, into: bytearray, room: Room) -> str | None:
    """Take chunks up to the last one; trailers are no part of the body. Source: RFC 9112, section 7.1."""
    while True:
        line = await _line(connection)
        size = _CHUNK.fullmatch(line)
        if size is None:
            return "disconnect"
        connection.is_doubtful |= _PLAIN_CHUNK.fullmatch(line) is None
        length = int(size[1], 16)
        if not length:
            return None
        cut = await _plain(connection, length, cap, into, room)
        if cut:
            return cut
        end = await _line(connection)
        if end not in (b"\r\n", b"\n"):
            return "disconnect"
        connection.is_doubtful |= end == b"\n"


async def is_reusable(connection: Connection, head: Head) -> bool:
    """Whether the connection may carry another request, after an answer that was read whole.

    Only after one that is HTTP/1.1 to the letter, has its length said once and in one way, and nothing behind it; not where the
    server means to close. What a trailer says is not kept.
    """
    if connection.is_doubtful or not _STRICT.fullmatch(head.block):
        return False
    said: dict[str, list[str]] = {}
    for name, value in head.headers:
        said.setdefault(name.lower(), []).append(value)
    if any(
        word.strip().lower() in ("close", "upgrade")
        for value in said.get("connection", ())
        for word in value.split(",")
    ):
        return False
    lengths, codings = said.get("content-length", []), said.get("transfer-encoding", [])
    if head.status in _BODILESS:
        is_certain = not codings and lengths in ([], ["0"])
    elif codings:
        is_certain = [coding.lower() for coding in codings] == ["chunked"] and not lengths and await _ends(connection)
    else:
        is_certain = len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdigit() and len(lengths[0]) < 16
    return is_certain and not connection.held and connection.is_open


async def _ends(connection: Connection) -> bool:
    """Whether the trailer section of a chunked body ends soon, and by the letter."""
    left = HEAD_BYTES
    try:
        async with asyncio.timeout(_TRAILER_S):
            while (line := await _line(connection)) != b"\r\n":
                left -= len(line)
                if left < 0 or not _TRAILER.fullmatch(line):
                    return False
    except (TimeoutError, NoAnswer, OSError):
        return False
    return True


def true_block(head: Head, body_bytes: int) -> bytes:
    """The head, with those lines renamed that are not true of the stored body, so that it can be replayed.

    Source: Common Crawl's archives, which keep `X-Crawl-Transfer-Encoding` and state the length of what they store.
    """
    true_length = b"%d" % body_bytes

    def renamed(match: re.Match[bytes]) -> bytes:
        is_true = match[1].lower() == b"content-length" and match[2] == true_length
        return match[0] if is_true else b"X-Crawl-" + match[0]

    block = _UNTRUE.sub(renamed, head.block)
    if block == head.block:
        return block
    end = b"\r\n" if block.endswith(b"\r\n") else b"\n"
    return block.removesuffix(end) + b"Content-Length: " + true_length + b"\r\n" + end
