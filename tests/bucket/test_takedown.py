"""Taking out of a bucket: nothing of it is left there, no shard that holds none of it moves, and it ends as on a disk."""

from datetime import UTC, datetime

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.payload import payload_bytes
from pipelines.recipe import load
from pipelines.run import run
from pipelines.suppression import suppression
from pipelines.takedown.apply import apply
from pipelines.takedown.plan import plan
from schemas.request import Scope
from tests.takedown.decoded import unpacked

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PHOTO = "upload://photos/a.jpg"


def taken_out(site):
    return apply(site, plan(site, "R-1", Scope.URL, PHOTO), at=NOW)


def holding(files, piece):
    return sorted(name for name, body in files.items() if any(piece in data for data in unpacked(body)))


@pytest.fixture
def piece(corpus):
    """The middle of the photograph, as it is captured and published."""
    _, near, _ = corpus
    with Ledger.open(near.store) as ledger:
        (row,) = ledger.db.rows("SELECT DISTINCT payload FROM capture WHERE uri = ?", [PHOTO])
    data = payload_bytes(near.store, row["payload"])
    return data[len(data) // 2 :][:64]


def test_what_is_taken_out_of_a_bucket_is_nowhere_in_it(corpus, copied, piece):
    held, site = copied()
    site.store.near_folder(f"releases/{corpus[2].release}")  # as training has it
    assert len(holding(held.files, piece)) >= 3
    held.requests.clear()
    report = taken_out(site)
    asked = list(held.requests)
    assert holding(held.files, piece) == []
    assert [path for path in site.store.cached_folder.rglob("*") if path.is_file() and piece in path.read_bytes()] == []
    assert verify_ledger(site.store).problems == []
    assert site.store.root in [row["store"] for row in report["remaining"]]
    # What is untouched was copied where it lies: its bytes went over the network for the scan alone.
    untouched = [one for one in report["shards"] if one["before"] == one["after"]]
    for one in untouched:
        path = f"ours/releases/{report['release']['after']}/{one['lane']}/{one['path']}"
        assert sorted(how for how, name in asked if name == path and how != "HEAD") == ["COPY", "GET"]
    assert untouched
    assert run(load(corpus[0]), site).balance.holds
    assert holding(held.files, piece) == []


def test_it_ends_as_on_a_disk(copied, near_copy, piece):
    held, site = copied("gs")
    here, there = taken_out(near_copy), taken_out(site)
    for name in ("release", "items", "shards", "untouched_shards", "scan", "exposure"):
        assert there[name] == here[name], name
    for top in ("releases", "shards", "captures"):
        assert list(site.store.list(top)) == list(near_copy.store.list(top))
    assert holding(held.files, piece) == []
    assert suppression(site).has_uri(PHOTO)
