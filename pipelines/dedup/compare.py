"""Candidate pairs compared in bounded memory: which of them lie together, what comparing them reads, and what is known of them already.

pairs -> units (what hangs together) -> settle (which pairs) -> blocks that memory holds -> `Dedup.verify` -> edges
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import PAIRS
from pipelines.dedup.elect import Ranks
from pipelines.dedup.known import Verified
from pipelines.dedup.pair_store import PairStore
from pipelines.dedup.settle import Block, Blocks, Mask, settle
from pipelines.dedup.verify import EDGES
from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import I64
from schemas.errors import StageError
from schemas.item import ID

if TYPE_CHECKING:
    from pipelines.dedup.duplicates import Dedup, LoadTexts

Read = Callable[[I64], pa.Table]  # rows, ascending -> the columns of these items that comparing reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How candidate pairs are compared, and with how much memory.

    signatures: the parts of the signature table; starts: int64[parts + 1], where each begins. weights: int64[n], the bytes that comparing each item
    takes. known: what an earlier run found; null: nothing.
    """

    dedup: "Dedup"
    signatures: Sequence[pa.Table]
    starts: I64
    ranks: Ranks
    weights: I64
    load_texts: "LoadTexts"
    memory: int
    known: Verified | None

    def edges(self, pairs: PairStore) -> pa.Table:
        """`EDGES` of the pairs that are similar, as far as `settle` asks for them."""
        found = [EDGES.empty_table()]
        for blocks, rows in _units(pairs, self.weights, self.memory // 8):
            read, load = self._read, self.load_texts
            if rows is not None and self.weights[rows].sum() <= self.memory // 4:
                read, load = partial(_rows_of, read(rows), rows), _Held(load)
            found.append(settle(blocks, self.ranks, partial(self._compare, read, load)))
        return pa.concat_tables(found)

    def _read(self, rows: I64) -> pa.Table:
        cuts = np.searchsorted(rows, self.starts)
        tables = [self.dedup.table.empty_table()]
        for part, (start, end) in enumerate(pairwise(cuts.tolist())):
            if start < end:
                columns = self.signatures[part].select(self.dedup.table.names)
                tables.append(columns.take(pa.array(rows[start:end] - self.starts[part])))
        return pa.concat_tables(tables)

    def _compare(
        self, read: Read, load_texts: "LoadTexts", left: I64, right: I64, is_anchored: Mask
    ) -> Iterator[pa.Table]:
        """`EDGES` of these pairs, in blocks that a quarter of the memory holds: of whole components where they fit."""
        if self.known is not None:
            is_known = self.known.covers(left, right) & ~is_anchored
            yield self.known.edges(left[is_known], right[is_known])
            left, right = left[~is_known], right[~is_known]
        for a, b in _blocks(left, right, self.weights, self.memory // 4):
            rows, sides = np.unique(np.concatenate([a, b]), return_inverse=True)
            numbered = sides.reshape(2, -1).astype(np.uint64)
            order = np.lexsort((numbered[1], numbered[0]))
            batch = pa.RecordBatch.from_arrays([pa.array(side[order]) for side in numbered], schema=PAIRS)
            edges = self.dedup.verify(self.dedup.stage, batch, read(rows), load_texts)
            sides_of = (rows[edges.column(name).to_numpy().astype(np.int64)].astype(np.uint64) for name in ("a", "b"))
            yield pa.table([*map(pa.array, sides_of), edges.column("similarity")], schema=EDGES)


def _rows_of(table: pa.Table, rows: I64, wanted: I64) -> pa.Table:
    return table.take(pa.array(np.searchsorted(rows, wanted)))


class _Held:
    """Texts by item id, each loaded once."""

    def __init__(self, load: "LoadTexts") -> None:
        self._load, self._ids, self._texts = load, pa.array([], ID), pa.array([], pa.large_string())

    def __call__(self, ids: pa.Array) -> pa.Array:
        fresh = ids.filter(pc.invert(pc.is_in(ids, value_set=self._ids)))
        if len(fresh):
            texts = self._load(fresh)
            if len(texts) != len(fresh):
                raise StageError(
                    f"dedup: {len(fresh)} texts were asked for, {len(texts)} came: give one an id, in order"
                )
            self._ids = pa.concat_arrays([self._ids, fresh.cast(ID)])
            self._texts = pa.concat_arrays([self._texts, texts.cast(pa.large_string())])
        return self._texts.take(pc.index_in(ids, value_set=self._ids))


def _units(pairs: PairStore, weights: I64, budget: int) -> Iterator[tuple[Blocks, I64 | None]]:
    """The pairs in units that have no item in common, of about so many bytes where their components are smaller, and the rows of each.

    Pairs that lie in files are one unit, of rows that are not known.
    """
    if pairs.is_spilled:
        yield pairs.blocks, None
        return
    for left, right, is_anchored in pairs.blocks():
        rows, (a, _), component = _components(left, right)
        sizes = np.bincount(component, weights[rows], len(rows)).astype(np.int64)
        unit = ((np.cumsum(sizes) - sizes) // max(budget, 1))[component]
        by_unit, by_row = (np.argsort(numbers, kind="stable") for numbers in (unit[a], unit))
        for number in np.unique(unit):
            mine = _run(by_unit, unit[a], number)
            block: Block = (left[mine], right[mine], is_anchored[mine])
            yield partial(tuple, [block]), rows[_run(by_row, unit, number)]


def _run(order: I64, numbers: I64, wanted: np.int64) -> I64:
    """The places of a number, given the stable order of all."""
    first, end = (np.searchsorted(numbers, wanted, side, sorter=order) for side in ("left", "right"))
    return order[first:end]


def _components(left: I64, right: I64) -> tuple[I64, tuple[I64, I64], I64]:
    """The rows of these pairs, ascending; the two sides as places among them; the component of each place."""
    rows, sides = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = sides.reshape(2, -1)
    return rows, (a, b), kernels.components(a, b, len(rows))


def _blocks(left: I64, right: I64, weights: I64, budget: int) -> Iterator[tuple[I64, I64]]:
    """The two sides of the pairs, as rows, in blocks of items that together weigh no more than the budget."""
    rows, (a, b), component = _components(left, right)
    order = np.lexsort((b, a, component[a]))
    a, b = a[order], b[order]
    for start, end in pairwise(kernels.blocks(a, b, weights[rows], budget).tolist()):
        if start < end:
            yield rows[a[start:end]], rows[b[start:end]]
