"""Training in the ledger: committed beside its release, carried on by later runs, asked by where and why."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.where import where
from pipelines.audit.why import why
from pipelines.balance import check
from pipelines.contracts.files import FOLDER
from pipelines.ledger import ledger
from pipelines.ledger.compact import compact
from pipelines.ledger.log import Log
from pipelines.ledger.training import commit_training
from pipelines.measures.quality import QUALITY, QUALITY_MEASURE
from pipelines.models.files import LID_176
from pipelines.run import run
from schemas.digest import plain, sha256
from schemas.errors import LedgerError, RecipeError, TrainingError
from schemas.training import RECORD
from tests.conftest import recipe_over, site_at
from tests.corpus import archive
from tests.corpus.pages import pages

PLAN, WEIGHTS, CHECKPOINT = (sha256(word) for word in (b"plan", b"weights", b"checkpoint"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder of archives, site, result) of one run over the small corpus."""
    folder = tmp_path_factory.mktemp("trained")
    archive.write(folder / "all.warc.gz", pages())
    site = site_at(folder / "site")
    return folder, site, run(recipe_over(folder), site)


def record(folder, site, *, consumed=True):
    """A run folder that fed the first item of the release and not the others; the items in the order of their ids."""
    db = Ledger.open(site.store).db
    (root,) = {row["set_root"] for row in db.rows("SELECT set_root FROM release")}
    items = sorted(row["item_id"] for row in db.rows("SELECT DISTINCT item_id FROM placement"))
    tables = {
        "training_run": [
            {
                "training_run": "pretrain-1", "kind": "pretrain", "release_root": root, "config_digest": PLAN,
                "vocabulary_digest": PLAN, "plan_digest": PLAN, "seed": 0, "row_tokens": 8, "block": 16,
                "rows_per_step": 1, "init_checkpoint": None, "started_at": datetime(2026, 1, 1, tzinfo=UTC), "version": "0",
            }
        ],
        "checkpoint": [
            {
                "checkpoint_id": CHECKPOINT, "training_run": "pretrain-1", "step": 1, "rows": 1, "tokens": 8,
                "path": "checkpoints/step-000001", "weights_sha256": WEIGHTS, "bytes": 1,
            }
        ],
        "consumption": [{"training_run": "pretrain-1", "plan_digest": PLAN, "seed": 0, "first_row": 0, "last_row": 0}],
        "document": [
            {
                "plan_digest": PLAN, "item_id": item, "content_sha256": item, "kind": "text", "start": 0, "tokens": 6,
                "length": 8, "copies": int(number == 0),
            }
            for number, item in enumerate(items)
        ],
    }  # fmt: skip
    for name, rows in tables.items():
        (folder / "record").mkdir(parents=True, exist_ok=True)
        rows = rows if consumed or name != "consumption" else []
        pq.write_table(pa.Table.from_pylist(rows, schema=RECORD[name]), folder / "record" / f"{name}.parquet")
    return items


def seen(site, item):
    (place,) = where(Ledger.open(site.store), item.hex())["placements"]
    return place["checkpoints"]


def test_before_any_training_nobody_knows(made):
    item = next(iter(Ledger.open(made[1].store).db.rows("SELECT item_id FROM placement")))["item_id"]
    assert seen(made[1], item) == "unknown"


def test_a_checkpoint_is_named_for_what_it_was_fed_and_for_nothing_else(made, tmp_path):
    _, site, result = made
    items = record(tmp_path, site)
    commit = commit_training(site.store, tmp_path)
    first, other = seen(site, items[0]), seen(site, items[1])
    assert [(one["checkpoint_id"], one["training_run"], one["step"], one["times"]) for one in first] == [
        (CHECKPOINT.hex(), "pretrain-1", 1, 1)
    ]
    assert other == []
    told = why(Ledger.open(site.store), items[0].hex())["captures"][0]["items"][0]["children"][0]
    assert told["checkpoints"] == first
    assert commit_training(site.store, tmp_path).reused
    assert commit.run == "pretrain-1"
    folder = {
        row["store"] for row in Ledger.open(site.store).db.rows("SELECT store FROM holding WHERE kind = 'training'")
    }
    assert folder == {str(tmp_path)}

    again = run(recipe_over(made[0]), site)
    assert (again.run, again.reused) == (result.run, again.rooms)
    assert Log(site.store).head().seq == commit.seq


def test_the_steps_that_fed_an_item_are_told_from_the_plan_and_from_the_index(made, tmp_path):
    _, site, _ = made
    items = record(tmp_path, site)
    commit_training(site.store, tmp_path)
    with Ledger.open(site.store) as ledger:
        by_plan = [ledger.ask("times", item.hex()).to_pylist() for item in items[:2]]
    assert by_plan == [[{"item_id": items[0], "training_run": "pretrain-1", "step": 1, "times": 1, "steps": [1]}], []]
    compact(site.store)
    with Ledger.open(site.store) as ledger:
        assert [ledger.ask("times", item.hex()).to_pylist() for item in items[:2]] == by_plan


def test_the_stages_of_a_run_name_the_models_they_used(made):
    with Ledger.open(made[1].store) as ledger:
        models = {row["stage"]: row["models"] for row in ledger.ask("made-by").to_pylist()}
    assert models["measure.language"] == [{"name": LID_176.name, "sha256": bytes.fromhex(LID_176.sha256)}]
    assert models["rights"] == []
    switched_on = QUALITY_MEASURE.override({"model": "ab" * 32}, where="recipe")
    with pytest.raises(RecipeError, match=r"model must be the sha256 of a file \(64 hex digits\), got 'abcd'"):
        QUALITY_MEASURE.override({"model": "abcd"}, where="recipe")
    assert (QUALITY_MEASURE.used_models, switched_on.used_models) == ((), ((QUALITY.name, "ab" * 32),))


def test_a_later_run_carries_the_checkpoints_on(made, tmp_path):
    folder, site, _ = made
    items = record(tmp_path, site)
    commit_training(site.store, tmp_path)
    later = run(replace(recipe_over(folder), name="later"), site)
    assert Log(site.store).head().run == later.run
    assert seen(site, items[0])[0]["checkpoint_id"] == CHECKPOINT.hex()


def test_its_rows_are_as_their_json_schemas_say(made, tmp_path):
    _, site, _ = made
    record(tmp_path, site)
    commit_training(site.store, tmp_path)
    for name in RECORD:
        schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        rows = Ledger.open(site.store).db.rows(f"SELECT DISTINCT * FROM {name}")
        assert rows
        for row in rows:
            jsonschema.validate(plain(row), schema)


def test_training_that_is_committed_while_a_run_is_checked_is_not_lost(made, tmp_path, monkeypatch):
    folder, site, _ = made
    items = record(tmp_path, site)

    def meanwhile(db, roots):
        commit_training(site.store, tmp_path)
        return check(db, roots)

    monkeypatch.setattr(ledger, "check", meanwhile)
    run(replace(recipe_over(folder), name="meanwhile"), site)
    assert seen(site, items[0])[0]["checkpoint_id"] == CHECKPOINT.hex()


def test_an_item_that_only_an_older_commit_knows_is_asked_of_the_last_record(tmp_path):
    site = site_at(tmp_path / "site")
    archive.write(tmp_path / "all.warc.gz", pages())
    run(recipe_over(tmp_path), site)
    items = record(tmp_path / "run", site)
    archive.write(tmp_path / "all.warc.gz", pages()[:3])
    run(recipe_over(tmp_path), site)
    commit_training(site.store, tmp_path / "run")
    assert seen(site, items[0])[0]["checkpoint_id"] == CHECKPOINT.hex()


def test_without_consumption_the_answer_is_unknown(made, tmp_path):
    site = site_at(tmp_path / "site")
    archive.write(tmp_path / "all.warc.gz", pages())
    run(recipe_over(tmp_path), site)
    items = record(tmp_path / "run", site, consumed=False)
    commit_training(site.store, tmp_path / "run")
    assert {one["times"] for item in items for one in seen(site, item)} == {"unknown"}


def test_a_run_on_a_release_of_another_ledger_is_refused(made, tmp_path):
    record(tmp_path / "run", made[1])
    site = site_at(tmp_path / "site")
    with pytest.raises(LedgerError, match="holds no run yet"):
        commit_training(site.store, tmp_path / "run")
    archive.write(tmp_path / "all.warc.gz", pages()[:3])
    run(recipe_over(tmp_path), site)
    with pytest.raises(LedgerError, match="does not hold"):
        commit_training(site.store, tmp_path / "run")
    with pytest.raises(TrainingError, match="holds no record"):
        commit_training(made[1].store, tmp_path)
