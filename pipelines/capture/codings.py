"""Transfer and content codings undone under a byte cap: what the server sent becomes what it meant.

Crawlers disagree on what they store. Some keep the coding in place, some undo it and leave the header behind. So a body
that plainly is not in the coding its header declares is taken as it is; one that looks coded and breaks is broken.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import brotli
import zstandard

from pipelines.capture.sniff import sniff, text_type
from schemas.reasons import Reason

# Source: RFC 9112, section 7.1 (chunked). Lenient on the line end; sizes over 2^32 are no chunks anybody sends.
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_GZIP, _ZLIB, _RAW = 31, 15, -15  # window bits by which zlib tells the three framings apart
_UNMARKED = ("br", "deflate")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW = 8 << 20  # Source: RFC 9659, section 3: at most 8 MiB for the content coding
_FED = 8 << 10  # Chosen: deflate grows at most 1032-fold, so 8 KiB fed overshoot the cap by at most 8.3 MiB
_ZSTD_FED = 512  # Chosen: a 4-byte RLE block grows to 128 KiB, so 512 bytes overshoot it by at most 16 MiB
_BROTLI_PIECE = 1 << 20


class _BrokenError(Exception):
    """A coding that cannot be undone. `args[0]` says why."""


class _OverCapError(Exception):
    """The decoded body is over the cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body after undoing its codings. `payload` is the body as stored where `problem` is set."""

    payload: bytes
    problem: Reason | None = None
    detail: str | None = None


def decoded(body: bytes, headers: Sequence[tuple[str, str]], *, cap: int, is_truncated: bool) -> Decoded:
    """The body behind its Transfer-Encoding and Content-Encoding headers, at most `cap` bytes.

    `is_truncated`: the record itself says that it was cut, so what can be decoded is the payload and no damage.
    An unknown coding (`utf-8`, `none`: seen in the wild) changes nothing.
    """
    names = _names(headers, "content-encoding") + _names(headers, "transfer-encoding")
    payload = body
    for name in reversed(names):  # the last one applied is the first to undo
        undo = _CODINGS.get(name)
        if undo is None or not payload or not _looks(name, payload):
            continue
        try:
            payload = _joined(undo(payload), cap, is_truncated)
        except _BrokenError as error:
            if name in _UNMARKED and sniff(payload):
                continue
            return Decoded(payload=body, problem=Reason.CONTENT_CODING_BROKEN, detail=f"{name} coding: {error}")
        except _OverCapError:
            detail = f"{len(body)} bytes of {name} inflate to more than {cap}"
            return Decoded(payload=body, problem=Reason.TOO_LARGE, detail=detail)
    if len(payload) > cap:
        return Decoded(payload=b"", problem=Reason.TOO_LARGE, detail=f"{len(payload)} bytes, over the cap of {cap}")
    return Decoded(payload=payload)


def pieces(body: bytes, headers: Sequence[tuple[str, str]], *, cap: int) -> Iterator[bytes]:
    """The same piece by piece, so that a large body is never held at once; it ends where a coding breaks.

    `cap`: of what is between two codings. A gzip file that no header announces (`sitemap.xml.gz`) is undone too.
    """
    names = _names(headers, "content-encoding") + _names(headers, "transfer-encoding")
    known = [name for name in reversed(names) if name in _CODINGS]
    for name in known[:-1]:
        found = decoded(body, [("content-encoding", name)], cap=cap, is_truncated=False)
        if found.problem:
            return
        body = found.payload
    last = known[-1] if known and _looks(known[-1], body) else None
    found_pieces = _CODINGS[last](body) if last else iter([body])
    try:
        first = next(found_pieces, b"")
        rest = itertools.chain([first], found_pieces)
        yield from _gunzipped(rest) if first.startswith(b"\x1f\x8b") else rest
    except (_BrokenError, zlib.error):
        return


def _gunzipped(packed: Iterator[bytes]) -> Iterator[bytes]:
    engine = zlib.decompressobj(_GZIP)
    for piece in packed:
        for at in range(0, len(piece), _FED):
            yield engine.decompress(piece[at : at + _FED])


def dechunked(body: bytes) -> bytes | None:
    """The body without its chunked framing, or null where it is not (or not wholly) chunked."""
    try:
        return b"".join(_chunks(body))
    except _BrokenError:
        return None


def _names(headers: Sequence[tuple[str, str]], header: str) -> list[str]:
    values = (value for name, value in headers if name.lower() == header)
    return [coding.strip().lower() for value in values for coding in value.split(",") if coding.strip()]


def _joined(pieces: Iterator[bytes], cap: int, is_truncated: bool) -> bytes:
    kept: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > cap:
                raise _OverCapError
            kept.append(piece)
    except _BrokenError:
        if not is_truncated:
            raise
    return b"".join(kept)


def _looks(coding: str, body: bytes) -> bool:
    """Whether the body may be in the coding. Brotli and bare deflate have no mark: there, what reads as text is not."""
    match coding:
        case "gzip" | "x-gzip":
            return body.startswith(b"\x1f\x8b")
        case "zstd":
            return body.startswith(_ZSTD_MAGIC)
        case "chunked":
            return _first_chunk_holds(body)
    return (coding == "deflate" and _is_zlib(body)) or text_type(body) is None


def _is_zlib(body: bytes) -> bool:
    """Source: RFC 1950, section 2.2: method 8, and the first two bytes are a multiple of 31."""
    return len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _first_chunk_holds(body: bytes) -> bool:
    """A subtitle file that starts with the line `1` is not chunked: its first "chunk" is not closed by a line end."""
    match = _CHUNK.match(body)
    if match is None:
        return False
    stop = match.end() + int(match[1], 16)
    return stop >= len(body) or body.startswith((b"\r\n", b"\n"), stop) or int(match[1], 16) == 0


def _chunks(body: bytes) -> Iterator[bytes]:
    at = 0
    while match := _CHUNK.match(body, at):
        size, start = int(match[1], 16), match.end()
        if size == 0:
            return  # trailers are no part of the body
        yield body[start : start + size]
        at = start + size
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    raise _BrokenError("ends before the last chunk" if at >= len(body) else f"no chunk size at byte {at}")


def _zlib_pieces(body: bytes, window: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(window)
    try:
        for at in range(0, len(body), _FED):
            rest = body[at : at + _FED]
            while rest:
                yield engine.decompress(rest)
                rest = engine.unused_data
                if rest:
                    if window != _GZIP or not rest.startswith(b"\x1f"):
                        return  # bytes after the end: browsers leave them out
                    engine = zlib.decompressobj(window)
    except zlib.error as error:
        raise _BrokenError(str(error)) from error
    if not engine.eof:
        raise _BrokenError("ends early")


def _gzip(body: bytes) -> Iterator[bytes]:
    return _zlib_pieces(body, _GZIP)


def _deflate(body: bytes) -> Iterator[bytes]:
    """Source: RFC 9110, section 8.4.1.2: zlib framing is right, and some send bare deflate all the same."""
    return _zlib_pieces(body, _ZLIB if _is_zlib(body) else _RAW)


def _brotli(body: bytes) -> Iterator[bytes]:
    engine = brotli.Decompressor()
    try:
        piece = engine.process(body, output_buffer_limit=_BROTLI_PIECE)
        while piece or not engine.is_finished():
            yield piece
            if not piece:
                raise _BrokenError("ends early")
            piece = b"" if engine.is_finished() else engine.process(b"", output_buffer_limit=_BROTLI_PIECE)
    except brotli.error as error:
        raise _BrokenError(str(error)) from error


def _zstd(body: bytes) -> Iterator[bytes]:
    engine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(read_across_frames=False)
    try:
        for at in range(0, len(body), _ZSTD_FED):
            yield engine.decompress(body[at : at + _ZSTD_FED])
            if engine.eof:
                return
    except zstandard.ZstdError as error:
        raise _BrokenError(str(error)) from error
    raise _BrokenError("ends early")


_CODINGS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {
    "chunked": _chunks,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
