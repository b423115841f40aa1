"""Exchanges as WARC/1.1: a `warcinfo` first, then a request and a response (or revisit) for each, one gzip member a record.

Same exchanges, same bytes: record ids come from content, and no member holds a time of its own.
"""

import hashlib
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from pipelines.capture.fetch import Fetched
from schemas.digest import digest, sha256

_GZIP = 31  # window bits that make zlib write a gzip member
_HTTP = "application/http; msgtype="
# Source: WARC/1.1 (ISO 28500:2017), section 6.7: what a revisit record stands for.
_UNMODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Refers:
    """The earlier capture that holds the body of a revisit."""

    url: str
    at: datetime
    payload_sha256: bytes


def write_warcinfo(out: IO[bytes], fields: Sequence[tuple[str, str]], at: datetime) -> str:
    """The id of the warcinfo record just written. `fields`: what it says of the crawl, one line each."""
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    name = _record_id("warcinfo", "", at, (block,))
    _write(out, "warcinfo", name, at, [("Content-Type", "application/warc-fields")], (block,))
    return name


def write_exchange(out: IO[bytes], found: Fetched, warcinfo: str, refers: Refers | None = None) -> tuple[int, int]:
    """Offset and length of the record of the answer just written, behind that of its request.

    `warcinfo`: id of the record that describes them. `refers`: the answer is a revisit of that; its body is not written.
    """
    block = (found.header_block, b"" if refers else found.body)
    kind = "revisit" if refers else "response"
    asked = _record_id("request", found.url, found.fetched_at, (found.request,))
    answered = _record_id(kind, found.url, found.fetched_at, block)
    shared = [("WARC-Target-URI", found.url), ("WARC-Warcinfo-ID", warcinfo)]
    if found.ip:
        shared.append(("WARC-IP-Address", found.ip))
    response = [*shared, ("WARC-Concurrent-To", asked), ("Content-Type", _HTTP + "response")]
    response.append(
        ("WARC-Payload-Digest", f"sha256:{(refers.payload_sha256 if refers else sha256(found.body)).hex()}")
    )
    if refers:
        response.append(("WARC-Profile", _UNMODIFIED if found.status == _NOT_MODIFIED else _IDENTICAL))
        response += [("WARC-Refers-To-Target-URI", refers.url), ("WARC-Refers-To-Date", _time(refers.at))]
    if found.truncated:
        response.append(("WARC-Truncated", found.truncated))
    request = [*shared, ("WARC-Concurrent-To", answered), ("Content-Type", _HTTP + "request")]
    _write(out, "request", asked, found.fetched_at, request, (found.request,))
    offset = out.tell()
    _write(out, kind, answered, found.fetched_at, response, block)
    return offset, out.tell() - offset


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _record_id(kind: str, url: str, at: datetime, block: Sequence[bytes]) -> str:
    """A name made of what the record holds. Source: RFC 9562, section 5.8: version 8 is for hashes of one's own."""
    number = int.from_bytes(digest("warc", kind, url, at, _sha256(block))[:16])
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    return f"<urn:uuid:{uuid.UUID(int=number)}>"


def _sha256(parts: Sequence[bytes]) -> bytes:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.digest()


def _write(
    out: IO[bytes], kind: str, name: str, at: datetime, fields: Sequence[tuple[str, str]], block: Sequence[bytes]
) -> None:
    """Write one record as a gzip member, piece by piece: a block may be large."""
    first = [("WARC-Type", kind), ("WARC-Record-ID", name), ("WARC-Date", _time(at))]
    last = [("WARC-Block-Digest", f"sha256:{_sha256(block).hex()}"), ("Content-Length", str(sum(map(len, block))))]
    head = "WARC/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in [*first, *fields, *last]) + "\r\n"
    packer = zlib.compressobj(wbits=_GZIP)  # without a time of its own
    for part in (head.encode(), *block, b"\r\n\r\n"):
        out.write(packer.compress(part))
    out.write(packer.flush())
