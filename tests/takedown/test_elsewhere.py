"""What lies beside the ledger: what killed processes left is deleted, the rest is listed with the reason."""

import dataclasses
import os
import subprocess
import sys

import pytest

from pipelines.site import load_site
from pipelines.store import Store, unfinished
from pipelines.takedown import elsewhere


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
