"""Deduplication of any modality: candidates, verification, election; what differs between modalities is one `Dedup` value.

`find_duplicates` does it all in one process. Where pairs come out of a shuffle (`Dedup.chunks`, then
`candidates.bucket_pairs` per key, then `candidates.merge`), `decide` does the rest.

Of every item about 150 bytes are held (ids, digests, ranks), and 24 of every verified pair. What is larger, the places in buckets, the
candidate pairs, and what is compared of the items, is held as far as `memory` goes: places and pairs are spilled to files, and items are compared
in blocks.

A second run over the survivors finds nothing, unless a bucket was hot: those are reported, not searched whole.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup import elect
from pipelines.dedup.candidates import CHUNK, HOT_SIZES, Pairs, bucket_blocks, hot_buckets, hot_pairs
from pipelines.dedup.compare import Comparison
from pipelines.dedup.known import Earlier, Verified
from pipelines.dedup.pair_store import PairStore
from pipelines.dedup.spill import Spill
from pipelines.dedup.verify import EDGES
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
    earlier: Earlier | None = None,
) -> Duplicates:
    """The duplicates among all items of the signature tables.

    Args:
        dedup: of the lane.
        signatures: the parts of the signature table, earlier captures included; each is asked for as often as it is needed, and not held.
        load_texts: asked only for texts of candidate pairs, as many at a time as `memory` allows.
        memory: bytes that may be held of what grows with texts and candidate pairs; not of ids, ranks and verified pairs.
        scratch: where places in buckets and pairs are spilled; the system's temporary folder where none is given.
        earlier: what need not be verified again. What is found is the same without it.

    Raises:
        RecipeError: a setting lies outside its bounds.
        StageError: an item is there twice, or a text is missing.
    """
    folder = scratch or Path(tempfile.gettempdir())
    ranked = _ranked(dedup, signatures)
    with PairStore(folder, memory // 4, len(ranked.weights)) as pairs:
        hot = [_add_pairs(found, ranked, pairs) for found in _found(dedup, signatures, memory, folder, pairs.most)]
        return _decided(dedup, signatures, ranked, pairs, hot, load_texts, memory, earlier)


def decide(
    dedup: Dedup, signatures: Sequence[pa.Table], found: Pairs, load_texts: LoadTexts, *, memory: int = MEMORY,
    scratch: Path | None = None, earlier: Earlier | None = None,
) -> Duplicates:  # fmt: skip
    """The duplicates among all items, given the candidate pairs of their rows (part << 32 | index in that part).

    Reads the columns of the signatures that `dedup.table` has. Arguments and errors as in `find_duplicates`.
    """
    ranked = _ranked(dedup, signatures)
    with PairStore(scratch or Path(tempfile.gettempdir()), memory // 4, len(ranked.weights)) as pairs:
        hot = [_add_pairs(found, ranked, pairs)]
        return _decided(dedup, signatures, ranked, pairs, hot, load_texts, memory, earlier)


def _found(dedup: Dedup, signatures: Sequence[pa.Table], memory: int, scratch: Path, most: int) -> Iterator[Pairs]:
    """The candidate pairs among all items, in blocks; by way of files where their places in buckets exceed a quarter of `memory`."""
    cap = int(dedup.stage.number("hot_bucket_cap"))
    with Spill(scratch, memory // 4) as places:
        for part, table in enumerate(signatures):
            for key, chunk in dedup.chunks(dedup.stage, table, part, 1):
                places.add(key, chunk)
        for key, rows in places.rows().items():
            slices = 1 + rows * _PLACE_BYTES * _SORTING // max(memory // 2, 1)
            for number in range(slices):
                chunks = (_slice(chunk, number, slices) for chunk in places.read(key))
                yield from bucket_blocks(chunks, cap=cap, most=most)


def _slice(chunk: pa.RecordBatch, number: int, slices: int) -> pa.RecordBatch:
    """The places of a chunk in one of so many slices of the buckets."""
    if slices == 1:
        return chunk
    hashes = chunk.column(CHUNK.names[0]).to_numpy()
    return chunk.filter(pa.array((hashes >> np.uint64(32)) % np.uint64(slices) == number))


def _decided(
    dedup: Dedup, signatures: Sequence[pa.Table], ranked: "_Ranked", pairs: PairStore, hot: Sequence[pa.RecordBatch],
    load_texts: LoadTexts, memory: int, earlier: Earlier | None,
) -> Duplicates:  # fmt: skip
    stage, ranks = dedup.stage, ranked.ranks
    known = None if earlier is None else Verified(ranks, ranked.starts, earlier)
    comparison = Comparison(
        dedup=dedup, signatures=signatures, starts=ranked.starts, ranks=ranks, weights=ranked.weights, load_texts=load_texts,
        memory=memory, known=known,
    )  # fmt: skip
    edges = pa.RecordBatch.from_arrays([_whole(column) for column in comparison.edges(pairs).columns], schema=EDGES)
    election = elect.elect(edges, ranks)
    sizes = pa.Table.from_batches(hot, schema=HOT_SIZES).sort_by("hash")
    return Duplicates(
        decisions=elect.decisions(stage.name, election, ranks, threshold=stage.number("threshold")),
        duplicates=elect.duplicates(election, ranks, method=dedup.method),
        components=elect.components(election, ranks),
        edges=elect.verified(edges, ranks, method=dedup.method),
        hot=pa.RecordBatch.from_arrays([_whole(column) for column in sizes.columns], schema=HOT_SIZES),
    )


@dataclass(frozen=True, slots=True)
class _Ranked:
    """All items: their ranks, the bytes that comparing each takes, and where each part begins (and the end)."""

    ranks: elect.Ranks
    weights: I64
    starts: I64


def _ranked(dedup: Dedup, signatures: Sequence[pa.Table]) -> _Ranked:
    names = [name for name in dedup.table.names if name in elect.RANKED]
    tables, weights, lengths = [dedup.table.empty_table().select(names)], [np.empty(0, np.int64)], [0]
    for part in signatures:
        tables.append(part.select(names).combine_chunks())
        weights.append((dedup.weight or _bytes)(part.select(dedup.table.names)))
        lengths.append(len(part))
    ranks = elect.rank(pa.concat_tables(tables))
    return _Ranked(ranks, np.concatenate(weights), np.cumsum(lengths).astype(np.int64))


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


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _add_pairs(found: Pairs, ranked: _Ranked, pairs: PairStore) -> pa.RecordBatch:
    """Keep the pairs as rows of all parts end to end, each text named by the best item that has it; `HOT_SIZES` of the rest."""

    def rows(column: pa.Array) -> I64:
        return ranked.ranks.representative[_row(column.to_numpy(), ranked.starts)]

    pairs.add(rows(found.pairs.column("a")), rows(found.pairs.column("b")), is_anchored=False)
    if len(found.hot):
        members = rows(found.hot.column("row"))
        hot = hot_pairs(found.hot.column("hash").to_numpy(), members.astype(np.uint64), ranked.ranks.place[members])
        pairs.add(*(hot.column(name).to_numpy().astype(np.int64) for name in ("a", "b")), is_anchored=True)
    return hot_buckets(found.hot)


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
