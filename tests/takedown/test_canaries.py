"""Laws of takedown: of what was taken out no byte is left in any store but those that say so, and no run brings it back."""

import dataclasses
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.contracts.files import made
from pipelines.late.replay import Replay
from pipelines.late.stored import stored
from pipelines.ledger.log import Log
from pipelines.payload import payload_bytes
from pipelines.run import run
from pipelines.suppression import suppression
from pipelines.takedown.apply import apply
from pipelines.takedown.plan import plan
from schemas.digest import plain, sha256
from schemas.errors import InputError, NotFound, SiteError
from schemas.request import Scope
from tests.capture.archives import http, warc
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


# One on top of the other: a re-encoded picture with its caption, a recording in two codings, near-duplicate texts, code, a member of an
# archive, and all of a host.
REQUESTS = {
    "R-encoded": lambda ledger: (Scope.ITEM, item_of(ledger, "image_caption", "phash")),
    "R-sound": lambda ledger: (Scope.ITEM, item_of(ledger, "audio", "fingerprint")),
    "R-text": lambda ledger: (Scope.ITEM, item_of(ledger, "web", "minhash")),
    "R-code": lambda ledger: (Scope.ITEM, item_of(ledger, "code", "minhash")),
    "R-upload": lambda ledger: (Scope.ITEM, kept(ledger, "audio", "upload://demo-sounds/sounds.tar.gz!/%")),
    "R-domain": lambda ledger: (Scope.DOMAIN, "gallery.example"),
}


LEFT = f"captures/{'0' * 64}.warc.gz"  # of a round that was killed before its receipt


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
    page = warc(
        "response", http(b"a page of a round that was killed"), {"WARC-Target-URI": "http://gallery.example/left"}
    )
    mine.store.put(LEFT, page)
    canaries, reports = [], []
    for name, named in REQUESTS.items():
        ledger = Ledger.open(mine.store)
        scope, value = named(ledger)
        found = plan(mine, name, scope, value)
        canaries.append(Canary(name, pieces(mine, found)))
        reports.append(apply(mine, found, at=NOW))
    return recipe, mine, canaries, reports


def pieces(site, found):
    """A piece of every payload, and of every text that nobody else would write."""
    payloads = [payload_bytes(site.store, row["payload"]) for row in found.captures if row["payload"]]
    texts = [text.encode() for text in found.read.texts(found.closure.items).values()]
    found = {piece(data) for data in [*payloads, *texts] if len(data) > 200}
    return sorted(piece for piece in found if len(set(piece)) > 12)  # silence is in every recording


def piece(data):
    """48 bytes that say which one it is: of pictures and recordings where most differs, behind tables and beside flat parts."""
    if b"\0" not in data:
        return data[len(data) // 3 :][:48]
    return max((data[at : at + 48] for at in range(len(data) // 2, len(data) - 47, 16)), key=lambda one: len(set(one)))


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


def test_the_proofs_are_as_their_schema_says(done):
    schema = Draft202012Validator(json.loads(made()["takedown-report.json"]))
    assert len(done[3]) == len(REQUESTS)
    assert [error.message for report in done[3] for error in schema.iter_errors(plain(report))] == []


def test_the_canaries_can_be_seen(demo, done):
    """The search is worth something: before, every request's pieces are in the site."""
    _, site, _ = demo
    hits = found_in(Path(site.store.root), done[2])
    assert set().union(*hits.values()) == set(REQUESTS)
    held = {row["store"] for row in Ledger.open(site.store).db.rows("SELECT DISTINCT store FROM holding")}
    assert [path for path in hits if not any(path == one or path.startswith(f"{one}/") for one in held)] == []


def test_no_byte_is_left_but_where_a_holding_says_so(done):
    _, site, canaries, _ = done
    hits = found_in(Path(site.store.root), canaries)
    assert {path: names for path, names in hits.items() if path not in remaining(site.store)} == {}


def test_what_a_killed_round_left_of_a_host_goes_with_it(done):
    _, site, _, reports = done
    assert not site.store.exists(LEFT)
    assert [report["request"] for report in reports if LEFT in [one["store"] for one in report["cleared"]]] == [
        "R-domain"
    ]


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


def test_without_the_key_of_the_list_nothing_is_captured(done):
    recipe, site, _, _ = done
    with pytest.raises(SiteError, match="nothing is captured"):
        run(recipe, dataclasses.replace(site, suppression_key=site.scratch / "lost"))


def test_another_key_is_not_taken_for_it(done, tmp_path):
    (tmp_path / "key").write_text("ab" * 32)
    with pytest.raises(SiteError, match="not the key"):
        suppression(dataclasses.replace(done[1], suppression_key=tmp_path / "key"))


def test_the_list_and_the_proofs_name_no_address(done):
    _, site, _, reports = done
    rows = Ledger.open(site.store).db.rows("SELECT * FROM suppression")
    assert {row["kind"] for row in rows} >= {"domain", "content", "pdq"}
    assert "gallery.example" not in f"{reports} {rows}"
    gone = suppression(site)
    assert gone.has_uri("http://www.gallery.example/new.html")
    assert not gone.has_uri("http://river.example/")


def test_no_other_policy_brings_it_back(done):
    _, site, _, reports = done
    (commit,) = [one for one in Log(site.store).commits() if one.note == "takedown under request R-domain"]
    there = stored(Ledger.open(site.store, commit=commit.seq))
    recipe = dataclasses.replace(there.recipe, policy="permissive")
    gone = {bytes.fromhex(row["item_id"]) for report in reports for row in report["items"]}
    fates = Replay(there, recipe).fates()
    kept = {row["item_id"] for one in fates.values() for row in one.after.to_pylist() if row["state"] == "kept"}
    assert kept
    assert kept & gone == set()


def test_earlier_commits_answer_without_what_was_erased(done):
    _, site, _, reports = done
    gone = bytes.fromhex(reports[0]["items"][0]["item_id"])
    with Ledger.open(site.store, commit=0) as ledger:
        assert (
            ledger.db.rows("SELECT DISTINCT state FROM disposition WHERE item_id = ?", [gone])[0]["state"]
            != "withdrawn"
        )
        captures = "SELECT DISTINCT c.payload FROM capture c JOIN item USING (capture_id) WHERE item_id = ?"
        assert ledger.db.rows(captures, [gone]) == [{"payload": None}]


# What a request may have written again: addresses and places, words, and measures of what goes. All else is as it was committed.
MAY_CHANGE = {"capture_place", "archive", "frontier", "hosts", "request", "annotation", "licence", "rights", "decision"}


def test_an_erasure_writes_the_files_of_addresses_and_words_again_and_no_other(done):
    _, site, _, _ = done
    listed = {part.path: part for commit in Log(site.store).commits() for part in commit.files}
    changed = {listed[one.path].table for commit in Log(site.store).commits() for one in commit.replaces}
    assert {name for name in changed if not name.startswith("signal_")} <= MAY_CHANGE
    assert changed >= {"capture_place"}
    kept = [part for part in listed.values() if part.table not in MAY_CHANGE and not part.table.startswith("signal_")]
    assert {part.path for part in kept if sha256(site.store.read(part.path)).hex() != part.sha256} == set()


@pytest.mark.parametrize("commit", [0, None])
def test_what_was_erased_is_told_as_erased_under_its_request_then_and_now(done, commit):
    _, site, _, reports = done
    (report,) = [one for one in reports if one["request"] == "R-domain"]
    with Ledger.open(site.store, commit=commit) as ledger:
        (named, *_) = [row["item_id"] for row in report["items"] if row["link"] == "cut_from"]
        (capture,) = ledger.why(named)["captures"]
        assert (capture["uri"], capture["host"], capture["headers"]) == ("[erased R-domain]", "[erased R-domain]", {})
        assert capture["media_type"] is not None  # a fact, that no request changes
        places = ledger.db.rows("SELECT host, uri FROM capture_place WHERE outcome <> 'robots_file'")
        assert not [row for row in places if "gallery.example" in f"{row}"]


def test_a_request_that_is_done_is_not_done_again(done):
    _, site, _, _ = done
    found = plan(site, "R-domain", Scope.DOMAIN, "river.example")
    with pytest.raises(InputError, match="is done"):
        apply(site, found, at=NOW)


@pytest.mark.parametrize(
    ("scope", "value", "error"),
    [(Scope.HASH, "abc", InputError), (Scope.ITEM, "g" * 64, InputError), (Scope.DOMAIN, "nobody.example", NotFound),
     (Scope.FILE, "/nowhere.jpg", InputError), (Scope.KEY, "12", InputError)],
)  # fmt: skip
def test_what_names_nothing_says_so(done, scope, value, error):
    with pytest.raises(error):
        plan(done[1], "R-none", scope, value)


def test_a_picture_that_somebody_brings_is_found_by_what_it_is_like(demo, tmp_path):
    _, site, _ = demo
    ledger = Ledger.open(site.store)
    (row,) = ledger.db.rows("SELECT DISTINCT payload FROM capture WHERE uri = 'upload://demo-photos/shapes/13.jpg'")
    picture = Image.open(io.BytesIO(payload_bytes(site.store, row["payload"])))
    picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(tmp_path / "brought.jpg", quality=60)
    found = plan(site, "R-file", Scope.FILE, str(tmp_path / "brought.jpg"))
    like = {row["uri"]: row["similarity"] for row in found.items if row["link"] == "like"}
    assert like.keys() >= {"upload://demo-photos/shapes/13.jpg", "upload://demo-photos/copies/13.jpg"}
    assert all(0.6 <= similarity < 1 for similarity in like.values())


def test_what_is_past_its_retention_is_planned_and_nothing_else(demo):
    _, site, _ = demo
    kept = dataclasses.replace(site, retention=(("*", 365_000),))
    with pytest.raises(NotFound, match="retention"):
        plan(kept, "R-old", expired_at=datetime.now(UTC))
    short = dataclasses.replace(site, retention=(("*", 1),))
    found = plan(short, "R-old", expired_at=datetime.now(UTC) + timedelta(days=2))
    assert found.captures
    assert {why.link for why in found.closure.captures.values()} >= {"expired"}
