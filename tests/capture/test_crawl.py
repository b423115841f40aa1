import gzip
import io
import tempfile
import threading
import time
from datetime import UTC, datetime

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from pipelines.capture.archive import capture_archive
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.store import Store
from schemas.capture import CAPTURE
from schemas.errors import SourceError
from tests.capture.server import http, page, serving

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTS = ("river.example", "mill.example")
SITE = {
    "/robots.txt": http(b"User-agent: *\nDisallow: /cellar\n", type="text/plain"),
    "/": page("/1", "/2#top", "/cellar/", "http://sea.example/", "/gone"),
    "/1": page("/2", "/3"),
    "/2": page("/", "/3", "/4"),
    "/3": http(status=301, more="Location: /4\r\n"),
    "/4": page("/5"),
    "/5": page("/1"),
}


def plan(**changes):
    settings = {
        "source": "rivers",
        "contact": "crawl@headwater.example",
        "seeds": ("http://river.example/",),
        "delay_s": 0.0,
    }
    return CrawlPlan(**{**settings, "deadline_s": 2.0, **changes})


def at(folder):
    return Round(store=Store(root=folder), folder="hosts", over="over", began=NOON.timestamp())


class Crawled:
    """A crawl of a site that answers like `answers`: the server's log, the WARC, the rows beside it."""

    def __init__(self, answers, **changes):
        self.progress = []
        with serving(answers) as (port, self.log), tempfile.TemporaryDirectory() as folder:
            out = io.BytesIO()
            result = crawl(
                plan(**changes), out, clock=NOON.timestamp, at=at(folder), hosts=dict.fromkeys(HOSTS, ("127.0.0.1", port)),
                progress=lambda *shown: self.progress.append(shown),
            )  # fmt: skip
        self.warc, self.outcomes, self.counts = out.getvalue(), result.outcomes, dict(result.counts)

    @property
    def rows(self):
        return [(row["uri"], row["outcome"], row["detail"]) for row in self.outcomes.to_pylist()]

    @property
    def fetched(self):
        """(URL, status) of every response in the WARC, in order."""
        found = ArchiveIterator(io.BytesIO(self.warc), check_digests="raise")
        return [
            (record.rec_headers.get_header("WARC-Target-URI"), int(record.http_headers.get_statuscode()))
            for record in found
            if record.rec_type == "response"
        ]


def test_a_site_is_fetched_once_breadth_first_and_what_was_not_is_a_row():
    done = Crawled(SITE)
    asked = ["/robots.txt", "/", "/1", "/2", "/gone", "/3", "/4", "/5"]
    assert done.log.paths() == asked
    assert [url for url, _ in done.fetched] == ["http://river.example" + path for path in asked]
    assert [status for _, status in done.fetched] == [200, 200, 200, 200, 404, 301, 200, 200]
    assert done.rows == [
        ("http://river.example/cellar/", "refused", "robots.txt line 2 bars HeadwaterBot: Disallow: /cellar")
    ]
    assert done.counts == {"fetched": 6, "not_found": 1, "redirect": 1, "refused": 1}
    assert done.progress[-1] == ("crawl rivers", 7, 7)


def test_the_same_site_at_the_same_time_gives_the_same_bytes():
    first, second = (Crawled(SITE, seeds=("http://mill.example/", "http://river.example/")) for _ in range(2))
    assert first.warc == second.warc
    assert first.outcomes.equals(second.outcomes)


def test_every_record_is_read_by_warcio_and_fastwarc_and_its_digests_hold():
    done = Crawled(SITE)
    kinds = [
        record.rec_type
        for record in ArchiveIterator(io.BytesIO(done.warc), check_digests="raise")
        if record.content_stream().read() is not None
    ]
    assert kinds == ["warcinfo"] + ["request", "response"] * 8
    assert [record.verify_block_digest() for record in FastIterator(io.BytesIO(done.warc), parse_http=False)] == [
        True
    ] * 17


def test_the_archive_room_reads_what_the_crawl_wrote(tmp_path):
    done = Crawled(SITE)
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(done.warc)
    (found,) = capture_archive(path, source="rivers", stored_uri="crawl.warc.gz")
    outcomes = dict(
        zip(found.captures.column("uri").to_pylist(), found.captures.column("outcome").to_pylist(), strict=True)
    )
    assert outcomes["http://river.example/robots.txt"] == "robots_file"
    assert outcomes["http://river.example/3"] == "redirect"
    assert outcomes["http://river.example/gone"] == "not_found"
    assert outcomes["http://river.example/5"] == "fetched"
    assert set(found.captures.column("reason").to_pylist()) == {None}
    assert found.skipped == {"request": 8, "warcinfo": 1}
    assert done.outcomes.schema == CAPTURE
    assert not set(done.outcomes.column("capture_id").to_pylist()) & set(
        found.captures.column("capture_id").to_pylist()
    )


def test_the_warcinfo_says_who_crawled_and_what_was_obeyed():
    record = next(iter(ArchiveIterator(io.BytesIO(Crawled({}).warc))))
    assert record.content_stream().read().decode().splitlines() == [
        "software: Headwater", "format: WARC File Format 1.1", "operator: crawl@headwater.example", "isPartOf: rivers",
        "http-header-user-agent: HeadwaterBot/1.0 (+crawl@headwater.example)", "robots: obeyed (RFC 9309) for HeadwaterBot",
    ]  # fmt: skip


def test_the_server_sees_the_delay_before_every_request_and_one_at_a_time():
    began = time.monotonic()
    done = Crawled(SITE, delay_s=0.05, seeds=("http://river.example/", "http://mill.example/"), max_pages=8)
    for host in HOSTS:
        asked = [one for one in done.log.asked if one.host == host]
        assert len(asked) == 5
        assert asked[0].began - began >= 0.05
        assert min(done.log.gaps(host)) >= 0.05
        assert {one.open for one in asked} == {1}


def test_hosts_are_crawled_side_by_side():
    barrier = threading.Barrier(2, timeout=5)

    def together(connection):
        barrier.wait()
        connection.send(page())

    done = Crawled({"/": together}, seeds=("http://river.example/", "http://mill.example/"))
    assert [status for _, status in done.fetched] == [404, 200, 404, 200]


def test_the_warc_has_the_hosts_in_alphabetical_order_whoever_answers_first():
    def late(connection):
        time.sleep(0.1)
        connection.send(page())

    done = Crawled({"mill.example/": late, "/": page()}, seeds=("http://river.example/", "http://mill.example/"))
    assert done.log.paths()[-1] == "/"
    assert [url for url, _ in done.fetched] == [
        f"http://{host}{path}" for host in sorted(HOSTS) for path in ("/robots.txt", "/")
    ]


def test_a_longer_crawl_delay_of_robots_txt_is_obeyed_from_the_first_page_on():
    done = Crawled({**SITE, "/robots.txt": http(b"User-agent: *\nCrawl-delay: 0.1\n")}, max_pages=2)
    assert len(done.log.asked) == 3
    assert min(done.log.gaps("river.example")) >= 0.1


def test_retry_after_is_obeyed_and_what_it_leaves_no_time_for_is_deferred():
    done = Crawled({**SITE, "/1": http(b"busy", 503, more="Retry-After: 3600\r\n")}, round_s=60.0)
    assert done.log.paths() == ["/robots.txt", "/", "/1"]
    late = "the round ends before river.example may be asked"
    assert done.rows == [
        ("http://river.example/2", "deferred", late),
        ("http://river.example/cellar/", "refused", "robots.txt line 2 bars HeadwaterBot: Disallow: /cellar"),
        ("http://river.example/gone", "deferred", late),
    ]


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, "deferred"), (503, "deferred"), (403, "refused"), (401, "refused")]
)
def test_where_robots_txt_fails_no_page_is_asked_for(status, outcome):
    done = Crawled({**SITE, "/robots.txt": http(b"", status)})
    assert done.log.paths() == ["/robots.txt"]
    assert done.rows == [("http://river.example/", outcome, f"robots.txt answered {status}: read as disallow")]


def test_where_robots_txt_drips_no_page_is_asked_for_and_other_hosts_go_on():
    def drip(connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\n")
        time.sleep(1)

    done = Crawled(
        {**SITE, "river.example/robots.txt": drip},
        deadline_s=0.3,
        seeds=("http://river.example/", "http://mill.example/1"),
    )
    assert done.log.paths("river.example") == ["/robots.txt"]
    assert ("http://river.example/", "deferred", "robots.txt was cut (time): read as disallow") in done.rows
    assert ("http://mill.example/5", 200) in done.fetched


def test_where_nobody_answers_every_url_is_a_row(tmp_path):
    done = Crawled({}, hosts=("sea.example",), seeds=("http://river.example/",))
    assert (done.rows, done.fetched) == ([], [])  # the seed itself is on no host of this crawl
    out = io.BytesIO()
    result = crawl(plan(), out, clock=NOON.timestamp, at=at(str(tmp_path)), hosts={"river.example": ("127.0.0.1", 1)})
    assert [(row["uri"], row["outcome"]) for row in result.outcomes.to_pylist()] == [
        ("http://river.example/", "deferred"),
        ("http://river.example/robots.txt", "unreachable"),
    ]


def test_a_robots_txt_may_be_some_redirects_away():
    hop = {f"/r{n}": http(status=302, more=f"Location: /r{n + 1}\r\n") for n in range(1, 5)}
    site = {**SITE, **hop, "/robots.txt": http(status=302, more="Location: /r1\r\n"), "/r5": SITE["/robots.txt"]}
    assert "/cellar/" not in Crawled(site).log.paths()
    assert len(Crawled(site, max_pages=1).log.asked) == 7
    endless = Crawled({**site, "/r5": http(status=302, more="Location: /robots.txt\r\n")})
    assert endless.rows == [("http://river.example/", "deferred", "robots.txt answered 302: read as disallow")]


def test_a_robots_txt_on_another_host_is_asked_for_in_the_turn_of_that_host():
    site = {**SITE, "river.example/robots.txt": http(status=302, more="Location: http://mill.example/robots.txt\r\n")}
    done = Crawled(site, max_pages=1, delay_s=0.05, seeds=("http://river.example/", "http://mill.example/"))
    assert min(done.log.gaps("mill.example")) >= 0.05
    assert [url for url, _ in done.fetched].count("http://mill.example/robots.txt") == 1


def test_a_redirect_to_a_refused_address_makes_no_connection():
    with serving({}) as (port, silent):
        done = Crawled(
            {"/": http(status=302, more=f"Location: http://127.0.0.1:{port}/\r\n"), "/robots.txt": http(b"")}
        )
        away = Crawled({"/": http(status=302, more="Location: http://169.254.169.254/latest\r\n")})
        assert silent.connections == 0
    assert done.rows == [(f"http://127.0.0.1:{port}/", "refused", f"port {port}")]
    assert away.rows == [("http://169.254.169.254/latest", "refused", "address in 169.254.0.0/16 (link local)")]


def test_a_redirect_off_the_crawl_is_a_row_that_says_how_to_follow_it():
    done = Crawled({"/": http(status=302, more="Location: http://sea.example/#x\r\n")})
    why = "http://river.example/ redirects to a host outside this crawl; add it to the seeds to follow"
    assert done.rows == [("http://sea.example/", "refused", why)]


def test_a_redirect_loop_ends():
    done = Crawled({"/": http(status=302, more="Location: /1\r\n"), "/1": http(status=302, more="Location: /\r\n")})
    assert done.log.paths() == ["/robots.txt", "/", "/1"]
    assert done.rows == []


def test_twelve_redirects_in_a_row_are_too_many():
    hops = {f"/{n or ''}": http(status=302, more=f"Location: /{n + 1}\r\n") for n in range(12)}
    done = Crawled(hops)
    assert done.log.paths()[1:] == ["/", *(f"/{n}" for n in range(1, 11))]
    assert done.rows == [("http://river.example/11", "refused", "more than 10 redirects in a row")]


def test_what_a_redirect_leads_to_is_barred_by_robots_txt_too():
    done = Crawled({**SITE, "/": http(status=302, more="Location: /cellar/\r\n")})
    assert done.log.paths() == ["/robots.txt", "/"]
    assert [row[:2] for row in done.rows] == [("http://river.example/cellar/", "refused")]


def test_over_the_budget_every_url_is_deferred():
    done = Crawled(SITE, max_pages=2)
    assert done.log.paths() == ["/robots.txt", "/", "/1"]
    assert [row[:2] for row in done.rows if row[1] == "deferred"] == [
        ("http://river.example/2", "deferred"),
        ("http://river.example/3", "deferred"),
        ("http://river.example/gone", "deferred"),
    ]
    assert done.rows[0][2] == "over the budget of 2 pages"


def test_links_are_followed_to_the_depth_of_the_plan():
    assert Crawled(SITE, max_depth=0).log.paths() == ["/robots.txt", "/"]
    assert Crawled(SITE, max_depth=1).log.paths() == ["/robots.txt", "/", "/1", "/2", "/gone"]


PICTURES = {
    "/": http(b'<img src="/p.png"><img srcset="/q.png 1x, /r.png 2x"><audio src="/s.ogg"></audio><a href="/1">'),
    "/p.png": http(b"\x89PNG", type="image/png"), "/r.png": http(b"\x89PNG", type="image/png"),
    "/s.ogg": http(b"OggS", type="audio/ogg"), "/1": page(),
}  # fmt: skip


def test_pictures_and_recordings_of_a_page_are_fetched_one_step_deeper_and_only_where_wanted():
    assert Crawled(PICTURES, max_depth=0).log.paths() == ["/robots.txt", "/"]
    assert Crawled(PICTURES, max_depth=0, media=("image",)).log.paths() == ["/robots.txt", "/", "/p.png", "/r.png"]
    assert Crawled(PICTURES, max_depth=0, media=("audio",)).log.paths() == ["/robots.txt", "/", "/s.ogg"]


def test_pictures_and_pages_have_a_budget_each():
    done = Crawled(PICTURES, max_pages=1, media=("image", "audio"), max_media=2)
    assert done.log.paths() == ["/robots.txt", "/", "/p.png", "/r.png"]
    assert [row for row in done.rows if row[1] == "deferred"] == [
        ("http://river.example/1", "deferred", "over the budget of 1 pages"),
        ("http://river.example/s.ogg", "deferred", "over the budget of 2 pictures and recordings"),
    ]
    assert done.progress[-1] == ("crawl rivers", 3, 3)


def test_robots_txt_bars_pictures_too():
    done = Crawled(
        {**PICTURES, "/robots.txt": http(b"User-agent: *\nDisallow: /p.png\n")}, max_depth=0, media=("image",)
    )
    assert done.log.paths() == ["/robots.txt", "/", "/r.png"]
    assert [row[:2] for row in done.rows] == [("http://river.example/p.png", "refused")]


def test_a_trap_without_end_stops():
    done = Crawled({**SITE, "/": page("/loop/"), "/loop/": page("loop/"), "/loop/loop/": page("loop/")})
    assert done.log.paths() == ["/robots.txt", "/", "/loop/", "/loop/loop/"]
    assert done.rows == [
        ("http://river.example/loop/loop/loop/", "refused", "a path segment that comes more than 2 times")
    ]


def test_of_pages_that_differ_in_numbers_alone_some_are_asked_for_and_all_that_are_named():
    links = [f"/{n}" for n in range(10)]
    robots = http(b"Sitemap: http://river.example/s.xml\n")
    named = "".join(f"<url><loc>http://river.example/{n}</loc></url>" for n in range(3, 7))
    site = {
        "/": page(*links),
        "/robots.txt": robots,
        "/s.xml": http(f"<urlset>{named}</urlset>".encode()),
        **dict.fromkeys(links, page()),
    }
    done = Crawled(site, max_variants=2, seeds=("http://river.example/", "http://river.example/9"))
    assert sorted(done.log.paths()) == sorted(["/", "/robots.txt", "/s.xml", "/9", "/0", "/3", "/4", "/5", "/6"])
    why = "more than 2 variants of river.example/#"
    assert done.rows == [(f"http://river.example/{n}", "refused", why) for n in (1, 2, 7, 8)]


def test_a_host_that_stops_answering_is_left_for_another_round():
    done = Crawled({"/": page(*(f"/{n}" for n in range(6))), **{f"/{n}": b"" for n in range(6)}})
    assert done.log.paths() == ["/robots.txt", "/", "/0", "/1", "/2"]
    assert [row[1] for row in done.rows] == ["unreachable"] * 3 + ["deferred"] * 3
    assert done.rows[-1][2] == "river.example gave no answer 3 times in a row"


def sitemap(*urls):
    return b"<urlset>" + b"".join(f"<url><loc>{url}</loc></url>".encode() for url in urls) + b"</urlset>"


def test_sitemaps_of_robots_txt_are_read_plain_and_packed():
    packed = gzip.compress(sitemap("http://river.example/2"), mtime=0)
    index = b"<sitemapindex><sitemap><loc>http://river.example/b.xml.gz</loc></sitemap></sitemapindex>"
    lines = b"User-agent: *\nDisallow: /cellar\n" + b"".join(
        b"Sitemap: http://" + where + b"\n"
        for where in (
            b"river.example/i.xml",
            b"river.example/a.xml",
            b"river.example/cellar/c.xml",
            b"sea.example/d.xml",
        )
    )
    done = Crawled({
        "/robots.txt": http(lines), "/": page(), "/1": page(), "/2": page(),
        "/i.xml": http(index, type="application/xml"), "/b.xml.gz": http(packed, type="application/gzip"),
        "/a.xml": http(sitemap("http://river.example/1", "http://sea.example/", "http://river.example/cellar/"), type="text/xml"),
    })  # fmt: skip
    assert done.log.paths() == ["/robots.txt", "/i.xml", "/a.xml", "/b.xml.gz", "/", "/1", "/2"]
    assert [row[:2] for row in done.rows] == [("http://river.example/cellar/", "refused")]


def test_a_sitemap_speaks_for_its_own_host_only():
    robots = b"Sitemap: http://river.example/a.xml\nSitemap: http://mill.example/a.xml\n"
    site = {"river.example/robots.txt": http(robots), "/": page()}
    site["/a.xml"] = http(sitemap("http://mill.example/1", "https://river.example:22/"), type="text/xml")
    done = Crawled(site, seeds=("http://river.example/", "http://mill.example/"))
    assert (done.log.paths("river.example"), done.log.paths("mill.example")) == (
        ["/robots.txt", "/a.xml", "/"],
        ["/robots.txt", "/"],
    )
    assert done.rows == [("https://river.example:22/", "refused", "port 22")]


def test_an_index_in_an_index_is_not_followed():
    def index(name):
        return http(
            b"<sitemapindex><sitemap><loc>http://river.example/%b</loc></sitemap></sitemapindex>" % name,
            type="text/xml",
        )

    site = {"/robots.txt": http(b"Sitemap: http://river.example/1.xml\n"), "/": page()}
    done = Crawled({**site, "/1.xml": index(b"2.xml"), "/2.xml": index(b"3.xml"), "/3.xml": index(b"4.xml")})
    assert done.log.paths() == ["/robots.txt", "/1.xml", "/2.xml", "/"]


def test_an_index_of_itself_ends():
    index = (
        b"<sitemapindex>"
        + b"".join(b"<sitemap><loc>http://river.example/%d.xml</loc></sitemap>" % n for n in range(99))
        + b"</sitemapindex>"
    )
    files = {f"/{n}.xml": http(index, type="text/xml") for n in range(99)}
    done = Crawled({"/robots.txt": http(b"Sitemap: http://river.example/0.xml\n"), **files})
    assert len(done.log.asked) == 51  # robots.txt, 49 of the sitemaps (the index names itself), and the seed


def test_a_coded_page_is_read_for_its_links_and_a_bomb_is_not():
    coded = "Content-Encoding: gzip\r\n"
    bomb = gzip.compress(bytes(64 << 20), mtime=0)
    done = Crawled({"/": http(gzip.compress(b'<a href="/1">'), more=coded), "/1": http(bomb, more=coded)})
    assert [status for _, status in done.fetched] == [404, 200, 200]


def test_a_cut_page_says_so_in_the_warc():
    done = Crawled({"/": http(b"x" * 1000)}, max_bytes=100)
    cuts = [record.rec_headers.get_header("WARC-Truncated") for record in ArchiveIterator(io.BytesIO(done.warc))]
    assert cuts == [None, None, None, None, "length"]


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": ("river.example",)},
        {"seeds": ("file:///etc/passwd",)},
        {"round_s": 0.0},
        {"round_s": 1e6},
        {"contact": "a\r\nX: b"},
    ],
    ids=range(5),
)
def test_a_plan_that_cannot_be_kept_is_refused_before_anything_is_asked(changes):
    with pytest.raises(SourceError, match="source rivers: "):
        plan(**changes)
