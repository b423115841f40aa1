"""Records of a WARC or ARC archive, compressed or not; every byte that is no intact record is reported as a gap.

In: a file. Out: `Record | Gap`, in file order; the stored ranges of both cover the file. After damage the next intact record
is found again: in gzip archives at the next member that inflates to a record header, else at the next readable header.
A limit nobody can lift: an archive stored inside a damaged record can be taken for records of the outer one.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.capture import codings, http
from pipelines.capture.frame import HEAD_BYTES, Buffer, Frame, digest_holds, frame, is_arc, next_record, starts_record
from pipelines.capture.members import MAGIC, Member, frames_of, inflated_from, member_at, next_member, streamed
from schemas.digest import sha256
from schemas.errors import SourceError
from schemas.reasons import Reason

# Chosen: 64 MiB hold every page, picture and recording a lane takes; Common Crawl cuts at 5 MiB.
PAYLOAD_CAP = 64 << 20


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
        is_gzip = head.startswith(MAGIC) or (path.name.lower().endswith(".gz") and not starts_record(head))
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
    scan = _compressed(stored, cap) if stored.startswith(MAGIC) else _plain(stored, cap, arc=is_arc(stored))
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
    with memoryview(data) as everything, everything[at:stop] as damaged:  # a gap may be most of a large file: no copy
        return Gap(offset=at, length=stop - at, reason=reason, detail=detail, sha256=sha256(damaged))


def _compressed(data: Buffer, cap: int) -> Iterator[Record | Gap]:
    """Records of an archive of gzip members: one a record, as the standard wants it, or one for all."""
    at = 0
    while at < len(data):
        member = member_at(data, at)
        if isinstance(member, Member):
            for found in frames_of(data, at, member, cap):
                if isinstance(found, Frame):
                    yield _record(found, at, member.stop - at, cap)
                else:
                    yield _gap(data, at, member.stop, found.reason, found.detail)
            at = member.stop
            continue
        following = next_member(data, at + 1)
        stop = len(data) if following is None else following
        yield from _salvaged(data, at, stop, cap)
        is_cut = member.is_cut and following is None
        yield _gap(data, at, stop, Reason.RECORD_TRUNCATED if is_cut else Reason.ARCHIVE_DAMAGED, member.detail)
        at = stop


def _salvaged(data: Buffer, at: int, stop: int, cap: int) -> Iterator[Record]:
    """The records before the damage in a member of many: whole by their look, but no checksum vouches for them.

    The last one is where the damage is, as far as anybody can tell: it stays in the gap.
    """
    held: Frame | None = None
    for found in streamed(inflated_from(data, at, step=256), cap):
        if not isinstance(found, Frame):
            return
        if held is not None:
            record = _record(held, at, stop - at, cap)
            yield replace(record, problem=Reason.ARCHIVE_DAMAGED, detail="the gzip stream that holds it is damaged")
        held = found


def _record(found: Frame, offset: int, length: int, cap: int) -> Record:
    """The record of a frame: HTTP message read, digests compared, codings undone."""
    fields = found.head.fields
    kind = fields["warc-type"].lower()
    block = found.block if found.block is not None else b""
    message = http.parse(block) if _is_http(fields, kind, block) else http.Message(None, [], b"", block)
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


def _is_http(fields: dict[str, str], kind: str, block: bytes) -> bool:
    """Whether the block is an HTTP message. The block of an answer says so itself, and an ARC has no other sign."""
    if kind in ("response", "revisit"):
        return block.startswith((b"HTTP/", b"ICY "))
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
