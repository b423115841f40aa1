"""What an election can take from the one before it: similarities of pairs that were compared, and texts to compare others by."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.duplicates import Dedup, Duplicates, LoadTexts
from pipelines.kernels.minhash import I64
from pipelines.late.stored import Stored, ids_of, minus, part_ids
from pipelines.rooms import one_batch
from pipelines.stage import Stage
from schemas.item import ID


class Known:
    """A lane's dedup that looks at what was compared before it compares.

    `same_candidates`: pairs are looked for under the threshold they were looked for then. So two items that both stood for
    their texts then and have no edge were compared and found too different, unless a bucket was hot or both were merged into the same one.
    """

    def __init__(self, then: Duplicates, *, same_candidates: bool) -> None:
        near = then.edges.filter(pc.not_equal(then.edges.column("method"), "exact"))
        ids = then.components.column("item_id")
        copies = then.edges.filter(pc.equal(then.edges.column("method"), "exact"))
        self._ids = ids
        sides = (pc.index_in(near.column(name), value_set=ids).to_numpy() for name in ("item_id", "other_id"))
        self._edges = _keys(*(side.astype(np.int64) for side in sides))
        self._similarity = near.column("similarity").to_numpy()
        order = np.argsort(self._edges)
        self._edges, self._similarity = self._edges[order], self._similarity[order]
        # Of two equal texts either may have stood for both, so that neither's lack of an edge says anything.
        doubtful = pa.concat_arrays([copies.column("item_id"), copies.column("other_id")])
        self._compared = np.zeros(len(ids), bool)
        if same_candidates and not len(then.hot):
            self._compared = pc.invert(pc.is_in(ids, value_set=doubtful)).to_numpy(zero_copy_only=False)
        merged, witness = (
            pc.index_in(then.duplicates.column(name), value_set=ids) for name in ("item_id", "witness_id")
        )
        self._into = np.full(len(ids), -1, np.int64)
        self._into[merged.to_numpy()] = witness.to_numpy()

    def within(self, dedup: Dedup) -> Dedup:
        """The same dedup, whose verification looks here first."""

        def verify(stage: Stage, pairs: pa.RecordBatch, table: pa.Table, load_texts: LoadTexts) -> pa.RecordBatch:
            rows = [pairs.column(name).to_numpy().astype(np.int64) for name in ("a", "b")]
            at = pc.index_in(table.column("item_id").combine_chunks(), value_set=self._ids)
            there = at.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            a, b = there[rows[0]], there[rows[1]]
            both = (a >= 0) & (b >= 0)
            keys = _keys(a, b)
            place = np.searchsorted(self._edges, keys)
            place[place == len(self._edges)] = 0
            is_edge = both & (self._edges[place] == keys) if len(self._edges) else np.zeros(len(a), bool)
            is_apart = both & ~is_edge
            is_apart[is_apart] = self._compared[a[is_apart]] & self._compared[b[is_apart]]
            is_apart[is_apart] = ~self._are_of_one(a[is_apart], b[is_apart])
            fresh = dedup.verify(stage, pairs.filter(pa.array(~is_edge & ~is_apart)), table, load_texts)
            similarity = self._similarity[place[is_edge]]
            good = similarity >= stage.number("threshold")
            columns = [rows[0][is_edge][good], rows[1][is_edge][good], similarity[good]]
            stored = pa.RecordBatch.from_arrays(
                [pa.array(c, f.type) for c, f in zip(columns, fresh.schema, strict=True)], schema=fresh.schema
            )
            return one_batch(pa.Table.from_batches([fresh, stored]))

        return dataclasses.replace(dedup, verify=verify)

    def _are_of_one(self, a: I64, b: I64) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (self._into[a] == self._into[b]) & (self._into[a] >= 0)
        return found


def _keys(a: I64, b: I64) -> I64:
    """int64[n]: one number a pair of rows, whichever comes first."""
    found: I64 = np.minimum(a, b) << 32 | np.maximum(a, b)
    return found


class EditedTexts:
    """Edited texts by item id: of items that come back from memory, of the others from the rooms that hold them."""

    def __init__(self, stored: Stored, lane: str, gained: Sequence[pa.RecordBatch]) -> None:
        self._store = stored.store
        self._parts = [done.rooms["edited"].part("items") for done in stored.orders[lane]]
        self._gained = [pa.Table.from_batches([batch.select(["item_id", "text"])]) for batch in gained]

    def load(self, ids: pa.Array) -> pa.Array:
        """The texts of these items, in the same order."""
        found = [table for table in self._gained if table.num_rows]
        left = minus(ids.cast(ID), ids_of(found))
        for part in self._parts if len(left) else ():
            wanted = pc.is_in(part_ids(self._store, part), value_set=left)
            if pc.any(wanted).as_py():
                found.append(self._store.read_part(part, ["item_id", "text"]).filter(wanted))
        whole = pa.concat_tables(found).combine_chunks()
        at = pc.index_in(ids.cast(ID), value_set=whole.column("item_id").combine_chunks())
        return whole.column("text").combine_chunks().take(at)
