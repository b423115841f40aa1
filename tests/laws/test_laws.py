"""The laws that every measure, judge and edit of every lane keeps, whatever the items are."""

import pickle

import pyarrow as pa
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.lanes import LANES
from pipelines.measures.lines import KINDS
from pipelines.stage import Shape
from schemas.decision import DECISION, Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason
from tests.laws.batches import applied, batches, items_of, signals_of

SHIPPED = [(lane, stage) for lane in LANES for stage in (*lane.measures, *lane.judges, *lane.edits)]
# A stage that is off, or whose list is empty, says little; as a recipe sets it, it must keep the laws too.
SET = [
    (lane, stage.override({"languages": ("de", "en"), "min_confidence": 0.5}, where="laws"))
    for lane, stage in SHIPPED
    if {"languages", "min_confidence"} <= stage.settings.keys()
]
SET += [
    (lane, stage.override({"on": True}, where="laws")) for lane, stage in SHIPPED if stage.settings.get("on") is False
]
SET += [(lane, stage.override({"kinds": KINDS}, where="laws")) for lane, stage in SHIPPED if "kinds" in stage.settings]
STAGES = SHIPPED + SET
JUDGES = [(lane, stage) for lane, stage in STAGES if stage.shape is Shape.JUDGE]
EDITS = [(lane, stage) for lane, stage in STAGES if stage.shape is Shape.EDIT]
EVERY = [(lane, stage) for lane in LANES for stage in lane.stages]

quick = settings(max_examples=20, deadline=None, database=None)
same = seed(12)  # the same examples for every stage: what a lane measures of one is measured once


def of_each(pairs):
    """Run the test once a (lane, stage), named as the ledger names them."""
    return pytest.mark.parametrize(("lane", "stage"), pairs, ids=[f"{lane.name}-{stage.name}" for lane, stage in pairs])


@of_each(STAGES)
@quick
@same
@given(texts=batches)
def test_conserves_rows_and_order(lane, stage, texts):
    items = items_of(lane, texts)
    for batch in applied(lane, stage, items):
        assert len(batch) == len(items)
        if "item_id" in batch.schema.names:
            assert batch.column("item_id").equals(items.column("item_id"))


@of_each(STAGES)
@quick
@same
@given(texts=batches)
def test_repeats(lane, stage, texts):
    items = items_of(lane, texts)
    assert applied(lane, stage, items) == applied(lane, stage, items_of(lane, texts))


@of_each(STAGES)
@quick
@same
@given(texts=batches, at=st.integers(0, 5))
def test_splits(lane, stage, texts, at):
    items = items_of(lane, texts)
    whole = applied(lane, stage, items)
    halves = zip(applied(lane, stage, items.slice(0, at)), applied(lane, stage, items.slice(at)), strict=True)
    for batch, pair in zip(whole, halves, strict=True):
        assert batch == rooms.one_batch(pa.Table.from_batches(pair, schema=batch.schema))


@of_each(STAGES)
@quick
@same
@given(texts=batches)
def test_keeps_the_schema(lane, stage, texts):
    items = items_of(lane, texts)
    schemas = [batch.schema for batch in applied(lane, stage, items)]
    match stage.shape:
        case Shape.JUDGE:
            assert schemas == [DECISION]
        case Shape.EDIT:
            assert schemas == [items.schema, DECISION]
        case Shape.MEASURE:
            assert schemas == [applied(lane, stage, items.slice(0, 0))[0].schema]


@of_each(STAGES)
@pytest.mark.parametrize("texts", [[], [None], [""], [None, "", None]], ids=["no rows", "null", "empty", "both"])
def test_survives_empty_and_null(lane, stage, texts):
    assert {len(batch) for batch in applied(lane, stage, items_of(lane, texts))} == {len(texts)}


@of_each(STAGES)
@quick
@same
@given(texts=batches)
def test_speaks_in_its_own_name_with_known_words(lane, stage, texts):
    verdicts = {Shape.JUDGE: {Verdict.KEEP, Verdict.DROP}, Shape.EDIT: {Verdict.KEEP, Verdict.EDIT}}
    for batch in applied(lane, stage, items_of(lane, texts)):
        for row in batch.to_pylist() if batch.schema == DECISION else []:
            assert row["stage"] == stage.name
            assert row["verdict"] in verdicts[stage.shape]
            assert (row["reason"] is None) == (row["verdict"] == Verdict.KEEP)
            assert row["reason"] is None or Reason(row["reason"])


@of_each(JUDGES)
@quick
@same
@given(texts=batches)
def test_a_null_signal_never_drops(lane, stage, texts):
    items = items_of(lane, texts)
    measured = signals_of(lane, items)
    nothing = [pa.nulls(len(items), column.type) for column in measured.columns]
    found = stage.fn(stage, items, pa.RecordBatch.from_arrays(nothing, schema=measured.schema))
    assert set(found.column("verdict").to_pylist()) <= {Verdict.KEEP}


@of_each(EDITS)
@quick
@same
@given(texts=batches)
def test_an_edit_has_a_receipt_for_what_it_changed_and_nothing_else(lane, stage, texts):
    items = items_of(lane, texts)
    edited, found = applied(lane, stage, items)
    for before, after, row in zip(items.to_pylist(), edited.to_pylist(), found.to_pylist(), strict=True):
        receipt = (row["verdict"], row["before_sha256"], row["after_sha256"])
        if before == after:
            assert receipt == (Verdict.KEEP, None, None)
        else:
            assert receipt == (Verdict.EDIT, before["content_sha256"], text_sha256(after["text"]))
            assert after["content_sha256"] == row["after_sha256"]
            assert before | {"text": after["text"], "content_sha256": after["content_sha256"]} == after


@of_each(EDITS)
@quick
@same
@given(texts=batches)
def test_an_edit_leaves_nothing_to_edit(lane, stage, texts):
    edited, _ = applied(lane, stage, items_of(lane, texts))
    again, found = applied(lane, stage, edited)
    assert again == edited
    assert set(found.column("verdict").to_pylist()) <= {Verdict.KEEP}


@of_each(EVERY)
def test_pickles(lane, stage):
    assert pickle.loads(pickle.dumps(stage)) == stage


@of_each(EVERY)
def test_has_the_shape_of_its_place(lane, stage):
    places = {
        Shape.SPLIT: (lane.split,), Shape.MEASURE: lane.measures, Shape.JUDGE: lane.judges, Shape.EDIT: lane.edits,
        Shape.GROUP: (lane.dedup.stage, lane.spans),
    }  # fmt: skip
    assert [shape for shape, stages in places.items() if stage in stages] == [stage.shape]


@of_each([(lane, stage) for lane, stage in SHIPPED if stage.shape is Shape.MEASURE])
def test_gives_the_signals_it_declares(lane, stage):
    (found,) = applied(lane, stage, items_of(lane, []))
    assert tuple(field.name for field in found.schema.field("signals").type) == stage.signals


@of_each(JUDGES)
def test_reads_signals_that_the_lane_measures(lane, stage):
    measured, _ = rooms.measure(lane, items_of(lane, []))
    assert {rule.signal for rule in stage.rules} <= set(measured.schema.names)
