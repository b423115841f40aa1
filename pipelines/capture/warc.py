"""Records of a WARC or ARC archive, compressed or not; every byte that is no intact record is reported as a gap.

In: a file. Out: `Record | Gap`, in file order; the stored ranges of both cover the file. After damage the next intact record
is found again: in gzip archives at the next member that inflates to a record header, else at the next readable header.
A limit nobody can lift: an archive stored inside a damaged record can be taken for records of the outer one.
"""

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.capture import codings, http
from pipelines.capture.frame import (
    HEAD_BYTES, Buffer, Frame, Head, Unframed, digest_holds, frame, is_arc, next_record, read_head, starts_record,
)  # fmt: skip
from schemas.digest import sha256
from schemas.errors import SourceError
from schemas.reasons import Reason

# Chosen: 64 MiB hold every page, picture and recording a lane takes; Common Crawl cuts at 5 MiB.
PAYLOAD_CAP = 64 << 20
# Chosen: members up to this size are inflated once, in memory; larger ones twice (to check, then to read), in a window.
MEMBER_BYTES = 16 << 20
_CHUNK = 16 << 10  # bytes of the file fed at once; the rest of the last one is copied once a member
_GZIP = 31  # window bits by which zlib reads the gzip framing and compares checksum and length
_MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record. `offset`, `length`: its bytes in the file as stored.

    `headers`, `header_block`: of the HTTP message, as recorded. `payload`: after undoing transfer and content codings.
    With `problem` set the record is not good: `payload` is then what is there (empty when over the cap).
    """

    offset: int
    length: int
    record_type: str
    record_id: str | None
    uri: str | None
    fetched_at: datetime | None
    content_type: str | None
    status: int | None
    headers: list[tuple[str, str]]
    header_block: bytes
    payload: bytes
    truncated: str | None
    problem: Reason | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Stored bytes that are no record. `sha256`: of these bytes as stored."""

    offset: int
    length: int
    reason: Reason
    detail: str
    sha256: bytes


def records(path: Path, *, cap: int = PAYLOAD_CAP) -> Iterator[Record | Gap]:
    """Every record and every damaged stretch of an archive, in file order. `cap`: largest payload, in bytes.

    Raises:
        SourceError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                return
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise SourceError(f"archive {path} cannot be read: {error.strerror}; check the path and its rights") from error
    with data:
        head = data[:HEAD_BYTES]
        is_gzip = head.startswith(_MAGIC) or (path.name.lower().endswith(".gz") and not starts_record(head))
        if is_gzip:
            yield from _compressed(data, cap)
        else:
            yield from _plain(data, cap, arc=path.suffix.lower() == ".arc" or is_arc(head))


def read_payload(stored: bytes, *, payload_sha256: bytes | None = None, cap: int = PAYLOAD_CAP) -> Record:
    """The record in the bytes that a capture's `payload` names: `uri[offset : offset + length]`.

    `payload_sha256`: the digest the capture declares. It is checked, and it picks the record where an archive was
    compressed as one gzip stream, so that one stored range holds many.

    Raises:
        SourceError: the bytes hold no such record, or several and no digest to tell them apart.
    """
    scan = _compressed(stored, cap) if stored.startswith(_MAGIC) else _plain(stored, cap, arc=is_arc(stored))
    found = [one for one in scan if isinstance(one, Record)]
    if payload_sha256 is not None:
        found = [one for one in found if sha256(one.payload) == payload_sha256][:1]
    if len(found) != 1:
        wanted = f" with payload {payload_sha256.hex()}" if payload_sha256 else ""
        raise SourceError(
            f"{len(found)} records{wanted} in the {len(stored)} stored bytes of a capture, not one: "
            "the archive changed since it was captured, or is one gzip stream; capture it again"
        )
    return found[0]


def _plain(data: Buffer, cap: int, *, arc: bool) -> Iterator[Record | Gap]:
    """Records of an uncompressed archive."""
    at = 0
    while at < len(data):
        found = frame(data, at, arc=arc, is_vouched=False, cap=cap)
        if isinstance(found, Frame):
            yield _record(found, at, found.end - at, cap)
            at = found.end
            continue
        following = next_record(data, at + 1, arc=arc)
        stop = len(data) if following is None else following
        reason = found.reason
        if reason is Reason.RECORD_TRUNCATED and following is not None:
            reason = Reason.ARCHIVE_DAMAGED  # the length is wrong, not the file short
        elif following is None and found.missing and b"WARC/".startswith(data[at : at + 5]):
            reason = Reason.RECORD_TRUNCATED  # cut inside the header
        yield _gap(data, at, stop, reason, found.detail)
        at = stop


def _gap(data: Buffer, at: int, stop: int, reason: Reason, detail: str) -> Gap:
    return Gap(offset=at, length=stop - at, reason=reason, detail=detail, sha256=sha256(data[at:stop]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A gzip member whose checksum holds. `stop`: where it ends in the file; `inflated`: null over MEMBER_BYTES."""

    stop: int
    inflated: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Damage:
    """Why there is no whole member. `is_cut`: nothing is wrong but the end of the file."""

    detail: str
    is_cut: bool


def _compressed(data: Buffer, cap: int) -> Iterator[Record | Gap]:
    """Records of an archive of gzip members: one a record, as the standard wants it, or one for all."""
    at = 0
    while at < len(data):
        member = _member(data, at)
        if isinstance(member, _Member):
            for found in _frames(_inflated(data, at) if member.inflated is None else iter((member.inflated,)), cap):
                if isinstance(found, Frame):
                    yield _record(found, at, member.stop - at, cap)
                else:
                    yield _gap(data, at, member.stop, found.reason, found.detail)
            at = member.stop
            continue
        following = _next_member(data, at + 1)
        stop = len(data) if following is None else following
        yield from _salvaged(data, at, stop, cap)
        is_cut = member.is_cut and following is None
        yield _gap(data, at, stop, Reason.RECORD_TRUNCATED if is_cut else Reason.ARCHIVE_DAMAGED, member.detail)
        at = stop


def _member(data: Buffer, at: int) -> _Member | _Damage:
    """The member at `at`, inflated, its checksum and length compared by zlib."""
    engine = zlib.decompressobj(_GZIP)
    kept: list[bytes] = []
    size = 0
    while not engine.eof and at < len(data):
        try:
            piece = engine.decompress(data[at : at + _CHUNK])
        except zlib.error as error:
            return _Damage(detail=str(error), is_cut=False)
        at = min(at + _CHUNK, len(data))
        size += len(piece)
        if size <= MEMBER_BYTES:
            kept.append(piece)
        else:
            kept.clear()
    if not engine.eof:
        return _Damage(detail="the gzip member does not end", is_cut=True)
    return _Member(stop=at - len(engine.unused_data), inflated=b"".join(kept) if size <= MEMBER_BYTES else None)


def _inflated(data: Buffer, at: int, step: int = _CHUNK) -> Iterator[bytes]:
    """The bytes of the member at `at`, piece by piece, up to its end or within `step` stored bytes of its damage."""
    engine = zlib.decompressobj(_GZIP)
    try:
        while not engine.eof and at < len(data):
            yield engine.decompress(data[at : at + step])
            at += step
    except zlib.error:
        return


def _next_member(data: Buffer, at: int) -> int | None:
    """The place of the next gzip member, from `at` on, that inflates to a record header; or null."""
    while (at := data.find(_MAGIC, at)) >= 0:
        try:
            if starts_record(zlib.decompressobj(_GZIP).decompress(data[at : at + _CHUNK], HEAD_BYTES)):
                return at
        except zlib.error:
            pass  # three bytes that only look like the start of a member
        at += 1
    return None


def _salvaged(data: Buffer, at: int, stop: int, cap: int) -> Iterator[Record]:
    """The records before the damage in a member of many: whole by their look, but no checksum vouches for them.

    The last one is where the damage is, as far as anybody can tell: it stays in the gap.
    """
    held: Frame | None = None
    for found in _frames(_inflated(data, at, step=256), cap):
        if not isinstance(found, Frame):
            return
        if held is not None:
            record = _record(held, at, stop - at, cap)
            yield replace(record, problem=Reason.ARCHIVE_DAMAGED, detail="the gzip stream that holds it is damaged")
        held = found


def _frames(pieces: Iterator[bytes], cap: int) -> Iterator[Frame | Unframed]:
    """The records in the inflated bytes of a member, and what is none; holds about twice the cap at most."""
    window, is_done, arc = bytearray(), False, None
    while not is_done:
        is_done = _fill(window, pieces, max(MEMBER_BYTES, 2 * len(window)))
        arc = is_arc(window) if arc is None else arc
        at = len(window) - len(window.lstrip(b"\r\n"))
        while at < len(window):
            found = frame(window, at, arc=arc, is_vouched=True, cap=cap)
            if not is_done and _is_open(found, window):
                break
            yield found
            if isinstance(found, Frame):
                at = found.end
            else:
                following = next_record(window, at + 1, arc=arc)
                at = len(window) if following is None else following
        del window[:at]
        head = read_head(window, 0, arc=arc)
        if not is_done and isinstance(head, Head) and head.length > cap:
            stop = head.size + head.length
            yield Frame(head=head, at=0, start=head.size, stop=stop, end=stop, block=None)
            _skip(window, pieces, stop)


def _is_open(found: Frame | Unframed, window: bytearray) -> bool:
    """Whether bytes that follow the window could change what was found."""
    if isinstance(found, Unframed):
        return found.missing > 0
    return found.end + HEAD_BYTES > len(window)


def _fill(window: bytearray, pieces: Iterator[bytes], wanted: int) -> bool:
    """Grow the window to `wanted` bytes; whether the pieces came to their end."""
    while len(window) < wanted:
        piece = next(pieces, None)
        if piece is None:
            return True
        window += piece
    return False


def _skip(window: bytearray, pieces: Iterator[bytes], size: int) -> None:
    """Drop the next `size` bytes without holding them."""
    while size > len(window):
        size -= len(window)
        window[:] = next(pieces, b"")
        if not window:
            return
    del window[:size]


def _record(found: Frame, offset: int, length: int, cap: int) -> Record:
    """The record of a frame: HTTP message read, digests compared, codings undone."""
    fields = found.head.fields
    kind = fields["warc-type"].lower()
    block = found.block if found.block is not None else b""
    message = http.parse(block) if _is_http(fields, block) else http.Message(None, [], b"", block)
    truncated = fields.get("warc-truncated") or ("segmented" if "warc-segment-number" in fields else None)
    body = codings.Decoded(payload=message.body)
    if message.header_block and kind in ("response", "revisit"):
        body = codings.decoded(message.body, message.headers, cap=cap, is_truncated=truncated is not None)
    problem, detail = found.problem, found.detail
    if problem is None and found.block is None:
        problem, detail = Reason.TOO_LARGE, f"a block of {found.head.length} bytes, over the cap of {cap}"
    elif problem is None and kind != "revisit" and _payload_holds(fields, message.body, body.payload) is False:
        problem, detail = Reason.DIGEST_MISMATCH, "the payload does not have its declared digest"
    elif problem is None:
        problem, detail = body.problem, body.detail
    return Record(
        offset=offset,
        length=length,
        record_type=kind,
        record_id=_bare(fields.get("warc-record-id")),
        uri=_bare(fields.get("warc-target-uri")),
        fetched_at=_time(fields),
        content_type=fields.get("content-type"),
        status=message.status,
        headers=message.headers,
        header_block=message.header_block,
        payload=body.payload,
        truncated=truncated,
        problem=problem,
        detail=detail,
    )


def _is_http(fields: dict[str, str], block: bytes) -> bool:
    """Whether the block is an HTTP message. An ARC does not say: its content type is that of the body."""
    if "arc-date" in fields:
        return block.startswith(b"HTTP/")
    return fields.get("content-type", "").lower().startswith("application/http")


def _payload_holds(fields: dict[str, str], stored: bytes, decoded: bytes) -> bool | None:
    """Whether the payload has its declared digest; null where none is declared or it is about several records.

    Writers differ in what they digest: the body as stored, without chunks, or decoded (seen in Common Crawl). Any will do.
    """
    declared = fields.get("warc-payload-digest")
    if declared is None or "warc-segment-number" in fields:
        return None
    holds = digest_holds(declared, stored)
    if holds is False and stored is not decoded:
        return digest_holds(declared, decoded) or digest_holds(declared, codings.dechunked(stored) or b"")
    return holds


def _bare(value: str | None) -> str | None:
    """Without the angle brackets that WARC/1.0 writes around URIs; null for nothing."""
    return value.removeprefix("<").removesuffix(">") or None if value else None


def _time(fields: dict[str, str]) -> datetime | None:
    """WARC-Date (RFC 3339) or an ARC's 14 digits, in UTC; null where neither can be read."""
    digits = fields.get("arc-date")
    try:
        if digits is not None:
            return datetime.strptime(digits[:14].ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        found = datetime.fromisoformat(fields.get("warc-date", ""))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
