"""Every decision is what its rule says of the stored signal, said again here as plainly as can be."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.audit.open import Ledger
from pipelines.lanes import LANES
from pipelines.late.stored import lane_of, stored
from pipelines.late.whatif import whatif
from pipelines.spine import align_signals
from pipelines.stage import judge_by_rules
from schemas.decision import Verdict
from schemas.digest import sha256
from schemas.item import ID

RULED = [
    pytest.param(judge, id=f"{lane.name} {judge.name}")
    for lane in LANES
    for judge in lane.judges
    if judge.fn is judge_by_rules
]


def fails(rule, value, language):
    """Whether a row does not meet a rule: false where nothing was measured, and for other languages."""
    if value is None or (rule.languages and language not in rule.languages):
        return False
    return value < rule.at_least if rule.at_least is not None else value > rule.at_most


def said(stage, row, language):
    """(verdict, reason, signal, value, threshold) of one row; live rules first, then those in shadow."""
    for shadowed in (False, True) if stage.settings.get("on", True) else ():
        for rule in stage.rules:
            value = row[rule.signal]
            if (rule.name in stage.shadow) == shadowed and fails(rule, value, language):
                verdict = Verdict.SHADOW if shadowed else Verdict.DROP
                return verdict.value, rule.reason.value, rule.signal, float(value), rule.threshold
    return Verdict.KEEP.value, None, None, None, None


def judged(found):
    columns = ("verdict", "reason", "signal", "value", "threshold")
    return [tuple(row[name] for name in columns) for row in found.to_pylist()]


@st.composite
def measured(draw, stage):
    """(rows of signals, a language each): values on, beside and far from each bound, and nulls."""
    spoken = sorted({language for rule in stage.rules for language in rule.languages[:2]})
    near = {rule.signal: [] for rule in stage.rules}
    for rule in stage.rules:
        near[rule.signal] += [rule.threshold, rule.threshold - 0.5, rule.threshold + 0.5]
    row = st.fixed_dictionaries(
        {name: st.one_of(st.none(), st.sampled_from(values), st.floats(-1e6, 1e6)) for name, values in near.items()}
    )
    rows = draw(st.lists(row, min_size=1, max_size=8))
    return rows, draw(st.lists(st.sampled_from([None, "xx", *spoken]), min_size=len(rows), max_size=len(rows)))


@pytest.mark.parametrize("judge", RULED)
@settings(max_examples=25)  # of twelve judges
@given(data=st.data())
def test_a_judge_says_what_its_rules_say_of_each_signal(judge, data):
    rows, languages = data.draw(measured(judge))
    named = [rule.name for rule in judge.rules]
    shadow = data.draw(st.lists(st.sampled_from(named), unique=True, max_size=len(named)))
    stage = judge.override({"shadow": shadow}, where="here")
    ids = pa.array([sha256(bytes([i])) for i in range(len(rows))], ID)
    items = pa.RecordBatch.from_pydict({"item_id": ids, "language": pa.array(languages, pa.string())})
    signals = pa.RecordBatch.from_pydict(
        {name: pa.array([row[name] for row in rows], pa.float64()) for name in rows[0]}
    )
    found = judge_by_rules(stage, items, signals)
    assert judged(found) == [said(stage, row, language) for row, language in zip(rows, languages, strict=True)]


def test_the_decisions_of_a_run_are_its_rules_over_its_stored_signals(demo):
    there = stored(Ledger.open(demo[1].store))
    counted = 0
    for name, orders in there.orders.items():
        for done in orders:
            lane = lane_of(there.recipe, name, done.source)
            items = there.store.read_part(done.rooms["split"].part("items"))
            signals = there.store.read_part(done.rooms["measured"].part(f"signal_{name}"))
            items = rooms.one_batch(
                items.filter(pa.compute.is_in(items["item_id"], value_set=signals["item_id"].combine_chunks()))
            )
            signals = align_signals(items, signals)
            items = rooms.with_language(items, signals)
            decided = there.store.read_part(done.rooms["judged"].part("decision")).to_pylist()
            stated = {(row["item_id"], row["stage"]): row for row in decided}
            for judge in lane.judges:
                mine = [stated.get((i, judge.name)) for i in items.column("item_id").to_pylist()]
                columns = ("verdict", "reason", "signal", "value", "threshold")
                was = [tuple(row[c] for c in columns) if row else ("keep", None, None, None, None) for row in mine]
                assert judged(rooms.judge_by(judge, items, signals)) == was
                if judge.fn is judge_by_rules:
                    spoken = items.column("language").to_pylist()
                    assert [said(judge, row, spoken[i]) for i, row in enumerate(signals.to_pylist())] == was
                counted += sum(row is not None for row in mine)
    assert counted > 10


def test_items_that_were_not_measured_are_counted_as_such(demo):
    ledger = Ledger.open(demo[1].store)
    (rule,) = [one for lane in LANES for judge in lane.judges for one in judge.rules if one.name == "min_found_words"]
    (counted,) = ledger.db.rows(
        "SELECT count(*) AS n FROM signal_image_caption WHERE found_word_count IS NULL AND language IN (SELECT unnest(?))",
        [list(rule.languages)],
    )
    found = whatif(ledger, ["quality.caption.min_found_words=1"])
    assert [(one.lane, one.rule, one.items) for one in found.unmeasured] == [
        ("image_caption", "quality.caption.min_found_words", counted["n"])
    ]
    assert counted["n"] > 0
