"""The corpus as WARC files, for runs without a crawl."""

import gzip
import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.pages import Page


def record(page: Page, second: int) -> bytes:
    """One response record, uncompressed. Its id follows from its content; `second` counts from a fixed day."""
    head = "".join(f"{name}: {value}\r\n" for name, value in page.headers)
    block = f"HTTP/1.1 {page.status} X\r\n{head}Content-Length: {len(page.body)}\r\n\r\n".encode() + page.body
    name = uuid.UUID(bytes=hashlib.sha256(page.url.encode() + block).digest()[:16])
    lines = [
        "WARC/1.1", "WARC-Type: response", f"WARC-Record-ID: <urn:uuid:{name}>",
        f"WARC-Date: 2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z",
        f"WARC-Target-URI: {page.url}", "Content-Type: application/http; msgtype=response", f"Content-Length: {len(block)}",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def write(path: Path, pages: Sequence[Page], *, first: int = 0) -> Path:
    """A gzip member a record, in the order of the pages."""
    members = [gzip.compress(record(page, first + i), mtime=0) for i, page in enumerate(pages)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(members))
    return path
