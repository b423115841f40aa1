"""Deduplication of texts: exact by normalised text, near by MinHash of word shingles, verified by exact Jaccard."""

import numpy as np
import pyarrow as pa

from pipelines.dedup.candidates import HOT_BUCKET_CAP, band_chunks
from pipelines.dedup.duplicates import Chunks, Dedup, LoadTexts
from pipelines.dedup.settings import MAX_REMOVED_SHARE, settings
from pipelines.dedup.signatures import SIGNATURE, signatures
from pipelines.dedup.verify import verify
from pipelines.kernels.minhash import I64, U64, Flat, normalise, shingles
from pipelines.stage import Shape, Stage
from schemas.errors import StageError

# A hash of 8 bytes, and a new word of the text as it is read, normalised and squeezed. Chosen: words of 8 bytes, with their space.
_SHINGLE_BYTES = 8 + 3 * 8
_TABLE = pa.schema([field for field in SIGNATURE if field.name != "minhash"])


def text_chunks(stage: Stage, table: pa.Table, part: int, partitions: int) -> Chunks:
    """The places of one part's texts in the bands; see `candidates.band_chunks`."""
    return band_chunks(table, part, partitions, threshold=settings(stage).threshold)


def text_weight(table: pa.Table) -> I64:
    """int64[n]: bytes that comparing each text takes, by how many shingles it has."""
    weights: I64 = table.column("shingles").to_numpy().astype(np.int64) * _SHINGLE_BYTES
    return weights


def verify_texts(stage: Stage, pairs: pa.RecordBatch, table: pa.Table, load_texts: LoadTexts) -> pa.RecordBatch:
    """`EDGES` of the pairs whose shingles are similar enough; texts are read of candidates only."""
    found = settings(stage)
    ids = table.column("item_id").combine_chunks()
    sizes = table.column("shingles").to_numpy().astype(np.int64)

    def load_shingles(rows: U64) -> Flat[np.uint64]:
        wanted = ids.take(pa.array(rows))
        loaded = shingles(normalise(load_texts(wanted)), found.shingle_words, punctuation=found.punctuation)
        _check_sizes(stage.name, wanted, sizes[rows.astype(np.int64)], loaded.sizes)
        return loaded

    return verify(pairs, load_shingles, sizes=lambda rows: sizes[rows.astype(np.int64)], threshold=found.threshold)


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


TEXT_DEDUP = Stage(
    name="dedup.text",
    version=1,
    shape=Shape.GROUP,
    fn=signatures,
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
        ("max_removed_share", MAX_REMOVED_SHARE),
    ),
)


def text_dedup(stage: Stage) -> Dedup:
    """The dedup of texts under this stage: `TEXT_DEDUP`, or one with a name and numbers of its own."""
    return Dedup(
        stage=stage, method="minhash", table=_TABLE, chunks=text_chunks, verify=verify_texts, weight=text_weight
    )
