import asyncio
import gzip
import resource
import threading
import time
from datetime import UTC, datetime

import brotli
import pytest
import zstandard

from pipelines.capture import codings
from pipelines.capture.fetch import Client, Fetched, fetch
from pipelines.capture.introductions import location
from schemas.capture import Outcome
from schemas.reasons import Reason
from tests.capture.server import http, serving

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def client(port=9, **changes):
    settings = {"user_agent": "HeadwaterBot/1.0 (+crawl@headwater.example)", "clock": NOON.timestamp}
    return Client(**{**settings, "hosts": {"river.example": ("127.0.0.1", port)}, "deadline_s": 5.0, **changes})


def ask(answer, path="/", **changes):
    """What is fetched from a server of one answer, and its log."""
    with serving({path: answer}) as (port, log):
        return asyncio.run(fetch(f"http://river.example{path}", client(port, **changes))), log


def test_an_answer_comes_back_as_it_was_sent():
    answer = b"HTTP/1.1 200 Fine\r\nContent-Type: text/html\r\nX-Odd:  a \r\nx-odd: b\r\nContent-Length: 5\r\n\r\nhello"
    found, log = ask(answer, "/a?b=c|d&e={}%7e")
    assert found == Fetched(
        url="http://river.example/a?b=c|d&e={}%7e", outcome=Outcome.FETCHED, fetched_at=NOON, status=200,
        request=log.asked[0].raw, ip="127.0.0.1", body=b"hello",
        header_block=answer.removesuffix(b"hello"),
    )  # fmt: skip


def test_a_request_says_who_asks_and_for_what():
    _, log = ask(http(b"x"))
    assert log.asked[0].raw == (
        b"GET / HTTP/1.1\r\nHost: river.example\r\nUser-Agent: HeadwaterBot/1.0 (+crawl@headwater.example)\r\n"
        b"Accept: */*\r\nAccept-Encoding: gzip, br, zstd\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"x", Outcome.FETCHED), (200, b"", Outcome.EMPTY), (204, b"", Outcome.EMPTY), (301, b"", Outcome.REDIRECT),
        (304, b"", Outcome.HTTP_ERROR), (206, b"x", Outcome.HTTP_ERROR), (400, b"x", Outcome.HTTP_ERROR), (404, b"x", Outcome.NOT_FOUND),
        (410, b"x", Outcome.NOT_FOUND), (500, b"x", Outcome.HTTP_ERROR), (503, b"", Outcome.HTTP_ERROR),
    ],
)  # fmt: skip
def test_a_status_is_an_outcome(status, body, outcome):
    found, _ = ask(http(body, status))
    assert (found.status, found.outcome) == (status, outcome)


def test_a_redirect_to_two_places_leads_nowhere():
    found, _ = ask(http(status=302, more="Location: /a\r\nLocation: /b\r\n"))
    assert (found.outcome, found.reason, location(found)) == (Outcome.HTTP_ERROR, Reason.REDIRECT_UNCLEAR, None)


def test_a_chunked_body_is_stored_whole_under_headers_that_are_true():
    found, _ = ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert found.body == b"abcde"
    assert found.header_block == b"HTTP/1.1 200 OK\r\nX-Crawl-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"


def test_a_content_coding_stays_in_place():
    packed = gzip.compress(b"hello" * 100, mtime=0)
    found, _ = ask(http(packed, more="Content-Encoding: gzip\r\n"))
    assert found.body == packed
    assert ("Content-Encoding", "gzip") in found.headers


def test_a_redirect_is_not_followed():
    found, log = ask(http(status=302, more="Location: http://127.0.0.1/\r\n"))
    assert (found.outcome, len(log.asked)) == (Outcome.REDIRECT, 1)


def test_an_endless_body_is_cut_at_the_cap():
    def endless(connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            connection.send(b"x" * 65536)

    found, _ = ask(endless, max_bytes=100_000)
    assert (found.outcome, found.truncated, len(found.body)) == (Outcome.FETCHED, "length", 100_000)
    assert found.header_block == b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_body_of_exactly_the_cap_is_whole():
    found, _ = ask(http(b"x" * 1000), max_bytes=1000)
    assert (found.truncated, len(found.body)) == (None, 1000)


def test_a_slow_drip_of_a_body_ends_at_the_deadline():
    def answer(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.send(b"x")
            time.sleep(0.01)

    began = time.monotonic()
    found, _ = ask(answer, deadline_s=0.3)
    assert time.monotonic() - began < 1.0
    assert (found.outcome, found.truncated) == (Outcome.FETCHED, "time")
    assert found.header_block.endswith(b"Content-Length: %d\r\n\r\n" % len(found.body))
    assert 0 < len(found.body) < 100


def test_a_slow_drip_of_headers_ends_at_the_deadline():
    def answer(connection):
        for _ in range(200):
            connection.send(b"H")
            time.sleep(0.01)

    began = time.monotonic()
    found, _ = ask(lambda connection: (connection.send(b"HTTP/1.1 200 OK\r\n"), answer(connection)), deadline_s=0.3)
    assert time.monotonic() - began < 1.0
    assert (found.outcome, found.status, found.detail) == (Outcome.TIMEOUT, None, "no answer within 0.3 s")


def test_a_body_shorter_than_its_content_length_is_a_disconnect():
    found, _ = ask(http(b"abc", length=10))
    assert (found.outcome, found.truncated, found.body) == (Outcome.FETCHED, "disconnect", b"abc")
    assert found.header_block.endswith(b"X-Crawl-Content-Length: 10\r\nContent-Length: 3\r\n\r\n")


def test_what_follows_the_declared_length_is_not_the_body():
    found, log = ask(http(b"abcdef", length=3) + http(b"smuggled"))
    assert (found.truncated, found.body, log.connections) == (None, b"abc", 1)


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nab", b"3\r\nabcX\r\n", b"", b"-1\r\n", b"fffffffff\r\n"])
def test_a_broken_chunk_is_a_disconnect(rest):
    found, _ = ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + rest)
    assert (found.outcome, found.truncated, found.body[:3]) == (Outcome.FETCHED, "disconnect", b"abc")


@pytest.mark.parametrize("declared", ["-1", "3, 4", "1e3", "٣", "99999999999999999"])
def test_a_length_that_cannot_be_meant_is_as_none(declared):
    found, _ = ask(f"HTTP/1.1 200 OK\r\nContent-Length: {declared}\r\n\r\nabcde".encode())
    assert (found.truncated, found.body) == (None, b"abcde")
    assert found.header_block.endswith(b"Content-Length: 5\r\n\r\n")


def test_an_interim_answer_is_passed_over():
    found, _ = ask(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http(b"x"))
    assert (found.status, found.body) == (200, b"x")


def test_a_server_that_ends_lines_by_halves_is_understood():
    found, _ = ask(b"HTTP/1.0 200 OK\nContent-Type: text/html\n\nhello")
    assert (found.status, found.headers, found.body) == (200, [("Content-Type", "text/html")], b"hello")


NO_STATUS, CLOSED = "it does not start with a status line", "the connection closed before the end of the headers"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", CLOSED), (b"garbage\r\n\r\n", NO_STATUS), (b"HTTP/1.1 abc X\r\n\r\n", NO_STATUS), (b"HTTP/1.1 000 X\r\n\r\nx", NO_STATUS),
        (b"<html>of HTTP/0.9</html>", NO_STATUS), (b"HTTP/1.1 200 OK\r\nX: y\r\n", CLOSED), (b"HTT", CLOSED),
    ],
)  # fmt: skip
def test_what_is_no_http_is_unreachable(answer, why):
    found, _ = ask(answer)
    assert (found.outcome, found.status, found.body) == (Outcome.UNREACHABLE, None, b"")
    assert found.detail == f"no HTTP answer: {why}"


def test_endless_headers_are_no_answer():
    def endless(connection):
        connection.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            connection.send(b"X-%d: y\r\n" % number)

    def long(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(1000):
            connection.send(b"y" * 65536)

    assert [ask(answer)[0].detail for answer in (endless, long)] == [
        "no HTTP answer: it has more than 65536 bytes of headers",
        "no HTTP answer: it has more than 65536 bytes of headers",
    ]


def test_a_closed_port_is_unreachable():
    found = asyncio.run(fetch("http://river.example/", client(1)))
    assert (found.outcome, found.detail.split(":")[0]) == (Outcome.UNREACHABLE, "no connection")


def test_a_host_without_an_address_is_unreachable():
    async def nothing(host):
        return []

    found = asyncio.run(fetch("http://sea.example/", client(resolve=nothing)))
    assert found.outcome is Outcome.UNREACHABLE


def test_a_lookup_that_hangs_ends_at_the_deadline():
    async def forever(host):
        await asyncio.sleep(60)
        return []

    found = asyncio.run(fetch("http://sea.example/", client(resolve=forever, deadline_s=0.1)))
    assert found.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]])
def test_a_host_with_any_refused_address_is_not_connected_to(answers):
    async def resolve(host):
        return answers

    with serving({}) as (_, log):
        found = asyncio.run(fetch("http://sea.example/", client(resolve=resolve)))
        assert (found.outcome, found.ip, log.connections) == (Outcome.REFUSED, None, 0)
        assert found.detail.startswith(f"sea.example has the address {answers[-1]} in ")


def test_a_host_is_looked_up_once_so_that_it_cannot_change_its_mind(monkeypatch):
    looked_up, connected = [], []

    async def rebinding(host):
        looked_up.append(host)
        return ["93.184.215.14", "2606:4700::1111"] if len(looked_up) == 1 else ["127.0.0.1"]

    async def refuse(self, protocol, ip, port, **_):
        connected.append((ip, port))
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
    found = asyncio.run(fetch("https://sea.example/", client(resolve=rebinding)))
    assert (looked_up, connected) == (["sea.example"], [("93.184.215.14", 443), ("2606:4700::1111", 443)])
    assert (found.outcome, found.detail) == (Outcome.UNREACHABLE, "no connection: Connection refused")


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", ".".join(["ab"] * 100) + ".invalid"])
def test_a_name_that_dns_cannot_hold_is_unreachable(host):
    assert asyncio.run(fetch(f"http://{host}/", client())).outcome is Outcome.UNREACHABLE


def test_an_address_in_the_url_is_refused_before_a_socket_is_made():
    with serving({"/": http(b"x")}) as (port, log):
        for url in (f"http://127.0.0.1:{port}/", "http://127.0.0.1/", "http://[::1]/", "file:///etc/hosts"):
            assert asyncio.run(fetch(url, client(port))).outcome is Outcome.REFUSED
        assert log.connections == 0


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ask(http(b"x"))[0].outcome is Outcome.FETCHED


def test_exchanges_run_side_by_side():
    barrier = threading.Barrier(4, timeout=5)

    def answer(connection):
        barrier.wait()
        connection.send(http(b"x"))

    async def four(port):
        return await asyncio.gather(*(fetch("http://river.example/", client(port)) for _ in range(4)))

    with serving({"/": answer}) as (port, _):
        assert [found.outcome for found in asyncio.run(four(port))] == [Outcome.FETCHED] * 4


BOMBS = {
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),
    "br": lambda data: brotli.compress(data, quality=5),
    "zstd": lambda data: zstandard.compress(data),
}


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_is_stored_small_and_not_inflated_over_the_cap(coding):
    bomb = BOMBS[coding](bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, _ = ask(http(bomb, more=f"Content-Encoding: {coding}\r\n"))
    inflated = codings.decoded(found.body, found.headers, cap=10 << 20, is_truncated=False)
    assert (found.body, inflated.problem) == (bomb, Reason.TOO_LARGE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10  # KiB
