"""One round after another: what was left comes first, what has not changed is a revisit, and a host's wishes are kept."""

import io
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from pipelines.capture.archive import capture_archive
from pipelines.capture.block import Guard
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.live import crawled_room
from pipelines.capture.screen import screened
from pipelines.capture.turns import Pause
from pipelines.runner import quiet
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import covering
from schemas.digest import digest, sha256
from tests.capture.server import http, page, serving

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
SHUT = 1  # a port where nobody listens


class Rounds:
    """Rounds of a crawl of river.example in one store, a day apart."""

    def __init__(self, folder):
        self.store, self.folder, self.count = Store(root=str(folder)), folder, 0

    def crawl(self, answers, *, later=DAY, **changes):
        self.count += 1
        settings = {
            "source": "rivers",
            "contact": "x@headwater.example",
            "seeds": ("http://river.example/",),
            "delay_s": 0.0,
        }
        at = NOON + self.count * later
        with serving(answers) as (port, self.log):
            hosts = (("river.example", f"127.0.0.1:{port}"), ("mill.example", f"127.0.0.1:{SHUT}"))
            site = Site(store=self.store, scratch=self.folder / "scratch", hosts=hosts)
            plan = CrawlPlan(**{**settings, **changes})
            return crawled_room(site, plan, digest(self.count), clock=lambda: at, progress=quiet)

    def paths(self, receipt):
        return [self.store.local(row["stored"]) for row in self.store.read_part(receipt.part("archive")).to_pylist()]

    def rows(self, receipt, table):
        return self.store.read_part(receipt.part(table)).to_pylist()


@pytest.fixture
def rounds(tmp_path):
    return Rounds(tmp_path)


def kinds(path):
    """(type, URI, profile's last word) of every record but requests, read by warcio with all digests checked."""
    with path.open("rb") as file:
        found = ArchiveIterator(file, check_digests="raise")
        return [
            (r.rec_type, r.rec_headers.get_header("WARC-Target-URI"), (r.rec_headers.get_header("WARC-Profile") or "").rpartition("/")[2])
            for r in found
            if r.content_stream().read() is not None and r.rec_type not in ("request", "warcinfo")
        ]  # fmt: skip


def test_a_page_with_the_same_bytes_is_a_revisit_that_names_the_capture_that_holds_them(rounds):
    first = rounds.crawl({"/": page("/1"), "/1": page()})
    second = rounds.crawl({"/": page("/1"), "/1": page(text="new")})
    assert rounds.log.paths() == ["/robots.txt", "/", "/1"]
    new, old = rounds.paths(second)
    assert [old] == rounds.paths(first)
    assert kinds(new) == [
        ("response", "http://river.example/robots.txt", ""), ("revisit", "http://river.example/", "identical-payload-digest"),
        ("response", "http://river.example/1", ""),
    ]  # fmt: skip
    with new.open("rb") as file:
        (revisit,) = [r for r in ArchiveIterator(file) if r.rec_type == "revisit"]
    assert revisit.rec_headers.get_header("WARC-Refers-To-Date") == "2026-11-24T12:00:00.000000Z"
    assert revisit.rec_headers.get_header("WARC-Refers-To-Target-URI") == "http://river.example/"
    assert dict(second.counts) == {"fetched": 1, "not_found": 1, "revisit": 1}


def test_a_server_that_says_nothing_has_changed_sends_no_body_and_its_links_are_followed(rounds):
    def tagged(connection):
        raw = rounds.log.asked[-1].raw
        is_known = b'If-None-Match: "a"\r\n' in raw and b"If-Modified-Since: Mon, 23 Nov 2026 12:00:00 GMT\r\n" in raw
        more = 'ETag: "a"\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n'
        connection.send(b'HTTP/1.1 304 X\r\nETag: "a"\r\n\r\n' if is_known else http(b'<a href="/1">x</a>', more=more))

    answers = {"/": tagged, "/1": page()}
    receipts = [rounds.crawl(answers) for _ in range(3)]
    assert rounds.log.paths() == ["/robots.txt", "/", "/1"]
    (origin,) = rounds.paths(receipts[0])
    for receipt in receipts[1:]:
        new, old = rounds.paths(receipt)
        assert old == origin
        assert ("revisit", "http://river.example/", "server-not-modified") in kinds(new)
        (found,) = capture_archive(new, source="rivers", stored_uri="x")
        assert set(found.captures.column("reason").to_pylist()) == {None}
        assert found.captures.column("outcome").to_pylist().count("revisit") == 2


def test_what_we_write_passes_warcio_check_and_fastwarc(rounds):
    rounds.crawl({"/": page("/1"), "/1": http(b"x" * 1000)}, max_bytes=100)
    second = rounds.crawl({"/": page("/1"), "/1": http(b"x" * 1000)}, max_bytes=100)
    new, _ = rounds.paths(second)
    done = subprocess.run(
        [Path(sys.executable).with_name("warcio"), "check", "-v", str(new)], capture_output=True, text=True
    )
    assert (done.returncode, "fail" in done.stdout) == (0, False)
    with new.open("rb") as file:
        assert all(record.verify_block_digest() for record in FastIterator(io.BytesIO(file.read()), parse_http=False))


def test_what_a_round_leaves_comes_first_in_the_next(rounds):
    site = {"/": page(*(f"/{n}" for n in range(4))), **{f"/{n}": page(text=str(n)) for n in range(4)}}
    first = rounds.crawl(site, max_pages=3)
    left = [row["url"] for row in rounds.rows(first, "frontier") if row["outcome"] == "deferred"]
    assert left == ["http://river.example/2", "http://river.example/3"]
    rounds.crawl(site, max_pages=3)
    assert rounds.log.paths() == ["/robots.txt", "/2", "/3", "/"]


def test_a_host_that_asked_for_time_is_not_asked_in_a_round_that_comes_too_soon(rounds):
    busy = http(b"busy", 503, more="Retry-After: 3600\r\n")
    first = rounds.crawl({"/": busy}, later=0.0)
    (host,) = rounds.rows(first, "hosts")
    assert 3590 < host["until"].timestamp() - NOON <= 3600
    second = rounds.crawl({"/": page()}, later=0.0, round_s=60.0)
    assert rounds.log.asked == []
    assert rounds.rows(second, "capture")[0]["detail"].startswith("the round ends before river.example")
    rounds.crawl({"/": page()}, later=2000.0, round_s=60.0)
    assert rounds.log.paths() == ["/robots.txt", "/"]


def test_the_crawl_delay_of_a_host_holds_for_the_first_request_of_the_next_round(rounds):
    answers = {"/robots.txt": http(b"User-agent: *\nCrawl-delay: 0.2\n"), "/": page()}
    rounds.crawl(answers)
    began = time.monotonic()
    rounds.crawl(answers)
    assert rounds.log.asked[0].began - began >= 0.2


def test_what_is_known_of_a_page_outlives_rounds_that_do_not_meet_it_or_get_no_answer(rounds):
    def tagged(connection):
        is_known = b'If-None-Match: "a"' in rounds.log.asked[-1].raw
        connection.send(b"HTTP/1.1 304 X\r\n\r\n" if is_known else http(b"poem", more='ETag: "a"\r\n'))

    first = rounds.crawl({"/": page("/1"), "/1": tagged})
    rounds.crawl({"/": page(text="no link")})
    rounds.crawl({"/": page("/1"), "/1": http(b"busy", 503)})
    last = rounds.crawl({"/": page("/1", text="again"), "/1": tagged})
    assert dict(last.counts) == {"fetched": 1, "not_found": 1, "revisit": 1}
    assert rounds.paths(last)[1:] == rounds.paths(first)
    assert [row["outcome"] for row in rounds.rows(last, "frontier")] == ["fetched", "revisit"]


def test_a_silent_host_is_left_alone_for_longer_and_longer_and_its_pages_wait(rounds):
    seeds = ("http://river.example/", "http://mill.example/")
    asked, said = [], []
    for _ in range(9):
        last = rounds.crawl({"/": page()}, seeds=seeds, max_parked=3)
        mill, river = rounds.rows(last, "hosts")
        asked.append(mill["requests"])
        said.append((mill["silent"], mill["parked"]))
        assert (river["silent"], river["parked"]) == (0, 0)
        assert {row["url"]: row["outcome"] for row in rounds.rows(last, "frontier")}[seeds[1]] == "deferred"
    assert asked == [1, 1, 0, 1, 0, 0, 0, 1, 0]
    assert said == [(1, 0), (2, 1), (2, 0), (3, 3), (3, 2), (3, 1), (3, 0), (4, 3), (4, 2)]
    assert [row["detail"] for row in rounds.rows(last, "capture") if row["uri"] == seeds[1]] == [
        "mill.example gave no answer at the end of 4 rounds in a row: parked, not asked in this round and 2 more: read as disallow"
    ]
    at_once = rounds.crawl({}, seeds=seeds, max_parked=0)
    assert [row["requests"] for row in rounds.rows(at_once, "hosts")] == [1, 2]


def test_a_host_that_answers_again_is_silent_no_more():
    assert Pause(silent=4, parked=0).after(3, 0, 9) == Pause()
    assert Pause(silent=4, parked=0).after(5, 2, 9) == Pause()
    assert Pause(silent=60, parked=0).after(5, 3, 9) == Pause(silent=61, parked=9)


def test_what_a_request_took_out_is_not_asked_for_again(rounds):
    key = b"k" * 32
    site = {
        "/robots.txt": http(b""),
        "/": page("/1", "/2", "/3", "/4"),
        "/1": page(),
        "/2": http(b"", 302, more="Location: /1\r\n"),
        "/3": http(b"a copy"),
        "/4": http(b"", 302, more="Location: http://gone.example/x\r\n"),
    }
    named = (("url", b"http://river.example/1"), ("domain", b"gone.example"), ("content", sha256(b"a copy")))
    taken = covering(key, named)
    with serving(site) as (port, log), Guard((), taken) as guard:
        at = Round(
            store=rounds.store, folder="hosts", over="over", began=NOON, bars=guard.bars, shown=guard.shown,
            screen=lambda answer: screened(guard, answer),
        )  # fmt: skip
        plan = CrawlPlan(source="rivers", contact="x@headwater.example", seeds=("http://river.example/",), delay_s=0.0)
        done = crawl(plan, io.BytesIO(), clock=lambda: NOON, at=at, hosts={"river.example": ("127.0.0.1", port)})
    assert log.paths() == ["/robots.txt", "/", "/2", "/3", "/4"]
    rows = done.outcomes.to_pylist()
    assert {(row["outcome"], row["reason"]) for row in rows} == {("refused", "taken_down")}
    addresses = ["http://river.example/1", "http://river.example/3", "http://gone.example/x"]
    assert sorted(row["uri"] for row in rows) == sorted(taken.hidden(url) for url in addresses)
    told = repr((rows, done.frontier.to_pylist()))
    assert [url for url in addresses if url in told] == []
    assert {(row["host"], row["uri_key"]) for row in rows} == {(None, None)}
