"""One HTTP/1.1 answer read from a stream, kept byte by byte as it came: head, then body, under caps.

Our own reader, because an archive wants what clients throw away. Tried with aiohttp 3.14: no header bytes; a body longer than its
Content-Length in the packet of its headers lost the page (servers that count characters do that); a bad chunk was waited on
until the deadline. One connection carries one request, so that a lie about a length can never run into another answer.
"""

import asyncio
import re
from dataclasses import dataclass

from pipelines.capture import http

HEAD_BYTES = 64 << 10  # Chosen: of all header lines; browsers and servers stop at 8 to 256 KiB
_READ = 64 << 10
_BODILESS = (204, 304)  # Source: RFC 9112, section 6.3
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\r?\n", re.DOTALL)
_UNTRUE = re.compile(rb"^(transfer-encoding|content-length)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r?$)", re.I | re.M)


class NoAnswer(Exception):
    """What came is no HTTP answer. The text says why, without any of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status line and headers. `block`: as received, with the empty line."""

    status: int
    headers: list[tuple[str, str]]
    block: bytes


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The head of the answer; interim answers (1xx) before it are passed over.

    Raises:
        NoAnswer: the stream ends, is no HTTP, or has more than HEAD_BYTES of headers.
    """
    left = HEAD_BYTES
    while True:
        block = await _block(reader, left)
        left -= len(block)
        message = http.parse(block)
        if message.status is None:
            raise NoAnswer("it does not start with a status line")
        if message.status >= 200:
            return Head(status=message.status, headers=message.headers, block=block)


async def _block(reader: asyncio.StreamReader, cap: int) -> bytes:
    """Lines up to the first empty one."""
    lines: list[bytes] = []
    while not lines or lines[-1] not in (b"\r\n", b"\n"):
        line = await _line(reader)
        cap -= len(line)
        if cap < 0:
            raise NoAnswer(f"it has more than {HEAD_BYTES} bytes of headers")
        lines.append(line)
    return b"".join(lines)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise NoAnswer(f"it has more than {HEAD_BYTES} bytes in a line") from None
    except asyncio.IncompleteReadError:
        raise NoAnswer("the connection closed before the end of a line") from None


async def read_body(reader: asyncio.StreamReader, head: Head, cap: int, into: bytearray) -> str | None:
    """Why the body is not whole (length | disconnect), or null. What there is of it, without chunks, goes to `into`.

    A server that lies about the length in a way nobody can read is believed until it closes the connection.
    Source: RFC 9112, section 6.3.
    """
    try:
        if head.status in _BODILESS:
            return None
        if (http.header(head.headers, "transfer-encoding") or "").lower().endswith("chunked"):
            return await _chunked(reader, cap, into)
        return await _plain(reader, _length(head), cap, into)
    except (NoAnswer, OSError):
        return "disconnect"


def _length(head: Head) -> int | None:
    """The declared length; null where there is none, or none that can be meant."""
    declared = {part.strip() for part in (http.header(head.headers, "content-length") or "").split(",")}
    value = declared.pop() if len(declared) == 1 else ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


async def _plain(reader: asyncio.StreamReader, length: int | None, cap: int, into: bytearray) -> str | None:
    """Take `length` bytes, or all up to the end of the stream."""
    while length is None or length > 0:
        piece = await reader.read(_READ if length is None else min(_READ, length))
        if not piece:
            return None if length is None else "disconnect"
        into += piece
        if len(into) > cap:
            del into[cap:]
            return "length"
        length = None if length is None else length - len(piece)
    return None


async def _chunked(reader: asyncio.StreamReader, cap: int, into: bytearray) -> str | None:
    """Take chunks up to the last one; trailers are no part of the body. Source: RFC 9112, section 7.1."""
    while True:
        size = _CHUNK.fullmatch(await _line(reader))
        if size is None:
            return "disconnect"
        length = int(size[1], 16)
        if not length:
            return None
        cut = await _plain(reader, length, cap, into)
        if cut:
            return cut
        if await _line(reader) not in (b"\r\n", b"\n"):
            return "disconnect"


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
