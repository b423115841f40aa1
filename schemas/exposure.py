"""Exposure: which checkpoints saw an item, and which items a checkpoint saw, computed from the plan.

Pure functions over the tables of RECORD (`schemas/training.py`): the run folder's or the ledger's. No torch, no training.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.item import ID
from schemas.plan import Plan

Record = Mapping[str, pa.Table]  # by the names of RECORD
Row = Mapping[str, Any]
Plans = dict[tuple[object, ...], Plan]
Counts = Mapping[bytes, int] | None  # times an item was fed, items never fed left out; None: nobody recorded it

# One row an item and checkpoint; pairs that never met have none.
EXPOSURE = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("checkpoint_id", ID, nullable=False),
        pa.field("training_run", pa.string(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # of the checkpoint
        pa.field("times", pa.int64()),  # documents of the item it was fed, its ancestors' too; null: unknown
    ]
)


def exposure(item_ids: Iterable[bytes], record: Record) -> pa.Table:
    """Which checkpoints saw these items, and how often (EXPOSURE), in the order of the record.

    A checkpoint whose run, or a run it went on from, has no consumption row may have seen anything: its `times` is null
    for every item asked. Not to be listed means not to have been fed.
    """
    plans: Plans = {}
    asked = sorted(set(item_ids))
    return told(asked, record, lambda checkpoint_id: seen(checkpoint_id, record, asked, plans))


def told(asked: Sequence[bytes], record: Record, counted: Callable[[bytes], Counts]) -> pa.Table:
    """EXPOSURE of these items. `counted`: what a checkpoint saw of them, its ancestors' too."""
    rows = []
    for one in record["checkpoint"].to_pylist():
        counts = counted(one["checkpoint_id"])
        for item_id in asked:
            if counts is None or item_id in counts:
                named = {name: one[name] for name in ("checkpoint_id", "training_run", "step", "path")}
                rows.append({"item_id": item_id, **named, "times": None if counts is None else counts[item_id]})
    return pa.Table.from_pylist(rows, EXPOSURE)


# One row a time that an item was fed: what compaction keeps, so that nobody has to pack a plan to look one item up.
FEEDING = pa.schema(
    [
        pa.field("training_run", pa.string(), nullable=False),
        pa.field("item_id", ID, nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # of the run's plan, counted from 0 through all epochs
    ]
)


def feedings(record: Record) -> pa.Table:
    """FEEDING: every time that a run, whose consumption and documents are in the record, was fed an item; in no order."""
    found = [FEEDING.empty_table()]
    for run in record["training_run"].to_pylist():
        documents = _rows(record["document"], "plan_digest", run["plan_digest"])
        consumed = _rows(record["consumption"], "training_run", run["training_run"]).to_pylist()
        if not len(documents):
            continue
        plan = Plan.of(documents, seed=run["seed"], row_tokens=run["row_tokens"], block=run["block"])
        for one in consumed:
            entries, rows = plan.fed(one["first_row"], one["last_row"])
            columns = [
                pa.repeat(run["training_run"], len(rows)),
                documents.column("item_id").take(pa.array(entries)),
                pa.array(rows),
            ]
            found.append(pa.table(columns, schema=FEEDING))
    return pa.concat_tables(found)


def steps(feeding: pa.Table, record: Record) -> dict[str, dict[bytes, list[int]]]:
    """By training run that recorded what it consumed, by item, the steps that fed it, ascending from 1; what a run went on from left out.

    `feeding`: FEEDING of the items asked about. A run whose documents are not there was fed nothing that anyone can name.
    """
    per = {run["training_run"]: run["rows_per_step"] for run in record["training_run"].to_pylist()}
    found: dict[str, dict[bytes, list[int]]] = {
        run: {} for run in record["consumption"].column("training_run").unique().to_pylist()
    }
    fed = {
        (one["training_run"], one["item_id"], one["row"] // per[one["training_run"]] + 1) for one in feeding.to_pylist()
    }
    for run, item_id, step in sorted(fed):
        found[run].setdefault(item_id, []).append(step)
    return found


def seen(
    checkpoint_id: bytes, record: Record, item_ids: Sequence[bytes] | None = None, plans: Plans | None = None
) -> Counts:
    """The items a checkpoint saw and how many documents of each, its ancestors' too; of `item_ids` only, where given.

    `plans` keeps what was packed for the next call. None where that is unknown: the checkpoint, its run, its plan's documents or its consumption is not in the record.
    """
    one = _row(record["checkpoint"], "checkpoint_id", checkpoint_id)
    run = _row(record["training_run"], "training_run", one["training_run"]) if one else None
    if one is None or run is None:
        return None
    own = _fed(run, one["rows"], record, item_ids, plans if plans is not None else {})
    if own is None or run["init_checkpoint"] is None:
        return own
    before = seen(run["init_checkpoint"], record, item_ids, plans)
    return None if before is None else {item: own.get(item, 0) + before.get(item, 0) for item in own.keys() | before}


def seen_by_index(checkpoint_id: bytes, record: Record, feeding: pa.Table) -> Counts:
    """What `seen` gives of the items of `feeding` (FEEDING), counted there; the record needs no documents.

    None where the checkpoint, its run, or what it consumed is not in the record.
    """
    one = _row(record["checkpoint"], "checkpoint_id", checkpoint_id)
    run = _row(record["training_run"], "training_run", one["training_run"]) if one else None
    if one is None or run is None or not _reaches(run, one["rows"], record):
        return None
    mine = _rows(feeding, "training_run", run["training_run"])
    counts = Counter(mine.filter(pc.less(mine.column("row"), one["rows"])).column("item_id").to_pylist())
    if run["init_checkpoint"] is None:
        return counts
    before = seen_by_index(run["init_checkpoint"], record, feeding)
    return None if before is None else counts + Counter(before)


def _reaches(run: Row, rows: int, record: Record) -> bool:
    """Whether the run recorded that it consumed so many rows."""
    consumed = _rows(record["consumption"], "training_run", run["training_run"]).column("last_row").to_pylist()
    return bool(consumed) and max(consumed) + 1 >= rows


def _fed(run: Row, rows: int, record: Record, item_ids: Sequence[bytes] | None, plans: Plans) -> Counts:
    """What the first `rows` rows of a run held, as far as they are recorded as consumed."""
    documents = _rows(record["document"], "plan_digest", run["plan_digest"])
    consumed = _rows(record["consumption"], "training_run", run["training_run"]).to_pylist()
    if not len(documents) or not _reaches(run, rows, record):
        return None
    key = (run["plan_digest"], run["seed"], run["row_tokens"], run["block"])
    if key not in plans:
        plans[key] = Plan.of(documents, seed=run["seed"], row_tokens=run["row_tokens"], block=run["block"])
    plan = plans[key]
    fed = [plan.times(row["first_row"], min(row["last_row"], rows - 1)) for row in consumed]
    times = np.sum(fed, axis=0)
    ids = documents.column("item_id")
    mine = times > 0 if item_ids is None else (times > 0) & np.asarray(pc.is_in(ids, pa.array(item_ids, ID)))
    counts: dict[bytes, int] = {}
    for item_id, count in zip(ids.filter(pa.array(mine)).to_pylist(), times[mine].tolist(), strict=True):
        counts[item_id] = counts.get(item_id, 0) + count
    return counts


def _rows(table: pa.Table, column: str, value: object) -> pa.Table:
    return table.filter(pc.equal(table.column(column), pa.scalar(value, table.schema.field(column).type)))


def _row(table: pa.Table, column: str, value: object) -> Row | None:
    found = _rows(table, column, value).to_pylist()
    return found[0] if found else None
