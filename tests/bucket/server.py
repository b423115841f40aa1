"""A bucket on loopback: what an object store's client asks of S3, and of Google's XML API, and nothing else.

Puts may be conditional (`If-None-Match: *`, `x-goog-if-generation-match: 0`) or name a file to copy, gets may ask for a range, listings
come in pages, whole or a folder at a time, and large files come in parts. That it answers as an independent server does was seen with moto 5.2.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 20  # files of a listing; S3 gives 1,000, so that pages would hardly ever be tried


class Bucket:
    """Files by name. `asked` is called with method and name before each request is answered; what it returns is the status, if any."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.lock = threading.Lock()
        self.asked: Callable[[str, str], int | None] = lambda method, name: None
        self.requests: list[tuple[str, str]] = []
        self.url = ""

    def options(self, cloud: str = "s3") -> tuple[tuple[str, str], ...]:
        """What a store is told to reach this bucket."""
        if cloud == "gs":
            return (("base_url", self.url), ("bearer_token", "$BUCKET_SECRET"))
        return (
            ("access_key_id", "$BUCKET_KEY"), ("endpoint", self.url), ("region", "eu-central-1"), ("secret_access_key", "$BUCKET_SECRET"),
        )  # fmt: skip

    def site_toml(self, cloud: str = "s3", folder: str = "ours") -> str:
        """A site whose store is a folder of this bucket."""
        told = "\n".join(f'{name} = "{value}"' for name, value in self.options(cloud))
        return f'[store]\nurl = "{cloud}://bucket/{folder}"\n[store.options]\n{told}\n[run]\nworkers = 1\n'


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A bucket that answers until the end of the block."""
    held = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": held}))
    server.daemon_threads = True
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _read(self) -> tuple[str, dict[str, str], bytes]:
        place = urlsplit(self.path)
        name = unquote(place.path).removeprefix("/").partition("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.bucket.requests.append(("COPY" if self._source() else self.command, name))
        return name, dict(parse_qsl(place.query, keep_blank_values=True)), body

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if not (self.command == "HEAD" and "Content_Length" in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _is_refused(self, name: str) -> bool:
        status = self.bucket.asked(self.command, name)
        if status:
            self._send(status, b"<Error><Code>Refused</Code><Message>as the test says</Message></Error>")
        return bool(status)

    def do_PUT(self) -> None:
        name, query, body = self._read()
        if self._is_refused(name):
            return
        if source := self._source():
            return self._copy(source, name)
        must_be_new = self.headers.get("If-None-Match") == "*" or self.headers.get("x-goog-if-generation-match") == "0"
        with self.bucket.lock:
            if "uploadId" in query:
                self.bucket.uploads[query["uploadId"]][int(query["partNumber"])] = body
            elif must_be_new and name in self.bucket.files:
                return self._send(412, b"<Error><Code>PreconditionFailed</Code><Message>it is there</Message></Error>")
            else:
                self.bucket.files[name] = body
        self._send(200, ETag=_tag(body), x_goog_generation="1")

    def _source(self) -> str | None:
        """The file that a put asks to be copied."""
        place = self.headers.get("x-amz-copy-source") or self.headers.get("x-goog-copy-source")
        return unquote(place).lstrip("/").partition("/")[2] if place else None

    def _copy(self, source: str, name: str) -> None:
        with self.bucket.lock:
            body = self.bucket.files.get(source)
            if body is not None:
                self.bucket.files[name] = body
        if body is None:
            return self._send(404, b"<Error><Code>NoSuchKey</Code><Message>it is not there</Message></Error>")
        self._xml(f"<CopyObjectResult><ETag>{escape(_tag(body))}</ETag></CopyObjectResult>")

    def do_POST(self) -> None:
        name, query, body = self._read()
        if self._is_refused(name):
            return
        with self.bucket.lock:
            if "uploads" in query:
                upload = f"u{len(self.bucket.uploads)}"
                self.bucket.uploads[upload] = {}
                return self._xml(
                    f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                )
            if "delete" in query:
                names = [part.partition("</Key>")[0] for part in body.decode().split("<Key>")[1:]]
                for one in names:
                    self.bucket.files.pop(one, None)
                told = "".join(f"<Deleted><Key>{escape(one)}</Key></Deleted>" for one in names)
                return self._xml(f"<DeleteResult>{told}</DeleteResult>")
            parts = self.bucket.uploads.pop(query["uploadId"])
            self.bucket.files[name] = b"".join(parts[number] for number in sorted(parts))
        tag = escape(_tag(self.bucket.files[name]))
        self._xml(f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>")

    def do_DELETE(self) -> None:
        name, _, _ = self._read()
        if self._is_refused(name):
            return
        with self.bucket.lock:
            self.bucket.files.pop(name, None)
        self._send(204)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name, query, _ = self._read()
        if self._is_refused(name):
            return
        if not name:
            return self._list(query)
        with self.bucket.lock:
            body = self.bucket.files.get(name)
        if body is None:
            return self._send(404, b"<Error><Code>NoSuchKey</Code><Message>it is not there</Message></Error>")
        headers = {"ETag": _tag(body), "Last_Modified": formatdate(0, usegmt=True), "x_goog_generation": "1"}
        if self.command == "HEAD":
            return self._send(200, Content_Length=str(len(body)), **headers)
        if asked := self.headers.get("Range"):
            first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
            if first >= len(body):
                return self._send(416)
            last = min(last, len(body) - 1)
            headers["Content_Range"] = f"bytes {first}-{last}/{len(body)}"
            return self._send(206, body[first : last + 1], **headers)
        self._send(200, body, **headers)

    def _list(self, query: dict[str, str]) -> None:
        after = query.get("continuation-token") or query.get("start-after") or ""
        with self.bucket.lock:
            sizes = {name: len(body) for name, body in self.bucket.files.items()}
        prefix, end = query.get("prefix", ""), query.get("delimiter")
        names = sorted(name for name in sizes if name.startswith(prefix) and name > after)
        folders = sorted(
            {
                prefix + name.removeprefix(prefix).partition(end)[0] + end
                for name in names
                if end in name.removeprefix(prefix)
            }
            if end
            else ()
        )
        names = [name for name in names if not name.startswith(tuple(folders))]
        page = names[:PAGE]
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{sizes[name]}</Size><ETag>&quot;x&quot;</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for name in page
        )
        shared = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders)
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(names) > PAGE else ""
        self._xml(
            f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{rows}{shared}{more}</ListBucketResult>"
        )

    def _xml(self, body: str) -> None:
        self._send(200, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode(), Content_Type="application/xml")


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
