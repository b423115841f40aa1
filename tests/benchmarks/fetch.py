"""Fetches a CPU second on loopback, all guards on, beside bare aiohttp (where it is installed). `python -m tests.benchmarks.fetch`"""

import asyncio
import importlib.util
import io
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from pipelines.capture import codings
from pipelines.capture.address import refusal
from pipelines.capture.connection import Connections
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.fetch import Client, fetch
from pipelines.capture.warc_write import write_exchange, write_warcinfo
from pipelines.store import Store
from tests.benchmarks import bench

HOSTS = 64  # asked at once, as in a crawl: one request each
ONE_SITE = "93.184.215.14"  # an address as sites have them: what checking one costs
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"


async def _serve(ready: Connection, body: bytes) -> None:
    """Answer whatever is asked with one page; connections stay open as long as the client wants them."""
    answer = _ANSWER % (len(body), body)

    class Answers(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.got = transport, b""

        def data_received(self, data: bytes) -> None:
            self.got += data
            while b"\r\n\r\n" in self.got:
                head, _, self.got = self.got.partition(b"\r\n\r\n")
                self.transport.write(answer)
                if b"Connection: close" in head:
                    self.transport.close()

    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=1024)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _server(ready: Connection, body: bytes) -> None:
    asyncio.run(_serve(ready, body))


async def _all(urls: Sequence[str], ask: Callable[[str], Awaitable[None]]) -> None:
    """Ask for all URLs, HOSTS at a time."""
    queue = list(reversed(urls))

    async def one() -> None:
        while queue:
            await ask(queue.pop())

    await asyncio.gather(*(one() for _ in range(HOSTS)))


async def _bare(urls: Sequence[str], port: int, *, force_close: bool) -> None:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=HOSTS, force_close=force_close)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(url: str) -> None:
            async with session.get(f"http://127.0.0.1:{port}/{url.rpartition('/')[2]}") as answer:
                await answer.read()

        await _all(urls, ask)


async def _ours(urls: Sequence[str], client: Client, *, is_written: bool, is_kept: bool = True) -> None:
    kept = Connections() if is_kept else None
    out = io.BytesIO()
    info = write_warcinfo(out, [("software", "bench")], datetime.fromtimestamp(0, UTC))

    async def ask(url: str) -> None:
        refusal(ONE_SITE)
        answer = await fetch(url, client, kept=kept)
        codings.decoded(answer.body, answer.headers, cap=client.max_bytes, is_truncated=False)
        if is_written:
            write_exchange(out, answer, info)

    await _all(urls, ask)
    if kept is not None:
        kept.close()


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures: CPU seconds of the client alone, for the server is another process."""
    asked = bench.arguments(__doc__ or "", 4000, given)
    body = bench.pages(1, asked.seed)[0].body * 4
    near, far = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_server, args=(far, body), daemon=True)
    server.start()
    port = near.recv()
    names = [f"h{number}.example" for number in range(HOSTS)]
    urls = [f"http://{names[number % HOSTS]}/{number}" for number in range(asked.docs)]
    client = Client(user_agent="bench", clock=time.time, hosts=dict.fromkeys(names, ("127.0.0.1", port)))
    timed = partial(bench.timed, docs=asked.docs, megabytes=asked.docs * len(body) / 1e6, repeat=asked.repeat)
    found = []
    if importlib.util.find_spec("aiohttp"):
        for name, force_close in (("one connection a request", True), ("connections kept open", False)):
            found.append(
                timed(f"bare aiohttp, {name}", lambda f=force_close: asyncio.run(_bare(urls, port, force_close=f)))[0]
            )
    for name, is_written, is_kept in (
        ("fetch: address, caps, deadline, decoding; one connection a request", False, False),
        ("fetch: address, caps, deadline, decoding", False, True),
        ("the same, and its WARC records", True, True),
    ):
        found.append(
            timed(name, lambda w=is_written, k=is_kept: asyncio.run(_ours(urls, client, is_written=w, is_kept=k)))[0]
        )
    few = urls[: max(1, asked.docs // 4)]  # two files on the disk a request
    crawled = partial(bench.timed, docs=len(few), megabytes=len(few) * len(body) / 1e6, repeat=asked.repeat)
    found.append(crawled("crawl: robots.txt, turns, journal on disk, WARC", lambda: _crawl(few, client))[0])
    server.kill()
    bench.report(f"{asked.docs} pages of {len(body):,} bytes, {HOSTS} at once", found, is_json=asked.json)


def _crawl(urls: Sequence[str], client: Client) -> None:
    plan = CrawlPlan(
        source="bench", contact="x@headwater.example", seeds=tuple(urls), delay_s=0.0, max_depth=0, max_pages=len(urls)
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, closing(io.BytesIO()) as out:
        at = Round(store=Store(root=folder), folder="hosts", over="over", began=0.0)
        crawl(plan, out, clock=time.time, at=at, hosts=client.hosts)


if __name__ == "__main__":
    main()
