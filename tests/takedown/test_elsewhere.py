"""What lies beside the ledger: what killed processes left is deleted, the rest is listed with the reason."""

import dataclasses
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from pipelines.capture.stored import ARCHIVE
from pipelines.ledger.log import Log
from pipelines.site import load_site
from pipelines.store import Store, unfinished
from pipelines.suppression import covering
from pipelines.takedown import elsewhere
from pipelines.takedown.gone import Cut, Gone
from schemas.digest import sha256
from tests.capture.archives import http, members, warc

KEY = b"k" * 32


@pytest.fixture
def site(tmp_path):
    return load_site(tmp_path / "ours")


@pytest.fixture(scope="module")
def dead():
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    return gone.pid


def test_what_a_killed_process_was_writing_is_deleted_and_nothing_else(site, dead):
    live = [site.scratch / f"release-{os.getpid()}", site.scratch / "demo"]
    for folder in [site.scratch / f"shard-0a-{dead}", site.scratch / f"takedown-{dead}", *live]:
        folder.mkdir(parents=True)
        (folder / "x.tar").write_bytes(b"words of an item")
    site.store.put("captures/a.warc.gz", b"whole")
    mine = unfinished(site.store.local("captures/b.warc.gz"))
    mine.write_bytes(b"being written")
    theirs = mine.with_name(f"c.warc.gz#{dead:010d}7")
    theirs.write_bytes(b"words of an item")
    assert len(elsewhere.left(site)) == 3
    elsewhere.clear_left(site)
    assert elsewhere.left(site) == []
    assert sorted(site.scratch.iterdir()) == sorted(live)
    assert mine.exists()
    assert list(site.store.list("captures")) == ["captures/a.warc.gz"]
    listed = {row["store"]: row["reason"] for row in elsewhere.elsewhere(site, "R-1")}
    assert listed.keys() == {str(path) for path in live}
    assert all(listed.values())


def test_copies_of_a_bucket_that_a_killed_reader_left_are_deleted(site, tmp_path, dead):
    far = dataclasses.replace(site, store=Store(root="s3://bucket/x", cache=str(tmp_path / "cache")))
    copies = far.store.cached_folder / f"lent-{dead}-x"
    copies.mkdir(parents=True)
    elsewhere.clear_left(far)
    assert not copies.exists()
    assert [row["kind"] for row in elsewhere.elsewhere(far, "R-1")] == ["bucket"]


def test_what_dagster_shows_and_models_hold_is_listed(site):
    for path in ("dagster/storage/runs.db", "models/ours-1/tokens/0.bin"):
        (site.home / path).parent.mkdir(parents=True)
        (site.home / path).write_bytes(b"a picture")
    found = {row["kind"]: row["store"] for row in elsewhere.elsewhere(site, "R-1")}
    assert found == {"preview": str(site.home / "dagster"), "training": str(site.home / "models/ours-1")}


def archived(site, *hosts):
    """An archive of a page of each host, in the store."""
    pages = [
        warc("response", http(b"words"), {"WARC-Target-URI": f"http://{host}/"}, n=n) for n, host in enumerate(hosts)
    ]
    path = f"captures/{sha256(members(pages)).hex()}.warc.gz"
    site.store.put(path, members(pages))
    return path


def test_an_archive_of_a_killed_round_is_cleaned_away_and_goes_where_it_holds_what_goes(site):
    log = Log(site.store)
    both, other, named = (
        archived(site, "gone.example", "a"),
        archived(site, "kept.example"),
        archived(site, "gone.example"),
    )
    cut, taken = archived(site, "x.gone.example"), covering(KEY, [("domain", b"gone.example")])
    row = {"stored": named, "sha256": "00", "length": 1}
    log.append("r", None, [site.store.publish("archive", pa.Table.from_pylist([row], schema=ARCHIVE))])
    assert log.unnamed_archives() == sorted([both, other, cut])
    none = frozenset()
    gone = Gone(
        request="R-1", items=none, captures=none, heard=none, uris=none, subjects=none, taken=taken,
        cuts={"x": Cut(old="x", new=cut, length=1, ranges=())},
    )  # fmt: skip
    assert [(one["store"], one["state"]) for one in elsewhere.unnamed_archives(site, gone)] == [(both, "cleared")]
    assert log.clean() == sorted([both, other, cut])
    assert list(site.store.list("captures")) == [named]
