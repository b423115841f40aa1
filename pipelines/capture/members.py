"""Gzip members of an archive: where one is, whether its checksum holds, and the records in its inflated bytes.

Members up to MEMBER_BYTES are inflated once, in memory. Larger ones (one long record, or a whole archive in one stream) are
inflated twice: to see whether the checksum at the end holds, then to read the records in a window.
"""

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from pipelines.capture.frame import (
    HEAD_BYTES,
    Buffer,
    Frame,
    Head,
    Unframed,
    frame,
    is_arc,
    next_record,
    read_head,
    starts_record,
)
from schemas.reasons import Reason

MAGIC = b"\x1f\x8b\x08"
# Chosen: holds all but a few records of a crawl, and is small beside a worker's memory.
MEMBER_BYTES = 16 << 20
_WINDOW = 4 << 20  # Chosen: a header of HEAD_BYTES is a small part of it
_CHUNK = 64 << 10  # bytes of the file fed at once; Chosen: 64 KiB 0.107 s, 16 KiB 0.120 s, 4 KiB 0.138 s for 42 MB
_GZIP = 31  # window bits by which zlib reads the gzip framing and compares checksum and length


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A gzip member whose checksum holds. `stop`: where it ends in the file; `inflated`: null over MEMBER_BYTES."""

    stop: int
    inflated: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why there is no whole member. `is_cut`: nothing is wrong but the end of the file."""

    detail: str
    is_cut: bool


def member_at(data: Buffer, at: int) -> Member | Damage:
    """The member at `at`, inflated, its checksum and length compared by zlib."""
    engine = zlib.decompressobj(_GZIP)
    kept: list[bytes] = []
    size = 0
    while not engine.eof and at < len(data):
        try:
            piece = engine.decompress(data[at : at + _CHUNK])
        except zlib.error as error:
            return Damage(detail=str(error), is_cut=False)
        at = min(at + _CHUNK, len(data))
        size += len(piece)
        if size <= MEMBER_BYTES:
            kept.append(piece)
        else:
            kept.clear()
    if not engine.eof:
        return Damage(detail="the gzip member does not end", is_cut=True)
    return Member(stop=at - len(engine.unused_data), inflated=b"".join(kept) if size <= MEMBER_BYTES else None)


def inflated_from(data: Buffer, at: int, step: int = _CHUNK) -> Iterator[bytes]:
    """The bytes of the member at `at`, piece by piece, up to its end or within `step` stored bytes of its damage."""
    engine = zlib.decompressobj(_GZIP)
    try:
        while not engine.eof and at < len(data):
            yield engine.decompress(data[at : at + step])
            at += step
    except zlib.error:
        return


def next_member(data: Buffer, at: int) -> int | None:
    """The place of the next gzip member, from `at` on, that inflates to a record header; or null."""
    while (at := data.find(MAGIC, at)) >= 0:
        if _starts_record(data[at : at + _CHUNK]):
            return at
        at += 1
    return None


def _starts_record(compressed: bytes | bytearray) -> bool:
    """Whether it inflates to the start of a record. Damage behind that start is for the member's reader to report."""
    engine = zlib.decompressobj(_GZIP)
    try:
        start = engine.decompress(compressed, 16)  # as much as shows a WARC; an ARC shows by its whole first line
        return starts_record(start) or starts_record(start + engine.decompress(engine.unconsumed_tail, HEAD_BYTES))
    except zlib.error:
        return False  # three bytes that only look like the start of a member


def _frames(data: Buffer, *, arc: bool, is_done: bool, cap: int) -> Generator[Frame | Unframed, None, int]:
    """The records in inflated bytes, and what is none; returns where it stopped.

    `is_done`: nothing follows; else it stops before what the bytes that follow could change.
    """
    at = 0
    while at < len(data):
        found = frame(data, at, arc=arc, is_vouched=True, cap=cap)
        if not is_done and _is_open(found, len(data)):
            break
        yield found
        if isinstance(found, Frame):
            at = found.end
        else:
            following = next_record(data, at + 1, arc=arc)
            at = len(data) if following is None else following
    return at


def frames_of(data: Buffer, at: int, member: Member, cap: int) -> Iterator[Frame | Unframed]:
    """The records in the whole member at `at`, and what is none."""
    if member.inflated is None:
        yield from streamed(inflated_from(data, at), cap)
    elif member.inflated:
        yield from _frames(member.inflated, arc=is_arc(member.inflated), is_done=True, cap=cap)
    else:
        yield Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the gzip member is empty")


def streamed(pieces: Iterator[bytes], cap: int) -> Iterator[Frame | Unframed]:
    """The records in inflated bytes that come in pieces, and what is none; holds about twice the cap at most."""
    window, is_done, arc = bytearray(), False, None
    while not is_done:
        is_done = _fill(window, pieces, max(_WINDOW, 2 * len(window)))
        arc = is_arc(window) if arc is None else arc
        at = yield from _frames(window, arc=arc, is_done=is_done, cap=cap)
        del window[:at]
        head = None if is_done else read_head(window, 0, arc=arc)
        if isinstance(head, Head) and head.length > cap:
            stop = head.size + head.length
            yield Frame(head=head, at=0, start=head.size, stop=stop, end=stop, block=None)
            _skip(window, pieces, stop)


def _is_open(found: Frame | Unframed, size: int) -> bool:
    """Whether bytes that follow the first `size` could change what was found."""
    return found.missing > 0 if isinstance(found, Unframed) else found.end + HEAD_BYTES > size


def _fill(window: bytearray, pieces: Iterator[bytes], wanted: int) -> bool:
    """Grow the window to `wanted` bytes; whether the pieces came to their end."""
    while len(window) < wanted:
        piece = next(pieces, None)
        if piece is None:
            return True
        window += piece
    return False


def _skip(window: bytearray, pieces: Iterator[bytes], size: int) -> None:
    """Drop the next `size` bytes, and the separator after them, without holding them."""
    while size > len(window):
        size -= len(window)
        window.clear()
        if _fill(window, pieces, 1):
            return
    del window[:size]
    _fill(window, pieces, _CHUNK)
    del window[: len(window) - len(window.lstrip(b"\r\n"))]
