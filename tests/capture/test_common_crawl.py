"""Common Crawl on loopback: an index made here, and records read by their ranges."""

import dataclasses
import gzip
import json

import pytest

from pipelines.capture.archive import capture_archive
from pipelines.capture.common_crawl import _blocks, _near, common_crawl, is_common_crawl
from pipelines.capture.sample import UNREACHED, sample_input
from pipelines.ledger.log import Log
from pipelines.phases import capture
from pipelines.recipe import loads
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import key_of, suppression_rows
from schemas.errors import SourceError
from tests.capture.archives import http as answer
from tests.capture.archives import warc
from tests.capture.server import serving
from tests.test_recipe import RECIPE

CRAWL = "CC-MAIN-2026-43"
HOSTS = ["a.example", "river.example", "www.river.example", "rivers.example", "z.example"]
FILES = {
    name: f"crawl-data/{CRAWL}/segments/1/{kind}/{name}.warc.gz" for name, kind in (("x", "warc"), ("y", "robotstxt"))
}


def files():
    """Everything under the root of a Common Crawl of five hosts with a page, a poem and a robots.txt each: path -> bytes."""
    made, lines = {}, []
    for name, paths in (("x", ("/", "/poems/1")), ("y", ("/robots.txt",))):
        data = b""
        for n, host in enumerate(HOSTS):
            for path in paths:
                uri = f"http://{host}{path}"
                member = gzip.compress(
                    warc("response", answer(uri.encode()), {"WARC-Target-URI": uri}, n=len(data)), mtime=0
                )
                key = f"{','.join(reversed(host.split('.')))}){path}"
                said = {
                    "url": uri,
                    "status": "200",
                    "length": str(len(member)),
                    "offset": str(len(data)),
                    "filename": FILES[name],
                }
                lines.append(f"{key} 20261101{n:06d} {json.dumps(said)}\n")
                data += member
        made[FILES[name]] = data
    index, cluster, at = f"cc-index/collections/{CRAWL}/indexes", "", 0
    blocks = b""
    lines.sort()
    for number, start in enumerate(
        range(0, len(lines), 4)
    ):  # blocks of four lines, so that hosts lie across their borders
        block = gzip.compress("".join(lines[start : start + 4]).encode(), mtime=0)
        cluster += (
            "\t".join([" ".join(lines[start].split(" ")[:2]), "cdx-00000.gz", str(at), str(len(block)), str(number)])
            + "\n"
        )
        blocks, at = blocks + block, at + len(block)
    made |= {f"{index}/cdx-00000.gz": blocks, f"{index}/cluster.idx": cluster.encode()}
    made[f"crawl-data/{CRAWL}/warc.paths.gz"] = gzip.compress(f"{FILES['x']}\n".encode())
    return made


def ranged(data, log):
    """An answer that gives the range that is asked for, to GET and HEAD."""

    def send(connection):
        raw = log[0].asked[-1].raw
        size = f"Content-Length: {len(data)}\r\nLast-Modified: Sun, 01 Nov 2026 12:00:00 GMT\r\n"
        if raw.startswith(b"HEAD"):
            connection.send(f"HTTP/1.1 200 OK\r\n{size}Connection: close\r\n\r\n".encode())
            return
        wanted = raw.lower().partition(b"range: bytes=")[2].partition(b"\r\n")[0].decode()
        start, _, stop = wanted.partition("-")
        part = data[int(start) : int(stop) + 1] if wanted else data
        shown = f"Content-Range: bytes {start}-{int(start) + len(part) - 1}/{len(data)}\r\n" if wanted else ""
        status = 206 if wanted else 200
        head = f"HTTP/1.1 {status} OK\r\n{shown}Content-Length: {len(part)}\r\nLast-Modified: Sun, 01 Nov 2026 12:00:00 GMT\r\n"
        connection.send((head + "Connection: close\r\n\r\n").encode() + part)

    return send


@pytest.fixture
def far(tmp_path):
    """(site, log of the server) of a mirror of Common Crawl."""
    log = []
    answers = {f"/{path}": ranged(data, log) for path, data in files().items()}
    with serving(answers) as (port, seen):
        log.append(seen)
        yield (
            Site(
                store=Store(root=str(tmp_path)), scratch=tmp_path / "scratch", common_crawl=f"http://127.0.0.1:{port}"
            ),
            seen,
        )


def uris(site, file):
    found = capture_archive(site.store.local(file.stored), source="s", stored_uri=file.stored)
    return sorted((row["uri"], row["outcome"]) for batch in found for row in batch.captures.to_pylist())


def test_the_captures_of_a_host_are_read_by_their_ranges_alone(far):
    site, log = far
    (file,) = common_crawl(site, "s", f"cc:{CRAWL}/river.example")
    wanted = [("/", "fetched"), ("/poems/1", "fetched"), ("/robots.txt", "robots_file")]
    assert uris(site, file) == [(f"http://river.example{path}", outcome) for path, outcome in wanted]
    asked = [one.raw for one in log.asked if one.path.startswith("/crawl-data/")]
    assert len(asked) == 3
    assert all(b"range: bytes=" in raw.lower() for raw in asked)
    before = len(log.asked)
    assert common_crawl(site, "s", f"cc:{CRAWL}/river.example") == [file]
    assert len(log.asked) == before


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("river.example/poems", ["http://river.example/poems/1"]),
        ("a.example/", ["http://a.example/", "http://a.example/poems/1", "http://a.example/robots.txt"]),
        ("z.example/p", ["http://z.example/poems/1"]),
        (
            "*.river.example",
            [f"http://{host}{path}" for host in HOSTS[1:3] for path in ("/", "/poems/1", "/robots.txt")],
        ),
    ],
)
def test_a_path_or_a_domain_may_be_named(far, wanted, found):
    (file,) = common_crawl(far[0], "s", f"cc:{CRAWL}/{wanted}")
    assert [uri for uri, _ in uris(far[0], file)] == found


@pytest.mark.parametrize("entry", [FILES["x"], f"cc:{CRAWL}", f"cc:{CRAWL}@1"])
def test_whole_archives_are_taken_as_they_are(far, entry):
    site, _ = far
    (file,) = common_crawl(site, "s", entry)
    assert site.store.read(file.stored) == files()[FILES["x"]]
    assert len(uris(site, file)) == 10


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (f"cc:{CRAWL}/sea.example", "the index has no capture of it"),
        ("cc:CC-MAIN-1999-01/a.example", "has no cc-index/collections/CC-MAIN-1999-01/indexes/cluster.idx"),
        ("cc:CC-MAIN-1999-01", "has no crawl-data/CC-MAIN-1999-01/warc.paths.gz"),
        ("crawl-data/none.warc.gz", "has no crawl-data/none.warc.gz"),
        (f"cc:{CRAWL}@x", "write cc:CC-MAIN-2026-43"),
        (f"cc:{CRAWL}@", "write cc:CC-MAIN-2026-43"),
        ("cc:", "write cc:CC-MAIN-2026-43"),
        ("cc-index/table/cc-main/warc/", "the columnar index is not read"),
    ],
)
def test_what_is_not_there_is_named(far, entry, why):
    with pytest.raises(SourceError, match=why):
        common_crawl(far[0], "s", entry)


def test_the_index_is_not_read_from_its_beginning(tmp_path):
    keys = [f"com,host{n:05d})/" for n in range(3000)]
    data = "".join(f"{key} 2026\tcdx-00000.gz\t{n}\t1\t{n}\n" for n, key in enumerate(keys)).encode()
    store = Store(root=str(tmp_path))
    store.put("cluster.idx", data)
    for n in (0, 1, 1500, 2999):
        start = _near(store, "cluster.idx", len(data), keys[n])
        assert data[:start].count(b"\n") < max(n, 1)
        assert start >= data.index(keys[n].encode()) - (64 << 10) - len(data) // 3000 * 2
        assert [place.offset for place in _blocks(store, "cluster.idx", (keys[n],))] == [*([n - 1] if n else []), n]


def test_what_a_request_took_down_is_not_copied(far):
    site, log = far
    site = dataclasses.replace(site, suppression_key=site.scratch / "key")
    key = key_of(site)
    gone = suppression_rows(key, "R", [("url", b"http://river.example/poems/1")])
    Log(site.store).append("r", None, [site.store.publish("suppression", gone)], of_head=lambda head: ())
    (file,) = common_crawl(site, "s", f"cc:{CRAWL}/river.example")
    assert [uri for uri, _ in uris(site, file)] == ["http://river.example/", "http://river.example/robots.txt"]
    assert len([one for one in log.asked if one.path.startswith("/crawl-data/")]) == 2


def test_a_source_of_a_recipe_is_read_and_a_plan_does_not_ask(far, tmp_path):
    site, log = far
    entry = f"cc:{CRAWL}/river.example"
    recipe = loads(RECIPE.replace('from = "archives"', f'from = "{entry}"'), base=tmp_path)
    found = capture(recipe, site, recipe.sources[0])
    assert found.receipts[0].counts["captures"] == 3
    assert entry in found.names.values()
    before = len(log.asked)
    assert is_common_crawl(entry)
    note, made = sample_input("s", entry, tmp_path, 5, tmp_path, layout=recipe.sources[0].layout, wanted=None)
    assert (note.note, made, len(log.asked)) == (UNREACHED, [], before)
