"""A row that makes a stage raise is quarantined alone; a stage that breaks law 1 stops the run."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.web import WEB
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.stage import Shape, Stage, decisions
from schemas.errors import StageError
from tests.corpus.prose import paragraphs
from tests.laws.batches import items_of

MARK = "\u2620"
ROWS = 9

quick = settings(max_examples=10, deadline=None, derandomize=True, database=None)
marked_rows = st.sets(st.integers(0, ROWS - 1), max_size=3)


def refuse_marked(items):
    """Raise as a stage with a defect would."""
    if any(MARK in (text or "") for text in items.column("text").to_pylist()):
        raise ValueError("cannot read this")


def poisoned_judge(stage, items, signals):
    refuse_marked(items)
    return WEB.judges[0].fn(stage, items, signals)


def poisoned_measure(stage, items):
    refuse_marked(items)
    return TEXT_STATISTICS.fn(stage, items)


def poisoned_edit(stage, items):
    refuse_marked(items)
    return PII_REDACT.fn(stage, items)


def quoting_edit(stage, items):
    for text in items.column("text").to_pylist():
        raise ValueError(f"cannot read {text!r}")
    return PII_REDACT.fn(stage, items)


def losing_judge(stage, items, signals):
    return decisions(items.column("item_id").slice(1), stage.name).batch()


def moving_judge(stage, items, signals):
    return decisions(items.column("item_id")[::-1], stage.name).batch()


def keep_all(stage, items, evidence):
    return decisions(items.column("item_id"), stage.name).batch()


RIGHTS = Stage(name="rights", version=1, shape=Shape.JUDGE, fn=keep_all)


def made(marked):
    """Nine items, some good and some to be dropped or edited, and a bool[9] of those with the mark."""
    texts = [
        "\n\n".join(paragraphs(f"room {i}")) if i % 3 else f"short {i}, ask anna@mail.example" for i in range(ROWS)
    ]
    bad = np.isin(np.arange(ROWS), list(marked))
    return items_of(WEB, [text + MARK * int(row) for text, row in zip(texts, bad, strict=True)]), bad


def with_stage(room, place, fn):
    """The web lane with one stage's function replaced, and that stage."""
    stages = list(getattr(WEB, room))
    stages[place] = dataclasses.replace(stages[place], fn=fn)
    return dataclasses.replace(WEB, **{room: tuple(stages)}), stages[place]


def judged(lane, items):
    signals, _ = rooms.measure(WEB, items)
    return rooms.judge(lane, RIGHTS, rooms.with_language(items, signals), signals, None)


def assert_quarantined(found, items, bad, stage):
    """These rows, and no others, have a quarantine of this stage that names the error."""
    rows = [
        (row["item_id"], row["stage"], row["verdict"], row["reason"], row["detail"])
        for row in found.filter(pc.equal(found.column("verdict"), "quarantine")).to_pylist()
    ]
    ids = items.column("item_id").filter(pa.array(bad)).to_pylist()
    assert rows == [(i, stage.name, "quarantine", "stage_failed", "ValueError: cannot read this") for i in ids]


@quick
@given(marked=marked_rows)
def test_a_judge_that_raises_quarantines_only_the_row(marked):
    items, bad = made(marked)
    lane, stage = with_stage("judges", 0, poisoned_judge)
    plain, found = judged(WEB, items), judged(lane, items)
    assert_quarantined(found[1], items, bad, stage)
    assert found[1].filter(pa.array(~bad)) == plain[1].filter(pa.array(~bad))
    assert [*found[:1], *found[2:]] == [*plain[:1], *plain[2:]]


@quick
@given(marked=marked_rows)
def test_a_measure_that_raises_quarantines_only_the_row_and_leaves_its_signals_null(marked):
    items, bad = made(marked)
    lane, stage = with_stage("measures", WEB.measures.index(TEXT_STATISTICS), poisoned_measure)
    (plain, nothing), (signals, found) = rooms.measure(WEB, items), rooms.measure(lane, items)
    assert len(nothing) == 0
    assert_quarantined(found, items, bad, stage)
    assert len(found) == bad.sum()
    assert signals.schema == plain.schema
    assert signals.filter(pa.array(~bad)) == plain.filter(pa.array(~bad))
    own = {field.name for field in stage.fn(stage, items.slice(0, 0)).type}
    for name in signals.schema.names:
        lost = signals.column(name).filter(pa.array(bad))
        assert lost.null_count == len(lost) if name in own else lost == plain.column(name).filter(pa.array(bad))


@quick
@given(marked=marked_rows)
def test_an_edit_that_raises_quarantines_only_the_row_and_leaves_it_as_it_was(marked):
    items, bad = made(marked)
    lane, stage = with_stage("edits", WEB.edits.index(PII_REDACT), poisoned_edit)
    (plain, receipts), (edited, found) = rooms.edit(WEB, items), rooms.edit(lane, items)
    assert_quarantined(found, items, bad, stage)
    assert edited.filter(pa.array(~bad)) == plain.filter(pa.array(~bad))
    assert edited.filter(pa.array(bad)) == items.filter(pa.array(bad))
    lost = pc.is_in(receipts.column("item_id"), value_set=items.column("item_id").filter(pa.array(bad)))
    assert found.filter(pc.not_equal(found.column("verdict"), "quarantine")) == receipts.filter(pc.invert(lost))


def test_an_error_that_quotes_its_row_gives_no_personal_data_away():
    items = items_of(WEB, ["x" * 258 + " write to anna@mail.example"])
    lane, _ = with_stage("edits", WEB.edits.index(PII_REDACT), quoting_edit)
    (row,) = rooms.edit(lane, items)[1].to_pylist()
    assert row["detail"] == f"ValueError: cannot read '{'x' * 258} write to <email>"[:300]
    items = items_of(WEB, ["write to anna@mail.example"])
    (row,) = rooms.edit(lane, items)[1].to_pylist()
    assert row["detail"] == "ValueError: cannot read 'write to <email>'"


def test_a_row_that_no_stage_can_read_does_not_survive_the_room():
    items, _ = made({4})
    lane, _ = with_stage("judges", 0, poisoned_judge)
    alive = rooms.survivors(items, judged(lane, items)).column("item_id").to_pylist()
    plain = rooms.survivors(items, judged(WEB, items)).column("item_id").to_pylist()
    assert alive == [i for i in plain if i != items.column("item_id")[4].as_py()]
    assert len(alive) == len(plain) - 1


@pytest.mark.parametrize(("fn", "given"), [(losing_judge, 8), (moving_judge, 9)], ids=["loses", "moves"])
def test_a_judge_that_breaks_the_first_law_stops_the_run(fn, given):
    items, _ = made(set())
    lane, stage = with_stage("judges", 0, fn)
    with pytest.raises(StageError, match=f"stage {stage.name} gave {given} decisions for 9 items, or in another order"):
        judged(lane, items)
