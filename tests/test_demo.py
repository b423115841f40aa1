"""The demo: a real crawl of the planted sites on loopback, and uploads of every kind, to a release in which everything met its fate."""

import json
import re
import tarfile
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.why import why
from pipelines.cli import main
from pipelines.contracts.files import FOLDER
from pipelines.run import run
from pipelines.shard.tar import ShardReader
from pipelines.shard.verify import verify_release
from schemas.digest import plain, sha256
from tests.corpus import private
from tests.corpus.planted import Met, unmet
from tests.corpus.truth import planted, served

README = Path(__file__).resolve().parent.parent / "README.md"


def met(site):
    """How every item of the last run ended."""
    rows = Ledger.open(site.store).db.rows(
        "SELECT c.uri, i.lane, d.state, d.reason, i.licence FROM item i JOIN capture c USING (capture_id)"
        " JOIN disposition d USING (item_id) WHERE d.state <> 'split'"
    )
    return [Met(**row) for row in rows]


def published(site, result):
    """(lane, URL) -> the words of each sample of the release."""
    found, folder = {}, site.store.local(result.release_path)
    for path in folder.rglob("*.tar"):
        with tarfile.open(path) as shard:
            for member in shard:
                if member.name.endswith(".json") and not member.name.startswith("__"):
                    document = json.load(shard.extractfile(member))
                    said = document.get("caption") or document["text"]
                    place = document.get("metadata", document)["url"]
                    found[path.relative_to(folder).parts[0], place] = said[0] if isinstance(said, list) else said
    return found


def test_everything_planted_meets_its_fate(demo):
    assert unmet(planted(crawled=True), met(demo[1])) == {}


def test_everything_served_is_in_the_ledger(demo):
    seen = {row["uri"] for row in Ledger.open(demo[1].store).db.rows("SELECT DISTINCT uri FROM capture")}
    assert {page.url for page in served()} - seen == set()


@pytest.mark.parametrize(
    "url", ["http://closed.example/cellar/wine.html", "http://gallery.example/private-pictures/family.jpg"]
)
def test_what_robots_forbids_was_not_fetched_and_is_in_the_ledger(demo, url):
    rows = Ledger.open(demo[1].store).db.rows("SELECT outcome, detail, payload FROM capture WHERE uri = ?", (url,))
    assert [(row["outcome"], row["payload"]) for row in rows] == [("refused", None)]
    assert "Disallow: /" in rows[0]["detail"]


def test_what_is_published_says_what_was_said(demo):
    words = published(demo[1], demo[2])
    mine = {(one.lane, one.uri.replace(private.FILE, "<email>")): one for one in planted(crawled=True)}
    assert {key for key, one in mine.items() if one.fate == "kept"} - words.keys() == set()
    told = {key: one.text for key, one in mine.items() if one.text and key in words}
    assert set(private.REDACTED.values()) <= set(told.values())
    assert {key: words[key] for key in told} == told


def test_a_sample_names_the_licence_of_the_card_as_such(demo):
    recipe, site, result = demo
    cards = {source.card.name: source.card.licence for source in recipe.sources}
    found = set()
    for path in site.store.local(result.release_path).rglob("meta/*.parquet"):
        shard = ShardReader(path.parent.parent / "data" / f"{path.stem}.tar")
        for row, sample in zip(pq.read_table(path).to_pylist(), shard, strict=True):
            document = json.loads(sample.parts["json"])
            said = document.get("metadata", document)
            assert row["license"] == said["license"]
            if said["license_source"] == "card":
                assert said["license"] == cards[row["source"]]
            found.add(said["license_source"])
    assert {"card", "table", None} <= found


def test_why_tells_what_a_sample_says_of_its_licence_and_bytes(demo):
    ledger, folder = Ledger.open(demo[1].store), demo[1].store.local(demo[2].release_path)
    asked = {}
    for path in sorted(folder.rglob("*.tar")):
        for sample in ShardReader(path):
            document = json.loads(sample.parts["json"])
            said = document.get("metadata", document)
            payload = sample.parts.get(
                "flac", sample.parts.get("jpg", document["text"].encode() if "metadata" in document else b"")
            )
            asked[path.relative_to(folder).parts[0], said["license_source"] == "card", said["license"]] = said, payload
    assert len(asked) > 5
    for said, payload in asked.values():
        (capture,) = why(ledger, said["uid"])["captures"]
        (item,) = capture["items"][0]["children"]
        assert item["licence"] == (said["license"] or "unknown")
        assert (item.get("licence_source") == "card") == (said["license_source"] == "card")
        assert item["content_sha256"] == sha256(payload).hex()
        if said["url"].startswith("upload://"):  # what was crawled lies compressed
            assert item["bytes"] == len(payload)


def test_why_tells_the_life_of_each_kind(demo):
    ledger = Ledger.open(demo[1].store)
    kinds = {(one.lane, one.fate, one.reason): one.uri for one in planted(crawled=True)}
    for kind, uri in kinds.items():
        assert why(ledger, uri)["captures"], kind


def test_why_of_a_picture_tells_the_page_that_captions_it_and_what_that_page_reserves(demo):
    told = why(Ledger.open(demo[1].store), "http://gallery.example/pictures/behind.jpg")
    (page,) = told["texts_from"]
    assert page["uri"].startswith("http://gallery.example/")
    assert {"disallow"} <= {said["verdict"] for said in page["rights"]}
    (picture,) = told["captures"]
    (item,) = picture["items"][0]["children"]
    assert item["disposition"]["reason"] == "meta_opt_out"
    assert item["bytes"] == picture["payload_bytes"]


def test_why_of_a_picture_in_a_table_tells_the_licence_of_its_own_row_only(demo):
    ledger = Ledger.open(demo[1].store)
    told = ledger.db.rows("SELECT DISTINCT subject FROM licence WHERE location = 'table'")
    assert len(told) > 5
    for row in told:
        (table,) = why(ledger, row["subject"])["texts_from"]
        assert {licence["subject"] for licence in table["licences"]} == {row["subject"]}


def test_the_first_answer_of_the_readme_is_what_the_command_prints(demo, capsys):
    (shown,) = re.findall(
        r"```\n\$ headwater (why .*) --site demo-site\n(.*?)```", README.read_text("utf-8"), re.DOTALL
    )
    assert main([*shown[0].split(), "--site", demo[1].store.root]) == 0
    printed = iter(capsys.readouterr().out.splitlines())
    assert [line for line in shown[1].splitlines() if line.strip() != "..." and line not in printed] == []


def test_annotations_are_as_their_json_schema_says(demo):
    rows = Ledger.open(demo[1].store).db.rows("SELECT DISTINCT * FROM annotation")
    assert {"alt", "figcaption", "json_ld", "og", "table", "file", "member"} <= {row["location"] for row in rows}
    validator = jsonschema.Draft202012Validator(json.loads((FOLDER / "annotation.json").read_text("utf-8")))
    assert [error.message for row in rows for error in validator.iter_errors(plain(row))] == []


def test_the_release_verifies_and_a_second_run_fetches_nothing(demo):
    recipe, site, first = demo
    assert verify_release(site.store.local(first.release_path)).problems == ()
    again = run(recipe, site)  # the server is gone: whatever asked it would fail
    assert (again.run, again.reused) == (first.run, again.rooms)
