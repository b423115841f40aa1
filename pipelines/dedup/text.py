"""Deduplication of texts: the stage, and its local driver.

`find_duplicates` does it all in one process. Where pairs come out of a shuffle (`candidates.band_chunks`, then
`candidates.bucket_pairs` per key, then `candidates.merge`), `decide` does the rest.

A second run over the survivors finds nothing, unless a bucket was hot: those are reported, not searched whole.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.dedup import elect
from pipelines.dedup.candidates import (
    HOT_BUCKET_CAP,
    Pairs,
    band_chunks,
    bucket_pairs,
    distinct,
    hot_buckets,
    hot_pairs,
    merge,
)
from pipelines.dedup.settings import settings
from pipelines.dedup.signatures import SIGNATURE
from pipelines.dedup.verify import verify
from pipelines.kernels.minhash import I64, U64, Flat, normalise, shingles
from pipelines.stage import Shape, Stage
from schemas.errors import StageError

LoadTexts = Callable[[pa.Array], pa.Array]  # item ids, binary(32) -> their texts, string, in the same order


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """What dedup found, each table ascending by its first column.

    decisions: `DECISION` of the merged items. duplicates: `DUPLICATE`, their witnesses. components: `elect.COMPONENT`
    of all items. hot: `candidates.HOT_SIZES`, the buckets that were not searched whole.
    """

    decisions: pa.RecordBatch
    duplicates: pa.RecordBatch
    components: pa.RecordBatch
    hot: pa.RecordBatch


def find_duplicates(stage: Stage, signatures: Sequence[pa.Table], load_texts: LoadTexts) -> Duplicates:
    """The duplicates among all items of the signature tables.

    Args:
        stage: `TEXT_DEDUP` or an override of it.
        signatures: the parts of the signature table, earlier captures included.
        load_texts: asked only for texts of candidate pairs, some hundred MB at a time at most.

    Raises:
        RecipeError: a setting lies outside its bounds.
        StageError: an item is there twice, a text is missing, or a source loses more than `max_removed_share`.
    """
    found = settings(stage)
    chunks = defaultdict(list)
    for part, table in enumerate(signatures):
        for key, chunk in band_chunks(table, part, 1, threshold=found.threshold):
            chunks[key].append(chunk)
    pairs = merge(bucket_pairs(chunks.pop(key), cap=found.hot_bucket_cap) for key in sorted(chunks))
    return decide(stage, signatures, pairs, load_texts)


def decide(stage: Stage, signatures: Sequence[pa.Table], pairs: Pairs, load_texts: LoadTexts) -> Duplicates:
    """The duplicates among all items, given the candidate pairs of their rows (part << 32 | index in that part).

    Reads every column of the signatures but `minhash`. Arguments and errors as in `find_duplicates`.
    """
    found = settings(stage)
    columns = pa.schema([field for field in SIGNATURE if field.name != "minhash"])
    table = pa.concat_tables([columns.empty_table(), *(part.select(columns.names) for part in signatures)])
    ranks = elect.rank(table)
    sizes = table.column("shingles").to_numpy().astype(np.int64)

    def load_shingles(rows: U64) -> Flat[np.uint64]:
        ids = ranks.item_id.take(pa.array(rows))
        loaded = shingles(normalise(load_texts(ids)), found.shingle_words)
        _check_sizes(stage.name, ids, sizes[rows.astype(np.int64)], loaded.sizes)
        return loaded

    edges = verify(
        _between_representatives(pairs, ranks, [len(part) for part in signatures]),
        load_shingles,
        sizes=lambda rows: sizes[rows.astype(np.int64)],
        threshold=found.threshold,
    )
    election = elect.elect(edges, ranks)
    _check_shares(stage.name, table.column("source"), election, found.max_removed_share)
    return Duplicates(
        decisions=elect.decisions(stage.name, election, ranks, threshold=found.threshold),
        duplicates=elect.duplicates(election, ranks, method="minhash"),
        components=elect.components(election, ranks),
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


def _check_sizes(stage: str, ids: pa.Array, signed: I64, loaded: I64) -> None:
    if len(signed) == len(loaded) and (signed == loaded).all():
        return
    if len(signed) != len(loaded):
        raise StageError(
            f"stage {stage}: {len(signed)} texts were asked for, {len(loaded)} came: give one an id, in order"
        )
    bad = int(np.flatnonzero(signed != loaded)[0])
    raise StageError(
        f"stage {stage}: the text of item {ids[bad].as_py().hex()} has {loaded[bad]} shingles, its signature says "
        f"{signed[bad]}: it is of another text or other settings; compute the signatures again"
    )


def _check_shares(stage: str, source: pa.ChunkedArray, election: elect.Election, cap: float) -> None:
    if cap >= 1.0:
        return
    names, codes = np.unique(source.to_numpy().astype(str), return_inverse=True)
    removed, total = np.bincount(codes[election.merged], minlength=len(names)), np.bincount(codes)
    bad = np.flatnonzero(removed > cap * total)
    if len(bad):
        k = bad[0]
        raise StageError(
            f"stage {stage}: {removed[k]} of {total[k]} items of source {names[k]} are duplicates, more than "
            f'max_removed_share = {cap}: see `headwater drops`; if it is right, raise it under [stage."{stage}"]'
        )


TEXT_DEDUP = Stage(
    name="dedup.text",
    version=1,
    shape=Shape.GROUP,
    fn=find_duplicates,
    parameters=(
        # Source: Lee et al. 2022, arXiv 2107.06499 (NearDup: word 5-grams, 0.8).
        ("threshold", 0.8),
        ("shingle_words", 5),
        # Chosen: the default of datasketch; with it 21 bands of 6 rows miss 0.2 % of pairs at 0.8.
        ("permutations", 128),
        # Chosen: two texts of fewer (under 14 words) at 0.8 differ by a word at one end, often the one that counts.
        ("min_shingles", 10),
        # Chosen: 1,000 texts of one bucket are half a million pairs, the most that verify in a few seconds.
        ("hot_bucket_cap", HOT_BUCKET_CAP),
        ("max_removed_share", 1.0),
    ),
)
