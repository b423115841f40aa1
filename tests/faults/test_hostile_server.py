"""Servers that mean harm: bombs, drips, and answers without end. Memory stays flat, the deadline holds, others go on."""

import gzip
import io
import json
import subprocess
import sys
import time
import zlib

import brotli
import pytest
import zstandard

from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.store import Store
from tests.capture.server import http, page, serving

BOMB = 160 << 20  # bytes when inflated
DEADLINE_S = 0.4
GROWTH_KIB = 32 << 10  # Source: what a crawl promises


def packed(engine, flush):
    """BOMB zeros, a piece at a time: this process is not to hold them either."""
    zeros = bytes(1 << 20)
    return b"".join([*(engine(zeros) for _ in range(BOMB >> 20)), flush()])


def gzipped():
    engine = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packed(engine.compress, engine.flush)


def brotlied():
    engine = brotli.Compressor(quality=1)
    return packed(engine.process, engine.finish)


def zstandarded():
    engine = zstandard.ZstdCompressor(level=1).compressobj()
    return packed(engine.compress, engine.flush)


def coded(body, name, type="text/html"):
    return http(body, more=f"Content-Encoding: {name}\r\n", type=type)


def endless(start, piece, pause_s=0.0):
    def answer(connection):
        connection.send(start)
        while True:
            connection.send(piece)
            time.sleep(pause_s)

    return answer


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
GZIP = gzipped()
SITEMAP = b"Sitemap: http://HOST/s.xml\n"
CASES = {
    "gzip": {"/": coded(GZIP, "gzip")},
    "brotli": {"/": coded(brotlied(), "br")},
    "zstd": {"/": coded(zstandarded(), "zstd")},
    "double": {"/": coded(gzip.compress(GZIP, 1), "gzip, gzip")},
    "robots": {"/robots.txt": coded(GZIP, "gzip", "text/plain"), "/": page()},
    "sitemap": {"/s.xml": coded(gzip.compress(GZIP, 1), "gzip"), "/": page(), "/robots.txt": http(b"Sitemap: http://sitemap.example/s.xml\n")},
    "body": {"/": endless(OK + b"\r\n", bytes(1 << 16))},
    "chunks": {"/": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + bytes(0x4000) + b"\r\n")},
    "headers": {"/": endless(OK, b"X-More: " + b"x" * 1000 + b"\r\n")},
    "line": {"/": endless(OK + b"X-More: ", b"x" * 1000)},
    "drip": {"/": endless(OK + b"\r\n", b"x", 0.05)},
    "dripping_headers": {"/": endless(b"HTTP/1.1 200 OK\r\n", b"x", 0.05)},
    "dripping_robots": {"/robots.txt": endless(OK + b"\r\n", b"#", 0.05), "/": page()},
}  # fmt: skip
GOOD = {
    "good.example/": page("/1", "/2"),
    "good.example/1": page(),
    "good.example/2": page("/3"),
    "good.example/3": page(),
}
ANSWERS = GOOD | {
    f"{name}.example{path}": answer for name, answers in CASES.items() for path, answer in answers.items()
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What one worker said of every case, by name; a host that is good comes first."""
    folder = str(tmp_path_factory.mktemp("hostile"))
    with serving(ANSWERS) as (port, _):
        command = [
            sys.executable,
            "-m",
            "tests.faults.hostile_worker",
            folder,
            str(port),
            str(DEADLINE_S),
            "good.example",
        ]
        done = subprocess.run([*command, *(f"{name}.example" for name in CASES)], capture_output=True, text=True)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["host"].removesuffix(".example"): one for one in found}


@pytest.mark.parametrize("name", CASES)
def test_memory_does_not_grow_whatever_is_served(told, name):
    assert told[name]["grown"] <= GROWTH_KIB
    assert told[name]["counts"] != {}


@pytest.mark.parametrize("name", ["body", "chunks", "headers", "line", "drip", "dripping_headers", "dripping_robots"])
def test_an_answer_without_end_is_over_at_the_deadline(told, name):
    assert told[name]["seconds"] <= 2 * DEADLINE_S + 1  # robots.txt and the page, and the second that promises allow


def test_no_host_waits_for_one_that_means_harm(tmp_path):
    hosts = ("good.example", "drip.example", "dripping_headers.example", "dripping_robots.example", "body.example")
    plan = CrawlPlan(
        source="s", contact="x@headwater.example", seeds=tuple(f"http://{host}/" for host in hosts), delay_s=0.0, deadline_s=3.0
    )  # fmt: skip
    with serving(ANSWERS) as (port, log):
        at = Round(store=Store(root=str(tmp_path)), folder="hosts", over="over", began=0.0)
        crawl(plan, io.BytesIO(), clock=time.time, at=at, hosts=dict.fromkeys(hosts, ("127.0.0.1", port)))
    good = [one.began for one in log.asked if one.host == "good.example"]
    assert log.paths("good.example") == ["/robots.txt", "/", "/1", "/2", "/3"]
    assert max(good) - min(good) < 3.0
