"""Small archives built byte by byte, so that a test knows what each record must hold."""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def warc(kind: str, block: bytes, fields: Mapping[str, str] | None = None, *, n: int = 0, digest: bool = True) -> bytes:
    """One WARC record, uncompressed. A field of "" is left out."""
    named = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{n:012d}>",
        "WARC-Date": f"2024-05-03T10:00:{n % 60:02d}Z",
        "WARC-Target-URI": "" if kind == "warcinfo" else f"http://example.com/{n}",
        "WARC-Block-Digest": sha1(block) if digest else "",
        "Content-Type": "application/http; msgtype=response" if kind == "response" else "text/plain",
        "Content-Length": str(len(block)),
    } | dict(fields or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("utf-8") + body


def arc(uri: str, block: bytes, media_type: str = "text/html") -> bytes:
    return f"{uri} 127.0.0.1 20140216050221 {media_type} {len(block)}\n".encode() + block + b"\n"


def member(record: bytes) -> bytes:
    return gzip.compress(record, mtime=0)


def members(records: Iterable[bytes]) -> bytes:
    return b"".join(map(member, records))


def chunked(body: bytes, sizes: Sequence[int]) -> bytes:
    """The body in chunks of these sizes, and one of the rest."""
    out, at = b"", 0
    for size in (*sizes, len(body)):
        piece = body[at : at + size]
        at += len(piece)
        if piece:
            out += b"%x\r\n%b\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"
