"""The index of what training was fed says what the plan says."""

from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.digest import sha256
from schemas.exposure import feedings, seen, seen_by_index, steps
from schemas.training import RECORD

PLAN = sha256(b"plan")


def record(lengths, copies, *, rows, consumed, seed):
    """A run over these documents, two of an item, with a checkpoint after `rows` rows; and one that went on from it."""
    documents = [
        {"plan_digest": PLAN, "item_id": sha256(b"%d" % (n // 2)), "content_sha256": sha256(b"%d" % n), "kind": "text", "start": 0,
         "tokens": length, "length": length, "copies": times}
        for n, (length, times) in enumerate(zip(lengths, copies, strict=True))
    ]  # fmt: skip
    base = {
        "kind": "pretrain", "release_root": PLAN, "config_digest": PLAN, "vocabulary_digest": PLAN, "plan_digest": PLAN, "row_tokens": 64,
        "block": 5, "rows_per_step": 1, "started_at": datetime(2026, 3, 1, tzinfo=UTC), "version": "1",
    }  # fmt: skip
    runs = [
        base | {"training_run": "a", "seed": seed, "init_checkpoint": None},
        base | {"training_run": "b", "seed": seed + 1, "init_checkpoint": sha256(b"a")},
    ]
    fed = [
        {"training_run": run["training_run"], "plan_digest": PLAN, "seed": run["seed"], "first_row": 0, "last_row": consumed - 1}
        for run in runs[: 2 if consumed else 0]
    ]  # fmt: skip
    saved = [
        {"checkpoint_id": sha256(name.encode()), "training_run": name, "step": rows, "rows": rows, "tokens": 1, "path": name,
         "weights_sha256": PLAN, "bytes": 1}
        for name in "ab"
    ]  # fmt: skip
    found = {"training_run": runs, "consumption": fed, "checkpoint": saved, "document": documents}
    return {name: pa.Table.from_pylist(found[name], schema) for name, schema in RECORD.items()}


@settings(max_examples=60)
@given(
    documents=st.lists(st.tuples(st.integers(1, 64), st.integers(0, 3)), min_size=1, max_size=30),
    rows=st.integers(0, 40),
    more=st.integers(-3, 10),
    seed=st.integers(0, 99),
)
def test_the_index_counts_what_the_plan_counts(documents, rows, more, seed):
    lengths, copies = zip(*documents, strict=True)
    there = record(lengths, copies, rows=rows, consumed=max(rows + more, 0), seed=seed)
    index = feedings(there)
    for name in (b"a", b"b"):
        by_plan, by_index = seen(sha256(name), there), seen_by_index(sha256(name), there, index)
        assert by_index == by_plan


def test_a_step_feeds_the_rows_of_its_batch_and_is_told_once():
    there = record(
        [64] * 4, [1] * 4, rows=8, consumed=8, seed=3
    )  # a document a row, four rows an epoch, two documents an item
    runs = there["training_run"].to_pylist()
    there["training_run"] = pa.Table.from_pylist([run | {"rows_per_step": 4} for run in runs], RECORD["training_run"])
    items = {sha256(b"0"), sha256(b"1")}
    assert steps(feedings(there), there) == {run: {item: [1, 2] for item in items} for run in "ab"}
    there["consumption"] = there["consumption"].slice(0, 1)
    assert {*steps(feedings(there), there)} == {"a"}


def test_without_what_was_consumed_the_index_knows_nothing():
    there = record([8, 9], [1, 1], rows=1, consumed=1, seed=1)
    index = feedings(there)
    there["consumption"] = there["consumption"].slice(0, 0)
    assert seen_by_index(sha256(b"a"), there, index) is None
    assert feedings(there).num_rows == 0
