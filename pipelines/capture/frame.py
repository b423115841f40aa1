"""Where records begin and end in plain bytes: their own headers (WARC and ARC), block, separator and block digest.

Bytes come with or without a voucher. A gzip member whose checksum holds vouches for all bytes in it, so a sloppy writer is
forgiven. Nothing vouches for uncompressed archives: there the separator must be exact, or the block digest must hold.
No checksum covers a WARC header: in an uncompressed archive a flipped bit in a URI or date cannot be seen by anybody.
"""

import base64
import hashlib
import mmap
import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from schemas.reasons import Reason

Buffer: TypeAlias = bytes | bytearray | mmap.mmap

# Chosen: bytes within which a record's own header must end. Heads of real archives are under 5 kB.
HEAD_BYTES = 256 << 10
# Source: WARC/1.1 (ISO 28500:2017), sections 4 and 6; older archives say 0.17 and 0.18.
_VERSION = re.compile(rb"WARC/(?:1\.\d|0\.\d\d?)\r?\n")
_TYPES = frozenset(("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"))
_ABOUT_URI = frozenset(("response", "resource", "revisit", "conversion"))  # WARC-Target-URI is mandatory for these
_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # RFC 9110, section 5.6.2
# Source: the ARC file format (Internet Archive, 1996): `URL IP date type length`, with more fields in version 2.
_ARC_LINE = re.compile(rb"(?<=\n)[A-Za-z][A-Za-z0-9+.\-]*:[^\n]*\d\r?\n")  # where to try; _arc_head decides
_ARC_START = re.compile(rb"\Z|[A-Za-z][A-Za-z0-9+.\-]*(?::|\Z)")  # of a header, cut anywhere
_ARC_SIGNS = (re.compile(rb"^[A-Za-z][A-Za-z0-9+.\-]*:"), re.compile(rb" \d{12,17} "), re.compile(rb" \d+\r?$"))
_ENDS = re.compile(rb"[\r\n]*")
_WARC_SEPARATOR, _ARC_SEPARATOR = b"\r\n\r\n", b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A record's own header. `fields`: lower-case names; `size`: its bytes; `length`: declared bytes of the block."""

    fields: dict[str, str]
    size: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A record in a buffer: header at `at`, block from `start` to `stop`, the next record (or damage) at `end`.

    `block`: null where it is over the cap. `problem`: set where the block is all there is, but not known to be unaltered.
    """

    head: Head
    at: int
    start: int
    stop: int
    end: int
    block: bytes | None
    problem: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unframed:
    """No record can be cut at this place. `missing`: bytes that must follow before one could be; 0: none would help."""

    reason: Reason
    detail: str
    missing: int = 0


def is_arc(data: Buffer) -> bool:
    """Whether the first bytes of an archive are those of an ARC."""
    return data[:5] != b"WARC/" and isinstance(_arc_head(data, 0), Head)


def starts_record(data: bytes) -> bool:
    """Whether the bytes begin like a record of either format."""
    return _VERSION.match(data) is not None or is_arc(data)


def next_record(data: Buffer, at: int, *, arc: bool) -> int | None:
    """The place of the next readable record header from `at` on, or null."""
    pattern = _ARC_LINE if arc else _VERSION
    for match in pattern.finditer(data, at):
        if _begins(data, match.start(), arc):
            return match.start()
    return None


def frame(data: Buffer, at: int, *, arc: bool, is_vouched: bool, cap: int) -> Frame | Unframed:
    """The record at `at`, or why there is none.

    `cap`: a block of more bytes is framed but not copied, and its digest is not checked.
    """
    head = read_head(data, at, arc=arc)
    if isinstance(head, Unframed):
        return head
    start = at + head.size
    stop = start + head.length
    if stop > len(data):
        detail = f"{len(data) - start} of {head.length} bytes"
        return Unframed(reason=Reason.RECORD_TRUNCATED, detail=detail, missing=stop - len(data))
    block = bytes(data[start:stop]) if head.length <= cap else None
    holds = None if block is None else digest_holds(head.fields.get("warc-block-digest"), block)
    end, is_closed = _separator(data, stop, arc)
    found = Frame(head=head, at=at, start=start, stop=stop, end=end, block=block)
    if holds is False:
        return _mismatch(data, found, arc, is_vouched)
    if is_closed or holds or (is_vouched and (end == len(data) or _begins(data, end, arc))) or stop == start:
        return found
    return _unclosed(data, found, arc)


def _separator(data: Buffer, stop: int, arc: bool) -> tuple[int, bool]:
    """Where the line ends after a block stop, and whether they are just what the format demands."""
    found = _ENDS.match(data, stop)
    end = found.end() if found else stop
    if arc:  # one line end is little proof: what follows it must look like a header, be it a damaged one
        if _begins(data, stop + 1, arc):
            return stop + 1, True
        line, closed, _ = data[end : end + HEAD_BYTES].partition(b"\n")
        looks = _resembles_arc(line) if closed else _ARC_START.match(line) is not None
        return end, data[stop : stop + 1] == _ARC_SEPARATOR and looks
    return end, data[stop : stop + 4] == _WARC_SEPARATOR


def _resembles_arc(line: bytes | bytearray) -> bool:
    """Two of the three signs of an ARC header: a scheme, a date, a length. One flipped bit spoils one of them."""
    return sum(sign.search(line) is not None for sign in _ARC_SIGNS) > 1


def _begins(data: Buffer, at: int, arc: bool) -> bool:
    return isinstance(read_head(data, at, arc=arc), Head)


def _mismatch(data: Buffer, found: Frame, arc: bool, is_vouched: bool) -> Frame | Unframed:
    """A block that has not its declared digest: a record with a problem, unless it swallowed the next one."""
    if not is_vouched:
        inner = next_record(data, found.start, arc=arc)
        if inner is not None and inner < found.stop:
            return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the declared length is wrong")
    detail = "the block does not have its declared digest"
    return replace(found, problem=Reason.DIGEST_MISMATCH, detail=detail)


def _unclosed(data: Buffer, found: Frame, arc: bool) -> Frame | Unframed:
    """A block without a separator after it: at the end of the file it was cut; elsewhere its length is in doubt."""
    following = next_record(data, found.start, arc=arc)
    if following is None and found.end == len(data):
        return replace(found, problem=Reason.RECORD_TRUNCATED, detail="the separator after the block is cut")
    if following is not None and following < found.stop:
        return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the declared length is wrong")
    end = len(data) if following is None else following
    detail = "no separator after the block: its declared length is in doubt"
    return replace(found, end=end, problem=Reason.ARCHIVE_DAMAGED, detail=detail)


def read_head(data: Buffer, at: int, *, arc: bool) -> Head | Unframed:
    """The record header at `at`, or why there is none."""
    return _arc_head(data, at) if arc else _warc_head(data, at)


def _warc_head(data: Buffer, at: int) -> Head | Unframed:
    version = _VERSION.match(data, at)
    if version is None:
        return _no_header(data, at, "no record starts here")
    line_end = b"\r\n" if version[0].endswith(b"\r\n") else b"\n"
    end = data.find(line_end * 2, version.end() - len(line_end), at + HEAD_BYTES)
    if end < 0:
        return _no_header(data, at, "the record header does not end")
    fields: dict[str, str] = {}
    name = ""
    for line in data[version.end() : end].split(line_end):
        key, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and name:
            fields[name] += " " + line.strip().decode("utf-8", "replace")
            continue
        name = key.decode("ascii", "replace").lower()
        if not colon or not key or key.translate(None, _TOKEN) or (name == "content-length" and name in fields):
            return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the record header has a broken line")
        fields[name] = value.strip().decode("utf-8", "replace")
    length, kind = fields.get("content-length", ""), fields.get("warc-type", "").lower()
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the record header has no length")
    if kind not in _TYPES or (kind in _ABOUT_URI and not fields.get("warc-target-uri")):
        return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail="the record header lacks its type or URI")
    return Head(fields=fields, size=end + 2 * len(line_end) - at, length=int(length))


def _arc_head(data: Buffer, at: int) -> Head | Unframed:
    end = data.find(b"\n", at, at + HEAD_BYTES)
    parts = data[at:end].rstrip(b"\r").split(b" ") if end >= 0 else []
    # Version 1 ends in `date type length`, version 2 in `date type status checksum location offset file length`.
    dates = [len(parts) - back for back in (3, 8) if len(parts) - back >= 2]
    date = next((i for i in dates if parts[i].isdigit() and 12 <= len(parts[i]) <= 17), None)
    if date is None or not parts[-1].isdigit() or b":" not in parts[0]:
        return _no_header(data, at, "no record starts here")
    uri = b" ".join(parts[: date - 1]).decode("utf-8", "replace")
    fields = {
        "warc-type": "warcinfo" if uri.startswith("filedesc:") else "response",
        "warc-target-uri": uri,
        "arc-date": parts[date].decode("ascii"),
        "content-type": parts[date + 1].decode("utf-8", "replace"),
    }
    return Head(fields=fields, size=end + 1 - at, length=int(parts[-1]))


def _no_header(data: Buffer, at: int, detail: str) -> Unframed:
    return Unframed(reason=Reason.ARCHIVE_DAMAGED, detail=detail, missing=int(len(data) - at < HEAD_BYTES))


def digest_holds(declared: str | None, data: bytes) -> bool | None:
    """Whether the bytes have the digest that `algorithm:value` declares; null where none (that we know) is declared.

    The value is hex, base32 or base64 (of either alphabet): archives have all. Source: WARC/1.1, section 5.8.
    """
    algorithm, _, value = (declared or "").partition(":")
    name = algorithm.strip().lower().replace("-", "")
    if name not in ("sha1", "sha256", "sha512", "md5"):
        return None
    actual = hashlib.new(name, data, usedforsecurity=False).digest()
    value = value.strip().rstrip("=")
    if value.upper() == base64.b32encode(actual).decode().rstrip("=") or value.lower() == actual.hex():
        return True
    return value.replace("-", "+").replace("_", "/") == base64.b64encode(actual).decode().rstrip("=")
