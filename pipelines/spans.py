"""The room of repeated spans: what better kept texts of a lane hold too is cut from its kept items, once all know who is kept.

It comes after the mix, so that what holds a span is published, and before the shards. Parts of which nothing is cut stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.cut import SEAM, cut_items, drops, published
from pipelines.dedup.spans import find_repeats
from pipelines.group import ROWS_A_PARTITION, Stored, Texts
from pipelines.lanes.lane import Lane
from pipelines.receipt import Receipt, Tables, room
from pipelines.rooms import one_batch
from pipelines.site import Site
from pipelines.stage import Stage
from pipelines.store import Part
from schemas.decision import DECISION, REPEATED_SPAN
from schemas.digest import digest, sha256
from schemas.item import ID

RECUT = pa.schema([pa.field("ordinal", pa.int32(), nullable=False)])  # of the work orders whose items are others now


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What was cut in one lane. `decisions`: edits and drops. `items`, `ledger_items`: by work order, the parts that take the place of those of
    the room `edited`.
    """

    receipt: Receipt
    decisions: pa.Table
    items: Mapping[int, Part]
    ledger_items: Mapping[int, Part]


def cut_spans(
    site: Site, lane: Lane, prints: Sequence[Part], items: Sequence[Part], ledger_items: Sequence[Part], kept: pa.Array
) -> Cut | None:
    """The spans of the kept items that others hold, cut; null where the lane does not ask for it.

    `prints`, `items`, `ledger_items`: of the rooms `signed` and `edited`, in the order of the work orders. `kept`: ids.

    Raises:
        TooManyRemoved: a source loses a larger share of its words than `max_removed_share` allows.
    """
    stage = lane.cuts_spans
    if stage is None:
        return None
    parts = [part.sha256 for some in (prints, items, ledger_items) for part in some]
    chosen = sha256(b"".join(sorted(kept.cast(ID).to_pylist())))
    key = digest("room", "spans", 1, lane.name, parts, chosen.hex(), stage.op_id)
    receipt = room(
        site.store, lane.name, "spans", key, lambda: _cut(site, lane, stage, (prints, items, ledger_items), kept)
    )
    return cut_of(site, receipt)


def cut_of(site: Site, receipt: Receipt) -> Cut:
    """What the receipt of the room says."""
    ordinals = site.store.read_part(receipt.part("recut")).column("ordinal").to_pylist()
    return Cut(
        receipt=receipt,
        decisions=site.store.table([receipt.part("decision")], DECISION),
        items=dict(zip(ordinals, receipt.all("items"), strict=True)),
        ledger_items=dict(zip(ordinals, receipt.all("item"), strict=True)),
    )


def _cut(
    site: Site, lane: Lane, stage: Stage, parts: tuple[Sequence[Part], Sequence[Part], Sequence[Part]], kept: pa.Array
) -> tuple[Tables, dict[str, int]]:  # fmt: skip
    (prints, items, ledger_items), store = parts, site.store
    found = find_repeats(
        stage, Stored(site, prints), kept, Texts(site, items).load, memory=site.memory, scratch=site.scratch,
        places=_places(site, lane, prints),
    )  # fmt: skip
    said, seams, ordinals, changed = (
        [pa.Table.from_batches([drops(stage, found.left)])],
        [SEAM.empty_table()],
        list[int](),
        Tables(),
    )
    touched = found.left.column("item_id").combine_chunks()
    for ordinal, (part, of) in enumerate(zip(items, ledger_items, strict=True)):
        ids = store.read_part(part, ["item_id"]).column("item_id").combine_chunks()
        if not pc.any(pc.is_in(ids, value_set=touched)).as_py():
            continue
        mine = found.cuts.filter(pc.is_in(found.cuts.column("item_id"), value_set=ids))
        new, receipts, moved = cut_items(stage, one_batch(store.read_part(part)), mine, found.left)
        said.append(pa.Table.from_batches([receipts]))
        if moved.num_rows:
            ordinals.append(ordinal)
            seams.append(moved)
            changed += [("items", pa.Table.from_batches([new])), ("item", recounted(store.read_part(of), new))]
    decided = pa.concat_tables(said).sort_by("item_id")
    spans = published(found.spans, pa.concat_tables(seams)).cast(REPEATED_SPAN)
    tables: Tables = [
        ("decision", decided), ("repeated_span", spans), ("recut", pa.table([pa.array(ordinals, pa.int32())], schema=RECUT)), *changed,
    ]  # fmt: skip
    words = np.sum(found.left.column("words").to_numpy() - found.left.column("words_left").to_numpy())
    return tables, {"spans": len(spans), "words": int(words), "items": len(decided)}


def recounted(rows: pa.Table, items: pa.RecordBatch) -> pa.Table:
    """The LEDGER_ITEM rows with the digests and sizes of the texts of these items."""
    at = pc.index_in(rows.column("item_id"), value_set=items.column("item_id")).combine_chunks()
    digests = items.column("content_sha256").take(at)
    is_other = pc.not_equal(digests, rows.column("content_sha256").combine_chunks()).fill_null(False)
    sizes = pc.binary_length(items.column("text")).cast(pa.int64()).take(at)
    for name, values in (("content_sha256", digests), ("bytes", sizes)):
        column = pc.if_else(is_other, values, rows.column(name).combine_chunks())
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), column)
    return rows


def _places(site: Site, lane: Lane, prints: Sequence[Part]) -> pa.Table | None:
    """The places of prints that are there twice, by the site's Beam runner; null where it has none."""
    if site.runner == "local":
        return None
    from pipelines.beam.build import places_on_beam

    key = digest("room", "places", lane.name, [part.sha256 for part in prints])
    partitions = max(16, sum(part.rows for part in prints) // ROWS_A_PARTITION)
    return places_on_beam(site, lane.name, key.hex(), prints, partitions)
