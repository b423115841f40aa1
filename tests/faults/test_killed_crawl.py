"""A worker killed in the middle of a round, and two workers at once: the server's own log tells what was asked."""

import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from pipelines.capture.warc import Record, records
from pipelines.ledger.log import Log
from tests.capture.server import http, page, serving
from tests.faults.crawl_worker import HOSTS, crawl_round, site_of

DELAY_S = 0.06
PAGES = 10
ASKED = ["/robots.txt", "/", *(f"/{n}" for n in range(PAGES))]


def site(slow=None, waits=None):
    """Two hosts of PAGES pages each; the page `slow` answers when `waits` is set."""

    def late(connection):
        waits.wait(5)
        connection.send(page())

    pages = {f"/{n}": page() for n in range(PAGES)}
    return {"/": page(*pages), **pages, "/robots.txt": http(b"User-agent: *\n"), **({slow: late} if slow else {})}


def worker(folder, port):
    command = [sys.executable, "-m", "tests.faults.crawl_worker", str(folder), str(port), str(DELAY_S)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def until(is_true):
    """Wait for a thing that a server in this process sees."""
    ends_at = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < ends_at, "it did not come to that"
        time.sleep(0.005)


def urls(folder, receipt):
    """How often each URL of a round is in its archive or among its rows."""
    store = site_of(folder, 0).store
    (archive,) = store.read_part(receipt.part("archive")).to_pylist()
    found = [one for one in records(store.local(archive["stored"])) if isinstance(one, Record)]
    rows = store.read_part(receipt.part("capture")).to_pylist()
    return Counter(
        [one.uri for one in found if one.record_type == "response"] + [row["uri"] for row in rows]
    ), rows  # fmt: skip


ALL = Counter(f"http://{host}{path}" for host in HOSTS for path in ASKED)


@pytest.mark.parametrize("after", [1, 5, 14])
def test_a_killed_round_goes_on_without_asking_twice_or_too_soon(tmp_path, after):
    with serving(site()) as (port, log):
        first = worker(tmp_path, port)
        until(lambda: len(log.asked) >= after)
        first.kill()
        first.communicate()
        receipt = crawl_round(site_of(tmp_path, port), DELAY_S)
        again = crawl_round(site_of(tmp_path, port), DELAY_S)
    assert again.reused
    asked = Counter(f"http://{one.host}{one.path}" for one in log.asked)
    assert {url for url, n in asked.items() if n > 1 and not url.endswith("/robots.txt")} == set()
    assert min(min(log.gaps(host)) for host in HOSTS) >= DELAY_S
    assert {one.open for one in log.asked} == {1}
    held, rows = urls(tmp_path, receipt)
    lost = "a page in doubt is not read for its links in this round"
    known = {*asked, *(row["uri"] for row in rows)}  # what was claimed last may not have been asked for any more
    assert held == (ALL if known == set(ALL) else Counter(dict.fromkeys(known, 1))), lost
    assert all(
        row["outcome"] == "deferred" and row["detail"].startswith("asked by a worker that ended") for row in rows
    )


def test_a_page_that_was_being_asked_for_is_left_for_another_round(tmp_path):
    gate = threading.Event()
    with serving(site("river.example/4", gate)) as (port, log):
        first = worker(tmp_path, port)
        until(lambda: "/4" in log.paths("river.example"))
        first.kill()
        first.communicate()
        gate.set()
        left = Log(site_of(tmp_path, port).store).orphans()
        receipt = crawl_round(site_of(tmp_path, port), DELAY_S)
    assert {path.split("/")[0] for path in left} == {"crawls"}
    assert len(left) > 2
    assert Log(site_of(tmp_path, port).store).orphans() == []
    assert Counter(log.paths("river.example")) == Counter(ASKED)
    held, rows = urls(tmp_path, receipt)
    assert held == ALL
    assert {row["outcome"] for row in rows} == {"deferred"}
    assert "http://river.example/4" in [row["uri"] for row in rows]


def test_two_workers_share_a_round_and_are_as_polite_as_one(tmp_path):
    with serving(site()) as (port, log):
        both = [worker(tmp_path, port) for _ in range(2)]
        assert [one.communicate()[1] for one in both] == [b"", b""]
    assert Counter(f"http://{one.host}{one.path}" for one in log.asked) == ALL
    assert min(min(log.gaps(host)) for host in HOSTS) >= DELAY_S
    receipt = crawl_round(site_of(tmp_path, port), DELAY_S)
    assert receipt.reused
    assert urls(tmp_path, receipt)[0] == ALL


def test_a_journal_is_gone_when_its_round_is_over(tmp_path):
    with serving(site()) as (port, _):
        crawl_round(site_of(tmp_path, port), 0.0)
    assert [path.relative_to(tmp_path).parts[:3] for path in (tmp_path / "crawls").rglob("*") if path.is_file()] == [
        ("crawls", "rivers", "over")
    ]
