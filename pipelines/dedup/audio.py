"""Deduplication of recordings: exact by their samples, near by their spectral fingerprints.

    landmarks -> buckets -> pairs that share one -> similarity of the fingerprints at the best small shift -> edges

What fingerprints are, and what they survive, is in `pipelines.split.fingerprint`; they are facts of an item.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import HOT_BUCKET_CAP, bucket_chunks, first_8_bytes, mix, row_numbers
from pipelines.dedup.duplicates import Chunks, Dedup, LoadTexts
from pipelines.dedup.settings import GROUP_BOUNDS, MAX_REMOVED_SHARE, check_bounds
from pipelines.dedup.signatures import RANKS, check_ranks
from pipelines.dedup.verify import EDGES
from pipelines.kernels.minhash import U64
from pipelines.stage import Shape, Stage
from schemas.item import ID

SIGNATURE = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("exact_sha256", ID),  # of the samples; null: not decoded, never a duplicate
        pa.field(
            "fingerprint", pa.large_binary()
        ),  # uint64 little-endian, 500 bytes a second; null: only compared exactly
        pa.field("landmarks", pa.binary()),  # uint32 little-endian; null where fingerprint is
        *list(RANKS)[1:],
    ]
)
_TABLE = pa.schema([field for field in SIGNATURE if field.name != "landmarks"])

_SIDE = np.uint64(0xFFFFFFFF)
_BOUNDS = GROUP_BOUNDS | {
    "threshold": (0.5, 1.0),
    "doubtful_bits": (0, 10_000),
    "max_shift_frames": (0, 1000),
}


def audio_signatures(stage: Stage, items: pa.RecordBatch, ranks: pa.RecordBatch) -> pa.RecordBatch:
    """One row of `SIGNATURE` an item, in item order; of equal rights the recording of the highest rate is the best.

    Args:
        stage: whose bounds are checked.
        items: with item_id, source and the facts `samples_sha256`, `fingerprint`, `landmarks`, `sample_rate`.
        ranks: `RANKS` of the same items in the same order.

    Raises:
        StageError: ranks are not those of the items, row by row.
        RecipeError: a setting lies outside its bounds.
    """
    check_bounds(stage, _BOUNDS)
    check_ranks(stage, items, ranks)
    facts = items.column("facts")
    words, landmarks = (pc.struct_field(facts, name) for name in ("fingerprint", "landmarks"))
    has_words = pc.greater(pc.binary_length(words), 0)
    columns = {name: ranks.column(name) for name in RANKS.names} | {
        "source": items.column("source"),
        "exact_sha256": pc.struct_field(facts, "samples_sha256"),
        "fingerprint": pc.if_else(has_words, words, None),
        "landmarks": pc.if_else(has_words, landmarks, None),
        "quality": pc.struct_field(facts, "sample_rate").cast(pa.float64()).fill_null(0.0),
    }
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in SIGNATURE], schema=SIGNATURE)


def audio_chunks(stage: Stage, table: pa.Table, part: int, partitions: int) -> Chunks:
    """The places of one part's recordings in the buckets of their landmarks, as `candidates.CHUNK` batches."""
    column = table.column("landmarks").combine_chunks()
    counts = pc.binary_length(column).fill_null(0).to_numpy() // 4
    rows = np.repeat(np.arange(len(column)), counts)
    landmarks = np.frombuffer(b"".join(column.drop_null().to_pylist()), "<u4").astype(np.uint64)
    content = first_8_bytes(table.column("exact_sha256"))[rows]
    return bucket_chunks([mix(landmarks)], row_numbers(rows, part), content, partitions)


def verify_audio(stage: Stage, pairs: pa.RecordBatch, table: pa.Table, load_texts: LoadTexts) -> pa.RecordBatch:
    """`EDGES` of the pairs whose fingerprints are similar enough; nothing is read but the table."""
    a, b = (pairs.column(name).to_numpy() for name in ("a", "b"))
    rows, sides = np.unique(np.concatenate([a, b]), return_inverse=True)
    words = _fingerprints(table.column("fingerprint").take(pa.array(rows)))
    found = np.array(
        [
            similarity(
                words[left], words[right], doubt=int(stage.number("doubtful_bits")), shift=int(stage.number("max_shift_frames"))
            )
            for left, right in zip(sides[: len(a)], sides[len(a) :], strict=True)
        ],
        dtype=np.float64,
    )  # fmt: skip
    is_edge = found >= stage.number("threshold")
    columns = [a[is_edge], b[is_edge], found[is_edge]]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=EDGES)


def _fingerprints(column: pa.ChunkedArray) -> list[U64]:
    return [np.frombuffer(one.as_buffer() if one.is_valid else b"", "<u8") for one in column]


def similarity(a: U64, b: U64, *, doubt: int, shift: int) -> float:
    """The greatest share of bits of either that are bits of both, over shifts of at most `shift` frames; 0..1.

    `doubt` bits count as different whatever the fingerprints: so two short ones need more in common than two long ones, and
    steady tones, which have hardly any bits, are never similar.
    """
    a, b = (a, b) if len(a) <= len(b) else (b, a)
    ones_a, ones_b = (int(np.bitwise_count(words).sum()) for words in (a, b))
    if not ones_a or not ones_b:
        return 0.0
    padded = np.pad(b, shift)
    # Row s: b from frame s - shift on, as long as a. What lies beyond counts by the sums of all bits.
    shifted = np.lib.stride_tricks.sliding_window_view(padded, len(a))[: 2 * shift + 1]
    equal = np.bitwise_count(shifted & a).sum(axis=1, dtype=np.int64)
    said = np.bitwise_count(_said(shifted) & _said(a)).sum(axis=1, dtype=np.int64)
    return float((equal / (ones_a + ones_b - said + doubt)).max())


def _said(words: U64) -> U64:
    """The bands that a frame says anything of."""
    return (words | (words >> np.uint64(32))) & _SIDE


AUDIO_DEDUP = Stage(
    name="dedup.audio",
    version=1,
    shape=Shape.GROUP,
    fn=audio_signatures,
    parameters=(
        # Chosen on the 966 recordings of the shared corpus: the most alike that are different ones (a speaker says the same
        # digit twice) reach 0.67, of those that last a second 0.59; copies of a second and more (12 dB softer, Opus, OGG and MP3
        # at low quality, 8 kHz, 0.1 to 0.3 s of silence in front) lie above 0.7 in 99.9 % of cases, shorter ones in 91 %.
        ("threshold", 0.7),
        # Chosen: a second of speech has about 1,500 bits, the shortest spoken digits 400.
        ("doubtful_bits", 120),
        ("max_shift_frames", 6),  # Chosen: 0.1 s; fingerprints begin where the sound does
        ("hot_bucket_cap", HOT_BUCKET_CAP),
        ("max_removed_share", MAX_REMOVED_SHARE),
    ),
)


def audio_dedup(stage: Stage) -> Dedup:
    """The dedup of recordings under this stage: `AUDIO_DEDUP`, or one with a name and numbers of its own."""
    return Dedup(stage=stage, method="fingerprint", table=_TABLE, chunks=audio_chunks, verify=verify_audio)
