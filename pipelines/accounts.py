"""The accounts of a run: one disposition an item, from the decisions of all rooms, and the breaker on quarantine."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lanes.lane import Lane
from pipelines.mix.balance import STAGE as BALANCE
from schemas.decision import DISPOSITION, State, Verdict
from schemas.errors import QuarantineExceeded

STATES = {
    Verdict.DROP.value: State.DROPPED.value,
    Verdict.QUARANTINE.value: State.QUARANTINED.value,
    Verdict.MERGE.value: State.MERGED.value,
    Verdict.SPLIT.value: State.SPLIT.value,
}


def stage_order(lane: Lane) -> list[str]:
    """Stage names in the order in which they end an item: rights win over everything, also over quarantine."""
    spans = [] if lane.spans is None else [lane.spans.name]
    local = [stage.name for stage in lane.stages if stage.name not in spans]
    return ["rights", "capture", *local, BALANCE, "mix", *spans]


def dispositions(lane: Lane, item_ids: pa.Array, decisions: pa.Table, duplicates: pa.Table) -> pa.Table:
    """The final state of every item: what the first stage said that ended it, or kept.

    Args:
        lane: its stages give the order.
        item_ids: ids of all items of the lane, each once.
        decisions: all decisions of the lane, any order, in the ledger's schema.
        duplicates: merged items and their witnesses.

    Returns:
        pa.Table in the schema DISPOSITION, sorted by item_id.
    """
    order = stage_order(lane)
    ends = decisions.filter(pc.is_in(decisions.column("verdict"), value_set=pa.array(list(STATES))))
    rank = pc.index_in(ends.column("stage"), value_set=pa.array(order)).cast(pa.int32())
    ends = ends.append_column("rank", rank)
    ends = ends.take(pc.sort_indices(ends, sort_keys=[("item_id", "ascending"), ("rank", "ascending")]))
    ids = ends.column("item_id").combine_chunks()
    first = np.ones(len(ids), dtype=bool)
    if len(ids) > 1:
        first[1:] = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy(zero_copy_only=False)
    ends = ends.filter(pa.array(first))
    items = item_ids.take(pc.sort_indices(item_ids))
    at = pc.index_in(items, value_set=ends.column("item_id").combine_chunks())
    state = _mapped(ends.column("verdict").combine_chunks(), STATES).take(at)
    witness = pc.index_in(items, value_set=duplicates.column("item_id").combine_chunks())
    successor = duplicates.column("witness_id").combine_chunks().take(witness)
    merged = pc.equal(state, State.MERGED.value).fill_null(False)
    columns = [
        items,
        pa.array([lane.name] * len(items), pa.string()),
        state.fill_null(State.KEPT.value),
        ends.column("stage").combine_chunks().take(at),
        ends.column("reason").combine_chunks().take(at),
        pc.if_else(merged, successor, pa.scalar(None, successor.type)),
    ]
    return pa.Table.from_arrays(columns, schema=DISPOSITION)


def funnel(lane: Lane, found: pa.Table) -> list[tuple[str, int]]:
    """(stage, items that came through it) from the first stage that ended an item to the last; split roots count nowhere.

    `found`: DISPOSITION of the lane. The last number is that of the kept items.
    """
    lost = found.filter(pc.not_equal(found.column("state"), State.SPLIT.value))
    counts = {
        row["stage"]: row["item_id_count"]
        for row in lost.group_by("stage").aggregate([("item_id", "count")]).to_pylist()
    }
    left = lost.num_rows
    stages = [("found", left)]
    for stage in stage_order(lane):
        if counts.get(stage):
            left -= counts[stage]
            stages.append((stage, left))
    return stages


def _mapped(values: pa.Array, names: dict[str, str]) -> pa.Array:
    return pa.array(list(names.values())).take(pc.index_in(values, value_set=pa.array(list(names))))


def check_quarantine(lane: str, found: pa.Table, limit: float, at_least: int = 20) -> None:
    """Nothing, unless a reason took more of the lane's items into quarantine than `limit` (a share of all) allows.

    Raises:
        QuarantineExceeded: names the stage, the reason, the count and the first five items.
    """
    bad = found.filter(pc.equal(found.column("state"), State.QUARANTINED.value))
    for entry in bad.group_by(["stage", "reason"]).aggregate([("item_id", "count")]).to_pylist():
        n = entry["item_id_count"]
        if n >= at_least and n > limit * found.num_rows:
            mask = pc.and_(
                pc.equal(bad.column("stage"), entry["stage"]), pc.equal(bad.column("reason"), entry["reason"])
            )
            first = ", ".join(i.hex()[:16] for i in bad.filter(mask).column("item_id").to_pylist()[:5])
            raise QuarantineExceeded(
                f"lane {lane}: stage {entry['stage']} quarantined {n} of {found.num_rows} items as {entry['reason']} "
                f"(limit {limit:.1%}); the first: {first}. Look at one with `headwater inspect`, or raise max_quarantined"
            )


def concat(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """All rows of the tables; an empty table of the schema where there are none."""
    return pa.concat_tables(tables) if tables else schema.empty_table()
