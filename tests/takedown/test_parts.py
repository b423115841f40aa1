"""The small parts of a takedown: whose a file is, where bytes lie after a cut, which pages hold a caption, and the documented commands."""

import gzip
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.fetch import Fetched
from pipelines.capture.frontier import Found
from pipelines.capture.journal import Journal, unfinished
from pipelines.capture.known import frontier_table, hosts_table, unasked_row
from pipelines.capture.turns import Pause
from pipelines.capture.uri import host
from pipelines.cli import main
from pipelines.ledger.log import Log
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import covering, key_of, suppression_rows
from pipelines.takedown.bytes import cuts
from pipelines.takedown.closure import is_owned
from pipelines.takedown.elsewhere import clear_crawls
from pipelines.takedown.gone import Gone
from pipelines.takedown.rows import without
from pipelines.takedown.texts import words_are_in
from schemas.capture import Outcome
from schemas.digest import sha256
from tests.ledger import made

DOCS = Path(__file__).resolve().parents[2] / "docs/takedown.md"


@pytest.mark.parametrize(
    ("uri", "owner", "owned"),
    [
        ("https://github.com/River/ferry/blob/main/a.py", "river", True),
        ("https://raw.githubusercontent.com/river/ferry/main/a.py", "github.com/River", True),
        ("https://gitlab.com/river/ferry/-/raw/main/a.py", "github.com/river", False),
        ("https://github.com/riverside/ferry/a.py", "river", False),
        ("http://river.example/a.py", "river", False),
    ],
)
def test_a_file_is_owned_by_who_owns_its_repository(uri, owner, owned):
    assert is_owned(uri, owner) is owned


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=12), st.data())
def test_what_is_left_of_a_file_is_found_where_the_cut_says(tmp_path_factory, pieces, data):
    gone = data.draw(st.sets(st.integers(0, len(pieces) - 1), min_size=1))
    store = Store(root=str(tmp_path_factory.mktemp("cut")))
    store.put("captures/a.warc", b"".join(pieces))
    offsets = [len(b"".join(pieces[:n])) for n in range(len(pieces))]
    places = [{"uri": "captures/a.warc", "offset": offsets[n], "length": len(pieces[n])} for n in sorted(gone)]
    cut = cuts(store, places, [])["captures/a.warc"]
    left = store.read(cut.new) if cut.new else b""
    rest = [n for n in range(len(pieces)) if n not in gone]
    if cut.new is not None:
        assert left == b"".join(pieces[n] for n in rest)
        assert [left[cut.moved(offsets[n]) :][: len(pieces[n])] for n in rest] == [pieces[n] for n in rest]
    assert all(cut.moved(offsets[n]) is None for n in gone)


def test_bytes_in_a_tar_become_zeros_so_that_nothing_moves(tmp_path):
    store = Store(root=str(tmp_path))
    store.put("captures/a.tar", b"headSECRETtail")
    cut = cuts(store, [{"uri": "captures/a.tar", "offset": 4, "length": 6}], [])["captures/a.tar"]
    assert store.read(cut.new) == b"head\0\0\0\0\0\0tail"
    assert cut.moved(10) == 10


def gone(*values):
    """What a request takes out that names these and of which nothing was captured."""
    taken = covering(b"k" * 32, values)
    return Gone("R", frozenset(), frozenset(), frozenset(), frozenset(), frozenset(), {}, taken)


RIVER = ("domain", b"river.example")
URLS = ("http://mill.example/", "http://river.example/", "http://www.river.example/2")


@pytest.mark.parametrize(
    ("values", "urls"),
    [((RIVER,), URLS[:1]), ((("url", b"http://river.example/"),), (URLS[0], URLS[2])), ((("content", b"x"),), URLS)],
)
def test_a_crawl_knows_no_address_any_more_that_a_request_names(values, urls):
    frontier = frontier_table([unasked_row(Found(url=url, depth=0), Outcome.DEFERRED, "later") for url in URLS])
    hosts = hosts_table({host(url): (Pause(), 1, 0) for url in URLS})
    left = without("frontier", frontier, gone(*values))
    assert (frontier if left is None else left).column("url").to_pylist() == list(urls)
    left = without("hosts", hosts, gone(RIVER))
    assert left.column("host").to_pylist() == ["mill.example"]


def test_of_a_round_that_did_not_end_what_a_request_covers_is_cleared(tmp_path):
    site = Site(store=Store(root=str(tmp_path)), scratch=tmp_path / "scratch", suppression_key=tmp_path / "key")
    journal = Journal(site.store, "crawls/s/ab/hosts", clock=lambda: 0.0, lasts_s=1.0, over="over")
    coded = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    for url, body in zip(URLS, (b"kept", b"kept", gzip.compress(b"gone")), strict=True):
        journal.claim(host(url), url)
        block = coded if url == URLS[2] else b""
        at = datetime(2026, 1, 1, tzinfo=UTC)
        answer = Fetched(url=url, outcome=Outcome.FETCHED, fetched_at=at, status=200, header_block=block, body=body)
        journal.write(host(url), answer)
    rows = suppression_rows(key_of(site), "R", [("url", URLS[1].encode()), ("content", sha256(b"gone"))])
    Log(site.store).append("r", None, [site.store.publish("suppression", rows)])
    clear_crawls(site)
    left = [(url, answer is not None) for _, url, answer in unfinished(site.store)]
    assert sorted(left) == [(URLS[0], False), (URLS[0], True), (URLS[2], False)]


@pytest.mark.parametrize(
    ("words", "page", "held"),
    [
        ("The ferry at dawn, 1901", "A page.\nThe  ferry at dawn,\n1901 is shown.", True),
        ("The ferry at dawn, 1901", "Another page.", False),
        ("A boat", "A boat lies here.", False),  # too short to tell
    ],
)
def test_a_page_holds_a_caption_whatever_its_spaces(words, page, held):
    assert words_are_in(words, page) is held


def test_the_documented_commands_run(store, tmp_path, capsys):
    shown = [
        line
        for block in re.findall(r"```\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]
    ran = [line for line in shown if line.startswith("headwater") and "--apply" not in line and "--file" not in line]
    assert len(ran) == 4
    for line in ran:
        words = [made.HOST if word == "river.example" else word for word in shlex.split(line)[1:]]
        assert main([str(tmp_path / "site") if word == "ours" else word for word in words]) == 0, line
    assert "nothing was changed" in capsys.readouterr().out
