"""Deduplication of any modality: candidates, verification, election; what differs between modalities is one `Dedup` value.

`find_duplicates` does it all in one process. Where pairs come out of a shuffle (`Dedup.chunks`, then
`candidates.bucket_pairs` per key, then `candidates.merge`), `decide` does the rest.

A second run over the survivors finds nothing, unless a bucket was hot: those are reported, not searched whole.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.dedup import elect
from pipelines.dedup.candidates import Pairs, bucket_pairs, distinct, hot_buckets, hot_pairs, merge
from pipelines.kernels.minhash import I64, U64
from pipelines.stage import Stage
from schemas.errors import StageError

LoadTexts = Callable[[pa.Array], pa.Array]  # item ids, binary(32) -> their texts, string, in the same order
Chunks = list[tuple[int, pa.RecordBatch]]  # (key of the shuffle, `candidates.CHUNK`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedup:
    """How the items of a modality are compared.

    The stage has at least the settings `threshold` (similarity 0..1, inclusive), `hot_bucket_cap` and
    `max_removed_share` (see `breaker`); its `fn` is `sign(stage, items, ranks)`: one row of the signature table an item, in item order,
    with `item_id`, `source`, `exact_sha256` (null: never an exact duplicate), the columns of RANKS and the modality's own.

    method: what witness rows name. table: the schema of the signature table without columns that only `chunks` reads.
    chunks: (stage, one part of the signature table, its number, partitions) -> the places of its items in buckets. verify:
    (stage, pairs, table, load_texts) -> `verify.EDGES`; pairs are rows of the table, all parts end to end.
    """

    stage: Stage
    method: str
    table: pa.Schema
    chunks: Callable[[Stage, pa.Table, int, int], Chunks]
    verify: Callable[[Stage, pa.RecordBatch, pa.Table, LoadTexts], pa.RecordBatch]

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


def find_duplicates(dedup: Dedup, signatures: Sequence[pa.Table], load_texts: LoadTexts) -> Duplicates:
    """The duplicates among all items of the signature tables.

    Args:
        dedup: of the lane.
        signatures: the parts of the signature table, earlier captures included.
        load_texts: asked only for texts of candidate pairs, some hundred MB at a time at most.

    Raises:
        RecipeError: a setting lies outside its bounds.
        StageError: an item is there twice, or a text is missing.
    """
    chunks = defaultdict(list)
    for part, table in enumerate(signatures):
        for key, chunk in dedup.chunks(dedup.stage, table, part, 1):
            chunks[key].append(chunk)
    cap = int(dedup.stage.number("hot_bucket_cap"))
    pairs = merge(bucket_pairs(chunks.pop(key), cap=cap) for key in sorted(chunks))
    return decide(dedup, signatures, pairs, load_texts)


def decide(dedup: Dedup, signatures: Sequence[pa.Table], pairs: Pairs, load_texts: LoadTexts) -> Duplicates:
    """The duplicates among all items, given the candidate pairs of their rows (part << 32 | index in that part).

    Reads the columns of the signatures that `dedup.table` has. Arguments and errors as in `find_duplicates`.
    """
    stage = dedup.stage
    table = pa.concat_tables([dedup.table.empty_table(), *(part.select(dedup.table.names) for part in signatures)])
    ranks = elect.rank(table)
    found = _between_representatives(pairs, ranks, [len(part) for part in signatures])
    edges = dedup.verify(stage, found, table, load_texts)
    election = elect.elect(edges, ranks)
    return Duplicates(
        decisions=elect.decisions(stage.name, election, ranks, threshold=stage.number("threshold")),
        duplicates=elect.duplicates(election, ranks, method=dedup.method),
        components=elect.components(election, ranks),
        edges=elect.verified(edges, ranks, method=dedup.method),
        hot=hot_buckets(pairs.hot),
    )


def _between_representatives(found: Pairs, ranks: elect.Ranks, lengths: Sequence[int]) -> pa.RecordBatch:
    """The pairs as rows of all parts end to end, each text named by the best item that has it."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

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
