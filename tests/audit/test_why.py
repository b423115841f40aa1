import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.why import why
from pipelines.ledger.log import Log
from pipelines.store import Store
from schemas.capture import Outcome
from schemas.errors import InputError, NotFound
from schemas.item import sample_key
from tests.ledger import made


def life(ledger: Ledger, page: str) -> dict[str, Any]:
    """What is told of the one capture of a page."""
    (capture,) = why(ledger, made.uri(page))["captures"]
    assert isinstance(capture, dict)
    return capture


def fate(ledger: Ledger, page: str) -> dict[str, Any]:
    """What is told of the one thing cut from a page."""
    (root,) = life(ledger, page)["items"]
    (child,) = root["children"]
    assert isinstance(child, dict)
    return child


def test_answer_is_json_and_names_its_commit(ledger: Ledger) -> None:
    answer = why(ledger, made.uri("kept"))
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["name"], answer["kind"]) == (made.uri("kept"), "uri")
    assert answer["commit"] == {
        "seq": 0, "hash": ledger.commit.hash, "run": "made-0", "recipe": "made",
        "recipe_digest": ledger.commit.recipe, "policy": "permissive", "runner": "local", "version": "0.1.0",
        "started_at": "2026-03-01T12:00:00.000000Z", "ended_at": "2026-03-01T12:00:00.000000Z", "release": made.RELEASE,
    }  # fmt: skip
    assert answer["sources"]["river"]["contact"] == "a@river.example"


def test_kept_item_says_where_it_lies_and_what_was_measured_and_edited(ledger: Ledger) -> None:
    item = fate(ledger, "kept")
    assert item["disposition"] == {"state": "kept", "stage": None, "reason": None}
    assert item["key"] == sample_key(made.child("kept"))
    assert (item["language"], item["licence"]) == ("en", "CC-BY-4.0")
    assert item["signals"] == {"words": 400, "language": "en"}
    (edit,) = item["decisions"]
    assert (edit["stage"], edit["verdict"], edit["reason"]) == ("pii", "edit", "personal_data")
    (place,) = item["placements"]
    assert place == {
        "release": made.RELEASE, "lane": "web", "split": "train",
        "shard": f"releases/{made.RELEASE}/web/data/train-000000.tar", "key": item["key"], "ordinal": 0,
        "offset": 1536, "length": 1536, "shard_id": made.SHARD_ID.hex(),
        "shard_sha256": made.ROWS["shard"][0]["sha256"].hex(),
    }  # fmt: skip
    assert item["checkpoints"] == "unknown"
    assert [one["item_id"] for one in item["stands_for"]] == [made.child("copy").hex()]


def test_dropped_item_names_stage_reason_signal_value_and_threshold(ledger: Ledger) -> None:
    item = fate(ledger, "short")
    assert item["disposition"] == {
        "state": "dropped", "stage": "quality.gopher", "reason": "too_few_words",
        "meaning": "fewer words than the threshold", "signal": "words", "value": 12, "threshold": 50,
    }  # fmt: skip
    assert item["placements"] == []
    assert "checkpoints" not in item


def test_merged_item_names_its_witness_and_what_became_of_it(ledger: Ledger) -> None:
    item = fate(ledger, "copy")
    witness = item["witness"]
    assert (item["disposition"]["state"], item["disposition"]["stage"]) == ("merged", "dedup.text")
    assert {key: witness[key] for key in ("item_id", "uri", "state", "method", "similarity")} == {
        "item_id": made.child("kept").hex(), "uri": made.uri("kept"), "state": "kept", "method": "minhash",
        "similarity": 0.93,
    }  # fmt: skip
    assert [place["key"] for place in witness["placements"]] == [sample_key(made.child("kept"))]


def test_split_root_tells_each_child(ledger: Ledger) -> None:
    (root,) = life(ledger, "two")["items"]
    assert root["disposition"] == {"state": "split", "stage": "split.html", "reason": None}
    assert root["signals"] == "unknown"
    assert {child["disposition"]["state"] for child in root["children"]} == {"kept", "quarantined"}


@pytest.mark.parametrize(
    ("page", "state", "reason"), [("gone", "withdrawn", "taken_down"), ("full", "dropped", "over_quota")]
)
def test_other_fates_name_their_reason(ledger: Ledger, page: str, state: str, reason: str) -> None:
    told = fate(ledger, page)["disposition"]
    assert (told["state"], told["reason"]) == (state, reason)


def test_root_without_text_was_dropped_by_the_split(ledger: Ledger) -> None:
    (root,) = life(ledger, "empty")["items"]
    assert (root["disposition"]["state"], root["disposition"]["reason"]) == ("dropped", "no_text")
    assert "children" not in root


def test_damage_is_told_by_the_id_of_its_capture(ledger: Ledger) -> None:
    answer = why(ledger, made.CAPTURES["torn"]["capture_id"].hex())
    (capture,) = answer["captures"]
    assert (answer["kind"], capture["outcome"], capture["uri"]) == ("capture", "damaged", None)
    assert capture["detail"] == "no record at byte 700"
    assert capture["stored"] == {
        "uri": "captures/a.warc.gz", "offset": 100, "length": 50, "sha256": made.CAPTURES["torn"]["payload"]["sha256"].hex(),
    }  # fmt: skip
    assert capture["items"][0]["disposition"]["meaning"] == "bytes of an archive could not be read as a record"


@pytest.mark.parametrize(
    ("page", "outcome", "because"),
    [
        ("nowhere", "not_found", "the server answered 404 or 410"),
        ("moved", "redirect", "the server answered 3xx"),
        ("barred", "refused", Outcome.REFUSED.explanation),
        ("style.css", "fetched", "no lane of the recipe takes text/css, or the sample left it out"),
    ],
)
def test_capture_without_items_says_why(ledger: Ledger, page: str, outcome: str, because: str) -> None:
    told = life(ledger, page)
    assert (told["outcome"], told["items"], told["no_items_because"]) == (outcome, [], because)


def test_what_was_not_recorded_is_unknown(ledger: Ledger) -> None:
    told = life(ledger, "short")
    assert (told["rights"], told["licences"]) == ("unknown", "unknown")
    assert fate(ledger, "short")["licence"] == "unknown"
    assert life(ledger, "barred")["fetched_at"] == "unknown"
    assert why(ledger, made.CAPTURES["torn"]["capture_id"].hex())["captures"][0]["robots"] == "unknown"


def test_licence_of_the_card_counts_only_where_nothing_was_said_of_the_item(tmp_path: Path) -> None:
    store = Store(root=str(tmp_path))
    river = made.tables()["source"].to_pylist()[0] | {"licence": "MIT"}
    unread = made.tables()["licence"].to_pylist()[0] | {
        "capture_id": made.CAPTURES["copy"]["capture_id"], "expression": None, "raw": "ask us",
    }  # fmt: skip
    rows = made.tables() | {
        "source": made.changed("source", without={"name": "river"}, add=[river])["source"],
        "licence": made.changed("licence", add=[unread])["licence"],
    }
    Log(store).append("carded", "ab" * 32, [part for found in made.publish(store, rows).values() for part in found])
    told = {page: fate(Ledger.open(store), page) for page in ("short", "kept", "copy")}
    assert {page: (item["licence"], item.get("licence_source")) for page, item in told.items()} == {
        "short": ("MIT", "card"), "kept": ("CC-BY-4.0", None), "copy": ("unknown", None),
    }  # fmt: skip


def test_evidence_is_told_with_its_place(ledger: Ledger) -> None:
    (statement,) = life(ledger, "gone")["rights"]
    assert (statement["mechanism"], statement["verdict"], statement["locator"]) == (
        "http_x_robots",
        "disallow",
        "x-robots-tag",
    )
    (licence,) = life(ledger, "kept")["licences"]
    assert (licence["expression"], licence["location"], licence["locator"]) == ("CC-BY-4.0", "link", "byte 12")
    (robots,) = life(ledger, "gone")["robots"]
    assert robots == {
        "capture_id": made.CAPTURES["robots.txt"]["capture_id"].hex(), "origin": made.ORIGIN,
        "fetched_at": "2026-03-01T12:00:00.000000Z", "status": 200, "location": None,
        "body_sha256": made.ROWS["robots"][0]["body_sha256"].hex(),
    }  # fmt: skip


def test_item_is_told_without_its_siblings(ledger: Ledger) -> None:
    answer = why(ledger, made.child("two", 1).hex())
    (capture,) = answer["captures"]
    (root,) = capture["items"]
    assert (answer["kind"], capture["uri"]) == ("item", made.uri("two"))
    assert [child["item_id"] for child in root["children"]] == [made.child("two", 1).hex()]


@pytest.mark.parametrize("form", [lambda i: i.hex()[:9], lambda i: i.hex().upper(), sample_key])
def test_item_answers_to_a_prefix_and_to_its_sample_key(ledger: Ledger, form: Any) -> None:
    (capture,) = why(ledger, form(made.child("copy")))["captures"]
    assert capture["uri"] == made.uri("copy")


def test_prefix_of_several_ids_is_refused_with_the_ids(tmp_path: Path) -> None:
    store = Store(root=str(tmp_path))
    ids = [bytes.fromhex("ab" * 31 + last) for last in ("01", "02")]
    rows = made.changed("item", add=[made.item("kept") | {"item_id": i} for i in ids])
    Log(store).append("many", "ab" * 32, [part for found in made.publish(store, rows).values() for part in found])
    with pytest.raises(
        InputError, match=f"2 ids begin with {'ab' * 31}; give more digits: {ids[0].hex()}, {ids[1].hex()}"
    ):
        why(Ledger.open(store), "ab" * 31)


@pytest.mark.parametrize("content", [b"kept", b"kept 0"])
def test_file_answers_by_its_payload_or_its_content(ledger: Ledger, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.html").write_bytes(content)
    answer = why(ledger, str(tmp_path / "page.html"))
    assert (answer["kind"], [capture["uri"] for capture in answer["captures"]]) == ("file", [made.uri("kept")])


@pytest.mark.parametrize("suffix", [".json", ".seg0.txt"])
def test_member_of_a_shard_answers_by_the_key_it_is_named_by(ledger: Ledger, tmp_path: Path, suffix: str) -> None:
    member = tmp_path / f"{sample_key(made.child('kept'))}{suffix}"
    for name in (member.name, str(member)):
        answer = why(ledger, name)
        assert (answer["kind"], [capture["uri"] for capture in answer["captures"]]) == (
            "sample_key",
            [made.uri("kept")],
        )
    member.write_bytes(b"copy 0")
    answer = why(ledger, str(member))  # what is in it counts before its name
    assert (answer["kind"], [capture["uri"] for capture in answer["captures"]]) == ("file", [made.uri("copy")])


def test_name_that_only_an_earlier_commit_knows_says_which(store: Store) -> None:
    answer = why(Ledger.open(store), made.uri("short"))
    assert (answer["commit"]["seq"], answer["commit"]["run"]) == (0, "made-0")
    assert why(Ledger.open(store), made.uri("kept"))["commit"]["seq"] == 1


def test_last_commit_that_knows_a_name_answers(tmp_path: Path) -> None:
    store = Store(root=str(tmp_path))
    runs = [
        made.without_page("short")[0],
        made.without_page("gone")[0],
        {"capture": made.tables()["capture"].slice(0, 1)},
    ]
    for n, tables in enumerate(runs):
        files = [part for found in made.publish(store, tables).values() for part in found]
        Log(store).append(f"run-{n}", "ab" * 32, files)
    assert why(Ledger.open(store), made.uri("copy"))["commit"]["seq"] == 1
    assert why(Ledger.open(store), made.uri("gone"))["commit"]["seq"] == 0


@pytest.mark.parametrize(
    "form", ["https://river.example/kept", "http://river.example/kept/", "http://www.River.example/kept#top"]
)
def test_other_form_of_a_uri_is_suggested_not_answered(ledger: Ledger, form: str) -> None:
    with pytest.raises(NotFound, match=r"did you mean http://river\.example/kept\?"):
        why(ledger, form)


@pytest.mark.parametrize(
    "name", ["http://elsewhere.example/", "ab" * 32, "no\0file", "x" * 5000, "it's; DROP TABLE item", ""]
)
def test_name_nobody_knows_is_not_found(ledger: Ledger, name: str) -> None:
    with pytest.raises(NotFound, match="give the URI exactly as captured, an id, or a file"):
        why(ledger, name)


COLD = """
import sys
from pipelines.audit.open import Ledger
from pipelines.audit.why import why
why(Ledger.open(sys.argv[1]), sys.argv[2])
heavy = {"apache_beam", "torch", "numba", "dagster", "datasketch", "fasttext"} & sys.modules.keys()
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_audit_imports_nothing_heavy(store: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLD, store.root, made.uri("kept")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
