"""The balance: the account of one run, counted from distinct rows of its tables, and the invariants it stands on.

    captured + born = kept + dropped + merged + split + quarantined + withdrawn

Nothing here reads a counter: counters can agree while every row is lost.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipelines.ledger.database import Database
from pipelines.stage import Shape
from schemas.decision import State
from schemas.errors import BalanceError
from schemas.reasons import Reason
from schemas.run import Balance

PER_STAGE = pa.schema(
    [pa.field("lane", pa.string(), nullable=False), pa.field("stage", pa.string(), nullable=False)]
    + [
        pa.field(name, pa.int64(), nullable=False)
        for name in ("entered", "born", "dropped", "merged", "split", "quarantined", "withdrawn", "passed")
    ]
)

# The order in which items meet stages; damage ends at `capture`, before any stage, and the mix comes after all.
FLOW = (Shape.SPLIT, Shape.MEASURE, Shape.JUDGE, Shape.EDIT, Shape.GROUP)

# Which verdict ends an item in which state.
_ENDS = (
    "(VALUES ('dropped', 'drop'), ('merged', 'merge'), ('split', 'split'), ('quarantined', 'quarantine'),"
    " ('withdrawn', 'drop')) AS ends(state, verdict)"
)

# What must hold, as (what is wrong, the ids for which it is). `items` and `ended` are the distinct rows. A disposition
# or placement that is there twice is wrong even where both rows agree; an item is not: two archives may hold a record.
INVARIANTS: tuple[tuple[str, str], ...] = (
    ("items are there with two different rows",
     "SELECT item_id AS id FROM items GROUP BY item_id HAVING count(*) > 1"),
    ("captures that a lane accepted gave no root item",
     "SELECT item_id AS id FROM expected ANTI JOIN items USING (item_id)"),
    ("root items are of no capture that a lane accepted",
     "SELECT item_id AS id FROM items ANTI JOIN expected USING (item_id) WHERE parent_id IS NULL"),
    ("items name a capture that is not in the ledger",
     "SELECT item_id AS id FROM items ANTI JOIN capture USING (capture_id)"),
    ("items name a source that has no card",
     "SELECT item_id AS id FROM items ANTI JOIN source ON source.name = items.source"),
    ("items have no disposition",
     "SELECT item_id AS id FROM items ANTI JOIN ended USING (item_id)"),
    ("dispositions are of no item of their lane",
     "SELECT item_id AS id FROM ended ANTI JOIN items USING (item_id, lane)"),
    ("items have more than one disposition",
     "SELECT item_id AS id FROM disposition GROUP BY item_id HAVING count(*) > 1"),
    ("dispositions name a state that is none",
     f"SELECT item_id AS id FROM ended WHERE state NOT IN ({', '.join(repr(state.value) for state in State)})"),
    ("children have a parent that is not split",
     "SELECT c.item_id AS id FROM items c LEFT JOIN ended p ON p.item_id = c.parent_id"
     " WHERE c.parent_id IS NOT NULL AND p.state IS DISTINCT FROM 'split'"),
    ("split items have no child",
     "SELECT p.item_id AS id FROM ended p ANTI JOIN items c ON c.parent_id = p.item_id WHERE p.state = 'split'"),
    ("kept items are not placed",
     "SELECT item_id AS id FROM ended ANTI JOIN placement USING (item_id) WHERE state = 'kept'"),
    ("placed items are not kept",
     "SELECT item_id AS id FROM placement ANTI JOIN (FROM ended WHERE state = 'kept') USING (item_id)"),
    ("items are placed more than once",
     "SELECT item_id AS id FROM placement GROUP BY item_id HAVING count(*) > 1"),
    ("merged items name no witness, or themselves",
     "SELECT item_id AS id FROM ended WHERE state = 'merged' AND (successor_id IS NULL OR successor_id = item_id)"),
    # The mix counts, and spans are cut, after duplicates are settled: only they may leave out what others were merged into.
    ("merged items have a witness that was not kept",
     "SELECT m.item_id AS id FROM ended m LEFT JOIN ended w ON w.item_id = m.successor_id WHERE m.state = 'merged'"
     f" AND w.state IS DISTINCT FROM 'kept' AND coalesce(w.reason, '') NOT IN ('{Reason.OVER_QUOTA.value}', '{Reason.REPEATED_SPANS.value}')"),
    ("spans were cut that no kept item holds",
     "SELECT r.item_id AS id FROM repeated_span r JOIN ended c USING (item_id) LEFT JOIN ended w ON w.item_id = r.witness_id"
     f" WHERE (c.state = 'kept' OR c.reason = '{Reason.REPEATED_SPANS.value}') AND coalesce(w.state, '') NOT IN ('kept', 'withdrawn')"),
    ("spans were cut without a decision that says so",
     "SELECT r.item_id AS id FROM repeated_span r ANTI JOIN decision d ON d.item_id = r.item_id"
     f" AND d.reason = '{Reason.REPEATED_SPANS.value}'"),
    ("merged items have no verified similarity to their witness",
     "SELECT m.item_id AS id FROM ended m ANTI JOIN duplicate d ON d.item_id = m.item_id"
     " AND d.witness_id = m.successor_id WHERE m.state = 'merged'"),
    ("items name a witness but are not merged",
     "SELECT item_id AS id FROM ended WHERE state <> 'merged' AND successor_id IS NOT NULL"),
    ("items ended without a reason",
     "SELECT item_id AS id FROM ended WHERE state NOT IN ('kept', 'split') AND reason IS NULL"),
    ("items ended without a decision of their stage that says so",
     f"SELECT e.item_id AS id FROM ended e JOIN {_ENDS} USING (state) ANTI JOIN decision d ON d.item_id = e.item_id"
     " AND d.stage = e.stage AND d.verdict = ends.verdict AND d.reason IS NOT DISTINCT FROM e.reason"),
    ("items are kept although a decision ended them",
     f"SELECT e.item_id AS id FROM ended e SEMI JOIN (SELECT item_id FROM decision JOIN {_ENDS} USING (verdict)) d"
     " ON d.item_id = e.item_id WHERE e.state = 'kept'"),
    ("shards hold another number of samples than placements",
     "SELECT shard_id AS id FROM (SELECT DISTINCT shard_id, samples FROM shard) LEFT JOIN"
     " (SELECT shard_id, count(*) AS n FROM placement GROUP BY shard_id) USING (shard_id)"
     " WHERE n IS DISTINCT FROM samples"),
    ("placements name a shard that is not in the ledger",
     "SELECT item_id AS id FROM placement ANTI JOIN shard USING (shard_id, release)"),
)  # fmt: skip


def balance(db: Database) -> Balance:
    """The account of the run whose tables these are, in distinct items."""
    (items,) = db.rows(
        "SELECT count(DISTINCT item_id) FILTER (parent_id IS NULL) AS captured,"
        " count(DISTINCT item_id) FILTER (parent_id IS NOT NULL) AS born FROM item"
    )
    found = db.rows("SELECT state, count(DISTINCT item_id) AS n FROM disposition GROUP BY state")
    states = dict.fromkeys(State, 0) | {row["state"]: row["n"] for row in found if row["state"] in set(State)}
    return Balance(**items, **{state.value: n for state, n in states.items()})


def check(db: Database, expected_roots: pa.Array) -> Balance:
    """The balance of a run, once every invariant holds.

    Args:
        db: the tables of the run.
        expected_roots: ids of the root items that the captures must have given, computed from the captures alone.

    Raises:
        BalanceError: names every broken invariant with the number of items and the first five ids.
    """
    db.prepare("item disposition decision duplicate repeated_span placement shard capture source")
    db.connection.register("expected", pa.table({"item_id": expected_roots}))
    for name, table in (("items", "item"), ("ended", "disposition")):
        db.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT * FROM {table}")
    broken = [_broken(db, what, sql) for what, sql in INVARIANTS]
    stages = [
        f"{row['lane']}: {-row['passed']} more items end at {row['stage']} than came to it"
        for row in per_stage(db).to_pylist()
        if row["passed"] < 0
    ]
    found = balance(db)
    if not found.holds:
        stages.append(f"captured {found.captured} + born {found.born} is not the sum of the rest: {found}")
    if problems := [line for line in broken if line] + stages:
        raise BalanceError("the run does not balance, so nothing was committed:\n  " + "\n  ".join(problems))
    return found


def _broken(db: Database, what: str, sql: str) -> str | None:
    (row,) = db.rows(f"SELECT count(*) AS n, min(id, 5) AS first FROM (SELECT DISTINCT id FROM ({sql}))")
    return f"{row['n']} {what}: {', '.join(one.hex() for one in row['first'])}" if row["n"] else None


def per_stage(db: Database) -> pa.Table:
    """What came to each stage of each lane and how it went on, lanes by name and stages in the order items meet them.

    In every row entered + born = dropped + merged + split + quarantined + withdrawn + passed, where born counts the
    children of items split there; a stage's passed is the next one's entered, and the last one's is kept.
    """
    ended = {(row["lane"], row["stage"], row["state"]): row["n"] for row in db.rows(
        "SELECT lane, stage, state, count(DISTINCT item_id) AS n FROM disposition WHERE stage IS NOT NULL GROUP BY ALL"
    )}  # fmt: skip
    born = {(row["lane"], row["stage"]): row["n"] for row in db.rows(
        "SELECT c.lane, p.stage, count(DISTINCT c.item_id) AS n FROM item c"
        " JOIN disposition p ON p.item_id = c.parent_id GROUP BY ALL"
    )}  # fmt: skip
    entered = {row["lane"]: row["n"] for row in db.rows(
        "SELECT lane, count(DISTINCT item_id) FILTER (parent_id IS NULL) AS n FROM item GROUP BY lane ORDER BY lane"
    )}  # fmt: skip
    rows: list[dict[str, Any]] = []
    for lane, alive in entered.items():
        for stage in _stages(db, lane, {name for where, name, _ in ended if where == lane}):
            row = {"lane": lane, "stage": stage, "entered": alive, "born": born.get((lane, stage), 0)}
            row |= {s.value: ended.get((lane, stage, s.value), 0) for s in State if s is not State.KEPT}
            alive = row["passed"] = _passed(row)
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=PER_STAGE)


def _passed(row: Mapping[str, int]) -> int:
    return row["entered"] + row["born"] - sum(row[state.value] for state in State if state is not State.KEPT)


def _stages(db: Database, lane: str, seen: set[str]) -> list[str]:
    """The stages of a lane in the order in which items meet them: `op` lists those of one shape in that order."""
    ops = db.rows("SELECT stage, shape FROM op WHERE lane = ?", [lane])
    flow = [row["stage"] for shape in FLOW for row in ops if row["shape"] == shape.value]
    known = list(dict.fromkeys(["capture", *flow] if "capture" in seen else flow))
    return known + sorted(seen - set(known))
