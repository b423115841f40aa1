"""Laws of takedown: of what was taken out no byte is left in any store but those that say so, and no run brings it back."""

import dataclasses
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.ledger.log import Log
from pipelines.payload import payload_bytes
from pipelines.run import run
from pipelines.takedown.apply import apply
from pipelines.takedown.plan import plan
from schemas.request import Scope
from tests.takedown.decoded import contents

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def item_of(ledger, lane, method):
    """An item of the lane that dedup merged by this method, the one of the smallest id."""
    rows = ledger.db.rows(
        "SELECT item_id FROM duplicate JOIN item USING (item_id) WHERE lane = ? AND method = ? ORDER BY item_id",
        [lane, method],
    )
    return rows[0]["item_id"].hex()


def kept(ledger, lane, uri):
    (row, *_) = ledger.db.rows(
        "SELECT item_id FROM item JOIN capture USING (capture_id) JOIN disposition USING (item_id) WHERE item.lane = ? AND uri LIKE ?"
        " AND state = 'kept' ORDER BY item_id",
        [lane, uri],
    )
    return row["item_id"].hex()


# A request of every kind, one on top of the other: what is planted is in docs/takedown.md.
REQUESTS = {
    "R-copy": lambda ledger: (Scope.ITEM, item_of(ledger, "image_caption", "exact")),
    "R-encoded": lambda ledger: (Scope.ITEM, item_of(ledger, "image_caption", "phash")),
    "R-sound": lambda ledger: (Scope.ITEM, item_of(ledger, "audio", "fingerprint")),
    "R-text": lambda ledger: (Scope.ITEM, item_of(ledger, "web", "minhash")),
    "R-book": lambda ledger: (Scope.ITEM, item_of(ledger, "books", "minhash")),
    "R-code": lambda ledger: (Scope.ITEM, item_of(ledger, "code", "minhash")),
    "R-upload": lambda ledger: (Scope.ITEM, kept(ledger, "audio", "upload://demo-sounds/sounds.tar.gz!/%")),
    "R-domain": lambda ledger: (Scope.DOMAIN, "gallery.example"),
}


@dataclasses.dataclass
class Canary:
    """What of one request must be found nowhere: pieces of its payloads and its texts."""

    request: str
    pieces: list[bytes]


@pytest.fixture(scope="module")
def done(demo, tmp_path_factory):
    """(recipe, site, canaries, releases before each request, reports) after all requests on a copy of the demo."""
    recipe, site, _ = demo
    root = tmp_path_factory.mktemp("takedown") / "site"
    shutil.copytree(site.store.root, root, ignore=shutil.ignore_patterns(".scratch"))
    mine = dataclasses.replace(
        site,
        store=dataclasses.replace(site.store, root=str(root)),
        scratch=root / ".scratch",
        suppression_key=root.parent / "key",
    )
    canaries, reports = [], []
    for name, named in REQUESTS.items():
        ledger = Ledger.open(mine.store)
        scope, value = named(ledger)
        found = plan(mine, name, scope, value)
        canaries.append(Canary(name, pieces(mine, found)))
        reports.append(apply(mine, found, at=NOW))
    return recipe, mine, canaries, reports


def pieces(site, found):
    """The middle of every payload, and of every text that nobody else would write."""
    payloads = [payload_bytes(site.store, row["payload"]) for row in found.captures if row["payload"]]
    texts = [text.encode() for text in found.read.texts(found.closure.items).values()]
    found = {data[len(data) // 3 :][:48] for data in [*payloads, *texts] if len(data) > 200}
    return sorted(piece for piece in found if len(set(piece)) > 12)  # silence is in every recording


def found_in(root: Path, canaries):
    """path -> requests of which a piece is there."""
    hits = {}
    for path, data in contents(root):
        for canary in canaries:
            if any(piece in data for piece in canary.pieces):
                hits.setdefault(path, set()).add(canary.request)
    return hits


def remaining(store):
    rows = Ledger.open(store).db.rows("SELECT DISTINCT store FROM holding WHERE state = 'remaining'")
    return {row["store"] for row in rows}


def test_the_canaries_can_be_seen(demo, done):
    """The search is worth something: before, every request's pieces are in the site."""
    _, site, _ = demo
    seen = set().union(*found_in(Path(site.store.root), done[2]).values())
    assert seen == set(REQUESTS)


def test_no_byte_is_left_but_where_a_holding_says_so(done):
    _, site, canaries, _ = done
    hits = found_in(Path(site.store.root), canaries)
    assert {path: names for path, names in hits.items() if path not in remaining(site.store)} == {}


def test_what_was_taken_out_is_withdrawn_and_the_ledger_verifies(done):
    _, site, _, reports = done
    ledger = Ledger.open(site.store)
    gone = [bytes.fromhex(row["item_id"]) for report in reports for row in report["items"]]
    states = ledger.db.rows(
        "SELECT DISTINCT state FROM disposition WHERE item_id IN (SELECT unnest(?::BLOB[]))", [gone]
    )
    assert {row["state"] for row in states} == {"withdrawn", "split"}
    assert verify_ledger(site.store).problems == []


def test_untouched_shards_keep_their_digests(done):
    for report in done[3]:
        by_path = {(one["lane"], one["path"]): one for one in report["shards"]}
        touched = [one for one in by_path.values() if one["before"] != one["after"]]
        assert touched, report["request"]
        assert len(touched) + report["untouched_shards"] == len(by_path)


def test_a_run_brings_nothing_back(done):
    recipe, site, canaries, reports = done
    result = run(recipe, site)
    assert result.balance.holds
    hits = found_in(Path(site.store.root), canaries)
    assert {path: names for path, names in hits.items() if path not in remaining(site.store)} == {}
    gone = [bytes.fromhex(row["item_id"]) for report in reports for row in report["items"]]
    placed = Ledger.open(site.store).db.rows(
        "SELECT item_id FROM placement WHERE item_id IN (SELECT unnest(?::BLOB[]))", [gone]
    )
    assert placed == []
    assert Log(site.store).verify() == []
