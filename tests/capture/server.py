"""A server on loopback that sends exactly the bytes it is told, and keeps a log of who asked what and when."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

Answer = bytes | Callable[["Connection"], None]


def http(
    body: bytes = b"", status: int = 200, *, type: str = "text/html", more: str = "", length: int | None = None
) -> bytes:
    """An answer with a Content-Length, which may lie."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\nContent-Type: {type}\r\n{more}Content-Length: {size}\r\n\r\n".encode() + body


def page(*links: str, text: str = "") -> bytes:
    """A page of links."""
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return http(f"<html><body>{text}{anchors}</body></html>".encode())


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in. Times are monotonic seconds; `open`: connections of this host then, this one included."""

    host: str
    path: str
    began: float
    raw: bytes
    open: int


@dataclass
class Log:
    """What the server was asked, in order."""

    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    open: dict[str, int] = field(default_factory=dict)

    def paths(self, host: str | None = None) -> list[str]:
        return [one.path for one in self.asked if host in (None, one.host)]

    def gaps(self, host: str) -> list[float]:
        times = [one.began for one in self.asked if one.host == host]
        return [later - earlier for earlier, later in pairwise(times)]


class Connection(socketserver.BaseRequestHandler):
    """One connection: one request, or as many as come where the server keeps connections."""

    server: "_Server"

    def handle(self) -> None:
        with self.server.log.lock:
            self.server.log.connections += 1
        while self._one() and self.server.is_keeping:
            pass

    def _one(self) -> bool:
        """Answer one request; false where none comes, or its answer broke off."""
        log, raw = self.server.log, b""
        while b"\r\n\r\n" not in raw:
            try:
                piece = self.request.recv(65536)
            except OSError:
                return False
            if not piece:
                return False
            raw += piece
        began = time.monotonic()
        path = raw.split(b" ", 2)[1].decode()
        host = raw.partition(b"Host: ")[2].partition(b"\r\n")[0].decode()
        with log.lock:
            log.open[host] = log.open.get(host, 0) + 1
            log.asked.append(Asked(host=host, path=path, began=began, raw=raw, open=log.open[host]))
        try:
            answer = self.server.answers.get(host + path, self.server.answers.get(path, http(b"gone", 404)))
            if callable(answer):
                answer(self)
            else:
                self.request.sendall(answer)
        except OSError:
            return False  # the client went away, as some tests mean it to
        finally:
            with log.lock:
                log.open[host] -= 1
        return b"Connection: close" not in raw

    def send(self, data: bytes) -> None:
        self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, answers: dict[str, Answer], is_keeping: bool) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.answers, self.log, self.is_keeping = answers, Log(), is_keeping


@contextmanager
def serving(answers: dict[str, Answer], *, is_keeping: bool = False) -> Iterator[tuple[int, Log]]:
    """(port, log) of a server of these answers, by path or by host and path; 404 for all else.

    `is_keeping`: connections carry more than one request, else they are closed after the first.
    """
    with _Server(answers, is_keeping) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1], server.log
        finally:
            server.shutdown()
            thread.join()
