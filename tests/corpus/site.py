"""The corpus as sites on loopback: one server, told apart by the Host header, logging what it was asked and when."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.corpus.pages import Page
from tests.corpus.truth import served


class Site(ThreadingHTTPServer):
    """Serves pages by (host, path). `asked`: (monotonic seconds, host, path) of every request."""

    daemon_threads = True

    def __init__(self, found: list[Page]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {(page.host, page.path): page for page in found}
        self.asked: list[tuple[float, str, str]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers GET with the page as it is; the body is sent as stored, whatever its headers claim."""

    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.server.asked.append((time.monotonic(), host, self.path))
        page = self.server.pages.get((host, self.path))
        status, headers, body = (page.status, page.headers, page.body) if page else (404, (), b"")
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The log is `asked`."""


@contextmanager
def serving(found: list[Page] | None = None) -> Iterator[dict[str, str]]:
    """The hosts of the corpus and where they are served, while the context lasts."""
    found = served() if found is None else found
    server = Site(found)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield dict.fromkeys(sorted({page.host for page in found}), f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
