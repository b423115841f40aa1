"""Connections that carry more than one request: only where nobody could read the end of an answer otherwise."""

import asyncio
import io
import socket
import time

import pytest

from pipelines.capture import connection
from pipelines.capture.connection import Connections
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.fetch import Client, fetch
from pipelines.store import Store
from schemas.capture import Outcome
from tests.capture.server import http, page, serving

HOSTS = ("river.example", "mill.example")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def one_by_one(answers, urls, *, is_keeping=True, between=None, **changes):
    """What was fetched, one after the other with the same connections, and the server's log."""

    async def walk(port):
        settings = {"user_agent": "x", "clock": lambda: 0.0, "hosts": dict.fromkeys(HOSTS, ("127.0.0.1", port))}
        client, kept = Client(**settings, **{"deadline_s": 5.0, **changes}), Connections()
        found = []
        for url in urls:
            found.append(await fetch(url, client, kept=kept))
            if between is not None:
                await between()
        kept.close()
        return found

    with serving(answers, is_keeping=is_keeping) as (port, log):
        return asyncio.run(walk(port)), log


def after(first, **changes):
    """Connections for two requests of which the first is answered so, and what came of both."""
    paths = ("/1", "/2")
    found, log = one_by_one(
        {"/1": first, "/2": http(b"second")}, [f"http://river.example{path}" for path in paths], **changes
    )
    assert log.paths() == [*paths]
    assert (found[1].outcome, found[1].body, found[1].truncated) == (Outcome.FETCHED, b"second", None)
    return log.connections, found[0]


@pytest.mark.parametrize(
    "answer",
    [
        http(b"x"), http(b"", 204), http(b"x", 404), http(b"", 301, more="Location: /2\r\n"),
        b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n", http(b"x", more="Connection: keep-alive\r\n"),
        CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http(b"x"),
    ],
)  # fmt: skip
def test_a_connection_carries_another_request_after_an_answer_whose_end_is_sure(answer):
    assert after(answer)[0] == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(b"x", more="Connection: close\r\n"), http(b"x", more="Connection: Keep-Alive, Close\r\n"),
        http(b"x", more="Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        http(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"), http(b"x") + http(b"smuggled"), http(b"x") + b"\r\n",
        http(b"x", more="Content-Length: 1\r\n"), http(b"x").replace(b"Length:", b"Length :"),
        http(b"x", more="X-Folded: a\r\n b\r\n"), http(b"x").replace(b"\r\n", b"\n"), http(b"x", more="no colon\r\n"),
        http(b"x", more="X: a\rTransfer-Encoding: chunked\r\n"), http(b"x", more="X: a\0b\r\n"),
        http(b"x").replace(b"Length: 1", b"Length: 1, 1"),
        http(b"3\r\nabc\r\n0\r\n\r\n", more="Transfer-Encoding: chunked\r\n"),
        CHUNKED.replace(b"chunked", b"gzip, chunked") + b"1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"1;ext=1\r\nx\r\n0\r\n\r\n", CHUNKED + b" 1\r\nx\r\n0\r\n\r\n", CHUNKED + b"1\nx\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nx\n0\r\n\r\n", CHUNKED + b"1\r\nx\r\n0\r\nno colon\r\n\r\n", CHUNKED + b"1\r\nx\r\n0\r\n\r\nmore",
        http(b"", 304, length=5), http(b"x", 204), CHUNKED.replace(b"200", b"304"),
    ],
)  # fmt: skip
def test_a_connection_is_closed_after_an_answer_whose_end_is_in_doubt(answer):
    connections, first = after(answer)
    assert connections == 2
    assert first.status is not None
    assert first.truncated is None


def test_a_connection_is_closed_after_an_answer_that_was_cut():
    assert after(http(b"x" * 1000), max_bytes=100)[0] == 2


def test_a_trailer_section_that_never_ends_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("pipelines.capture.wire._TRAILER_S", 0.05)
    assert after(CHUNKED + b"1\r\nx\r\n0\r\n")[0] == 2


def test_a_protocol_that_nobody_asked_for_is_no_answer():
    (found,), _ = one_by_one(
        {"/": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + http(b"x")}, ["http://river.example/"]
    )
    assert (found.outcome, found.status) == (Outcome.UNREACHABLE, None)


def test_what_comes_while_nobody_asks_is_never_an_answer():
    def late(conn):
        conn.send(http(b"x"))
        time.sleep(0.05)
        conn.send(http(b"smuggled"))

    async def wait():
        await asyncio.sleep(0.1)

    assert after(late, between=wait)[0] == 2


def test_a_server_that_closes_after_its_answer_is_asked_anew():
    assert after(http(b"x"), is_keeping=False)[0] == 2


def test_a_server_that_closes_in_the_middle_of_an_answer_is_not_asked_again():
    def cut(conn):
        conn.send(http(b"ab", length=10))
        conn.request.shutdown(socket.SHUT_RDWR)

    connections, first = after(cut)
    assert (connections, first.truncated, first.body) == (2, "disconnect", b"ab")


def test_a_kept_connection_that_closes_without_an_answer_is_made_anew_once_after_the_pause():
    asked = []

    def closing(conn):
        asked.append(time.monotonic())
        conn.request.shutdown(socket.SHUT_RDWR)

    async def walk(port):
        client = Client(user_agent="x", clock=lambda: 0.0, hosts={"river.example": ("127.0.0.1", port)}, deadline_s=0.3)
        kept = Connections()
        await fetch("http://river.example/", client, kept=kept)
        return await fetch("http://river.example/closing", client, kept=kept, pause_s=0.4)

    with serving({"/": http(b"x"), "/closing": closing}, is_keeping=True) as (port, log):
        found = asyncio.run(walk(port))
    assert log.paths() == ["/", "/closing", "/closing"]
    assert (found.outcome, log.connections) == (Outcome.UNREACHABLE, 2)
    assert asked[1] - asked[0] >= 0.4  # and the deadline did not run meanwhile


def test_a_connection_carries_requests_to_one_origin_only():
    urls = [f"http://{host}/" for host in (*HOSTS, *HOSTS)]
    found, log = one_by_one({"river.example/": http(b"r"), "mill.example/": http(b"m")}, urls)
    assert [one.body for one in found] == [b"r", b"m", b"r", b"m"]
    assert log.connections == 2


def test_a_connection_stays_with_the_address_that_was_checked():
    async def never(host):
        raise AssertionError(host)

    found, _ = one_by_one({"/": http(b"x")}, ["http://river.example/"] * 2, resolve=never)
    assert [one.ip for one in found] == ["127.0.0.1"] * 2


def test_connections_that_wait_are_few_and_not_kept_for_long(monkeypatch):
    monkeypatch.setattr(connection, "KEPT", 1)
    assert one_by_one({"/": http(b"x")}, [f"http://{host}/" for host in (*HOSTS, *HOSTS)])[1].connections == 4
    monkeypatch.setattr(connection, "IDLE_S", 0.0)

    async def wait():
        await asyncio.sleep(0.02)

    assert after(http(b"x"), between=wait)[0] == 2


def test_an_answer_that_is_read_from_a_kept_connection_is_stored_as_it_was_sent():
    odd = b"HTTP/1.1 200 Fine\r\nX-Odd:  a \r\nx-odd: b\r\nContent-Length: 5\r\n\r\nhello"
    found, log = one_by_one({"/": odd}, ["http://river.example/"] * 3)
    assert [one.header_block + one.body for one in found] == [odd] * 3
    assert [one.request for one in found] == [one.raw for one in log.asked]
    assert log.connections == 1


def test_a_crawl_walks_a_host_on_one_connection(tmp_path):
    plan = CrawlPlan(source="s", contact="x@headwater.example", seeds=("http://river.example/",), delay_s=0.0)
    with serving({"/": page("/1", "/2"), "/1": page(), "/2": page()}, is_keeping=True) as (port, log):
        at = Round(store=Store(root=str(tmp_path)), folder="hosts", over="over", began=0.0)
        crawl(plan, io.BytesIO(), clock=time.time, at=at, hosts={"river.example": ("127.0.0.1", port)})
    assert (log.paths(), log.connections) == (["/robots.txt", "/", "/1", "/2"], 1)
