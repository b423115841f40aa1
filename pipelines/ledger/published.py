"""What earlier releases of a ledger published, and in which split: an item keeps its split for ever."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.log import Log
from pipelines.store import Part, Store
from schemas.item import ID

PUBLISHED = pa.schema([pa.field("item_id", ID, nullable=False), pa.field("split", pa.string(), nullable=False)])


def published(store: Store, lane: str) -> pa.Table:
    """`PUBLISHED`: every item of a lane that a committed release holds, once; its split is that of the first release that held it.

    Raises:
        ChainBroken: a commit cannot be read.
        StoreError: a file of an earlier commit cannot be read.
    """
    found = PUBLISHED.empty_table()
    seen: set[str] = set()
    for commit in Log(store).commits():
        placements = [part for part in commit.files if part.table == "placement" and part.path not in seen]
        seen |= {part.path for part in placements}
        if not placements:
            continue
        splits = _splits(store, [part for part in commit.files if part.table == "shard"], lane)
        for part in placements:
            found = pa.concat_tables([found, _first(_placed(store, part, splits), found)])
    return found


def _splits(store: Store, parts: list[Part], lane: str) -> pa.Table:
    """shard_id and split of a lane's shards."""
    tables = [store.read_part(part, ["shard_id", "lane", "split"]) for part in parts]
    table = pa.concat_tables(tables)
    return table.filter(pc.equal(table.column("lane"), lane)).select(["shard_id", "split"])


def _placed(store: Store, part: Part, splits: pa.Table) -> pa.Table:
    placed = store.read_part(part, ["item_id", "shard_id"])
    at = pc.index_in(placed.column("shard_id"), value_set=splits.column("shard_id").combine_chunks())
    split = splits.column("split").combine_chunks().take(at)
    table = pa.table([placed.column("item_id"), split], names=PUBLISHED.names)
    return table.filter(pc.is_valid(table.column("split"))).cast(PUBLISHED)


def _first(placed: pa.Table, before: pa.Table) -> pa.Table:
    is_known = pc.is_in(placed.column("item_id"), value_set=before.column("item_id").combine_chunks())
    return placed.filter(pc.invert(is_known))
