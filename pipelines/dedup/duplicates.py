"""Deduplication of any modality: candidates, verification, election; what differs between modalities is one `Dedup` value.

`find_duplicates` does it all in one process. Where pairs come out of a shuffle (`Dedup.chunks`, then
`candidates.bucket_pairs` per key, then `candidates.merge`), `decide` does the rest.

Of every item about 150 bytes are held (ids, digests, ranks), and 16 of every candidate pair. What is larger, the places in buckets and what is
compared of the items, is held as far as `memory` goes: places are spilled to files, and items are compared in blocks.

A second run over the survivors finds nothing, unless a bucket was hot: those are reported, not searched whole.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup import elect
from pipelines.dedup.candidates import CHUNK, PAIRS, Pairs, bucket_pairs, distinct, hot_buckets, hot_pairs, merge
from pipelines.dedup.spill import Spill
from pipelines.dedup.verify import EDGES
from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import I64, U64
from pipelines.stage import Stage
from schemas.errors import StageError

LoadTexts = Callable[[pa.Array], pa.Array]  # item ids, binary(32) -> their texts, string, in the same order
Chunks = list[tuple[int, pa.RecordBatch]]  # (key of the shuffle, `candidates.CHUNK`)
MEMORY = 2 << 30  # bytes; Chosen: what a machine of 8 GB can spare beside its workers
_PLACE_BYTES = 24  # of `candidates.CHUNK`
_SORTING = 4  # Chosen: measured, sorting the places of a key takes up to three times their bytes beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedup:
    """How the items of a modality are compared.

    The stage has at least the settings `threshold` (similarity 0..1, inclusive), `hot_bucket_cap` and
    `max_removed_share` (see `breaker`); its `fn` is `sign(stage, items, ranks)`: one row of the signature table an item, in item order,
    with `item_id`, `source`, `exact_sha256` (null: never an exact duplicate), the columns of RANKS and the modality's own.

    method: what witness rows name. table: the schema of the signature table without columns that only `chunks` reads.
    chunks: (stage, one part of the signature table, its number, partitions) -> the places of its items in buckets. verify:
    (stage, pairs, table, load_texts) -> `verify.EDGES`; pairs are rows of the table, which holds the items of these pairs. weight:
    (one part) -> int64[n], the bytes that comparing each item takes; without it those of its columns of bytes.
    """

    stage: Stage
    method: str
    table: pa.Schema
    chunks: Callable[[Stage, pa.Table, int, int], Chunks]
    verify: Callable[[Stage, pa.RecordBatch, pa.Table, LoadTexts], pa.RecordBatch]
    weight: Callable[[pa.Table], I64] | None = None

    def sign(self, items: pa.RecordBatch, ranks: pa.RecordBatch) -> pa.RecordBatch:
        """The signatures of these items; `ranks` are `signatures.RANKS`, row by row."""
        return self.stage.fn(self.stage, items, ranks)

    def with_stage(self, stage: Stage) -> "Dedup":
        """The same with other settings."""
        return dataclasses.replace(self, stage=stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """What dedup found, each table ascending by its first column.

    decisions: `DECISION` of the merged items. duplicates: `DUPLICATE`, their witnesses. components: `elect.COMPONENT`
    of all items. edges: `EDGE`, all that was verified. hot: `candidates.HOT_SIZES`, the buckets that were not searched whole.
    """

    decisions: pa.RecordBatch
    duplicates: pa.RecordBatch
    components: pa.RecordBatch
    edges: pa.RecordBatch
    hot: pa.RecordBatch


def find_duplicates(
    dedup: Dedup,
    signatures: Sequence[pa.Table],
    load_texts: LoadTexts,
    *,
    memory: int = MEMORY,
    scratch: Path | None = None,
) -> Duplicates:
    """The duplicates among all items of the signature tables.

    Args:
        dedup: of the lane.
        signatures: the parts of the signature table, earlier captures included; each is asked for as often as it is needed, and not held.
        load_texts: asked only for texts of candidate pairs, as many at a time as `memory` allows.
        memory: bytes that may be held of what grows with the texts; not of ids, ranks and pairs.
        scratch: where places in buckets are spilled; the system's temporary folder where none is given.

    Raises:
        RecipeError: a setting lies outside its bounds.
        StageError: an item is there twice, or a text is missing.
    """
    folder = scratch or Path(tempfile.gettempdir())
    pairs = find_pairs(dedup, signatures, memory=memory, scratch=folder)
    return decide(dedup, signatures, pairs, load_texts, memory=memory)


def find_pairs(dedup: Dedup, signatures: Sequence[pa.Table], *, memory: int, scratch: Path) -> Pairs:
    """The candidate pairs among all items, by way of files in `scratch` where their places in buckets exceed a quarter of `memory`."""
    cap = int(dedup.stage.number("hot_bucket_cap"))
    with Spill(scratch, memory // 4) as places:
        for part, table in enumerate(signatures):
            for key, chunk in dedup.chunks(dedup.stage, table, part, 1):
                places.add(key, chunk)
        found = merge([])
        for key, rows in places.rows().items():
            slices = 1 + rows * _PLACE_BYTES * _SORTING // max(memory // 2, 1)
            for number in range(slices):
                chunks = (_slice(chunk, number, slices) for chunk in places.read(key))
                found = merge([found, bucket_pairs(chunks, cap=cap)])
    return found


def _slice(chunk: pa.RecordBatch, number: int, slices: int) -> pa.RecordBatch:
    """The places of a chunk in one of so many slices of the buckets."""
    if slices == 1:
        return chunk
    hashes = chunk.column(CHUNK.names[0]).to_numpy()
    return chunk.filter(pa.array((hashes >> np.uint64(32)) % np.uint64(slices) == number))


def decide(
    dedup: Dedup, signatures: Sequence[pa.Table], pairs: Pairs, load_texts: LoadTexts, *, memory: int = MEMORY
) -> Duplicates:
    """The duplicates among all items, given the candidate pairs of their rows (part << 32 | index in that part).

    Reads the columns of the signatures that `dedup.table` has. Arguments and errors as in `find_duplicates`.
    """
    stage = dedup.stage
    table, weights, lengths = _ranked(dedup, signatures)
    ranks = elect.rank(table)
    del table
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    found = _between_representatives(pairs, ranks, starts)
    read = _Rows(dedup, signatures, starts)
    edges = _verified(dedup, found, read, weights, load_texts, memory)
    election = elect.elect(edges, ranks)
    return Duplicates(
        decisions=elect.decisions(stage.name, election, ranks, threshold=stage.number("threshold")),
        duplicates=elect.duplicates(election, ranks, method=dedup.method),
        components=elect.components(election, ranks),
        edges=elect.verified(edges, ranks, method=dedup.method),
        hot=hot_buckets(pairs.hot),
    )


def _ranked(dedup: Dedup, signatures: Sequence[pa.Table]) -> tuple[pa.Table, I64, list[int]]:
    """What the election reads of all items, the bytes that comparing each takes, and how many items each part has."""
    names = [name for name in dedup.table.names if name in elect.RANKED]
    tables, weights, lengths = [dedup.table.empty_table().select(names)], [np.empty(0, np.int64)], []
    for part in signatures:
        tables.append(part.select(names).combine_chunks())
        weights.append((dedup.weight or _bytes)(part.select(dedup.table.names)))
        lengths.append(len(part))
    return pa.concat_tables(tables), np.concatenate(weights), lengths


def _bytes(part: pa.Table) -> I64:
    """int64[n]: the bytes of each row in columns of bytes."""
    found = np.zeros(len(part), np.int64)
    for column in part.columns:
        if (
            pa.types.is_binary(column.type)
            or pa.types.is_large_binary(column.type)
            or pa.types.is_fixed_size_binary(column.type)
        ):
            found += pc.binary_length(column).fill_null(0).to_numpy()
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """The columns that comparing reads, of any rows of all parts end to end."""

    dedup: Dedup
    signatures: Sequence[pa.Table]
    starts: I64

    def __call__(self, rows: I64) -> pa.Table:
        """The table of these rows, which ascend."""
        cuts = np.searchsorted(rows, self.starts)
        tables = [self.dedup.table.empty_table()]
        for part, (start, end) in enumerate(pairwise(cuts.tolist())):
            if start < end:
                columns = self.signatures[part].select(self.dedup.table.names)
                tables.append(columns.take(pa.array(rows[start:end] - self.starts[part])))
        return pa.concat_tables(tables)


def _verified(
    dedup: Dedup, pairs: pa.RecordBatch, read: _Rows, weights: I64, load_texts: LoadTexts, memory: int
) -> pa.RecordBatch:
    """`EDGES` of these pairs, compared in blocks that a quarter of `memory` holds: of whole components where they fit."""
    found = [pa.Table.from_batches([], schema=EDGES)]
    for left, right in _blocks(pairs, weights, memory // 4):
        rows, sides = np.unique(np.concatenate([left, right]), return_inverse=True)
        numbered = sides.reshape(2, -1).astype(np.uint64)
        order = np.lexsort((numbered[1], numbered[0]))
        batch = pa.RecordBatch.from_arrays([pa.array(side[order]) for side in numbered], schema=PAIRS)
        edges = dedup.verify(dedup.stage, batch, read(rows), load_texts)
        columns = [
            pa.array(rows[edges.column(name).to_numpy().astype(np.int64)].astype(np.uint64)) for name in ("a", "b")
        ]
        found.append(pa.table([*columns, edges.column("similarity")], schema=EDGES))
    edges = pa.concat_tables(found).combine_chunks()
    return pa.RecordBatch.from_arrays([_whole(column) for column in edges.columns], schema=EDGES)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _blocks(pairs: pa.RecordBatch, weights: I64, budget: int) -> Iterator[tuple[I64, I64]]:
    """The two sides of the pairs, as rows, in blocks of items that together weigh no more than the budget."""
    a, b = (pairs.column(name).to_numpy() for name in ("a", "b"))
    rows, sides = np.unique(np.concatenate([a, b]), return_inverse=True)
    rows = rows.astype(np.int64)
    left, right = sides.reshape(2, -1)
    component = kernels.components(left, right, len(rows))
    order = np.lexsort((right, left, component[left]))
    left, right = left[order], right[order]
    for start, end in pairwise(kernels.blocks(left, right, weights[rows], budget).tolist()):
        if start < end:
            yield rows[left[start:end]], rows[right[start:end]]


def _between_representatives(found: Pairs, ranks: elect.Ranks, starts: I64) -> pa.RecordBatch:
    """The pairs as rows of all parts end to end, each text named by the best item that has it."""

    def rows(column: pa.Array) -> U64:
        return ranks.representative[_row(column.to_numpy(), starts)].astype(np.uint64)

    members = rows(found.hot.column("row"))
    hot = hot_pairs(found.hot.column("hash").to_numpy(), members, ranks.place[members.astype(np.int64)])
    sides = ((rows(found.pairs.column(name)), hot.column(name).to_numpy()) for name in ("a", "b"))
    return distinct(*(np.concatenate(side) for side in sides))


def _row(numbers: U64, starts: I64) -> I64:
    part, index = (numbers >> np.uint64(32)).astype(np.int64), (numbers & np.uint64(0xFFFFFFFF)).astype(np.int64)
    is_known = part < len(starts) - 1
    is_known[is_known] = index[is_known] < np.diff(starts)[part[is_known]]
    if not is_known.all():
        bad = np.flatnonzero(~is_known)[0]
        raise StageError(
            f"dedup: a pair names row {index[bad]} of part {part[bad]}, which is not in the signatures given"
        )
    return starts[part] + index
