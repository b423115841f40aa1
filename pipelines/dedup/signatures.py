"""Signatures of texts: one small row an item, all that candidates and ranks need; the texts stay where they are."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.settings import settings
from pipelines.kernels import minhash
from pipelines.stage import Stage
from schemas.digest import sha256
from schemas.errors import StageError
from schemas.item import ID

RANKS = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("rights_rank", pa.int8(), nullable=False),  # class of rights, lower is better
        pa.field("quality", pa.float64(), nullable=False),  # higher is better
        pa.field("fetched_at", pa.timestamp("us", "UTC")),  # earlier is better; null (unknown) is worst
    ]
)


def signature_schema(permutations: int) -> pa.Schema:
    """The schema of the signature table. It persists: a new capture is compared with all earlier ones.

    exact_sha256: of the normalised text (`kernels.minhash.normalise`); null where the text is null or blank, and such
    an item is never a duplicate. shingles: distinct word n-grams. minhash: null for texts too short to compare other
    than for equality.
    """
    return pa.schema(
        [
            pa.field("item_id", ID, nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("exact_sha256", ID),
            pa.field("shingles", pa.int32(), nullable=False),
            # uint32 little-endian, end to end: Parquet cannot read back a null in a column of fixed-size lists.
            pa.field("minhash", pa.binary(4 * permutations)),
            *list(RANKS)[1:],
        ]
    )


SIGNATURE = signature_schema(128)


def signatures(stage: Stage, items: pa.RecordBatch, ranks: pa.RecordBatch) -> pa.RecordBatch:
    """One row of `signature_schema` an item, in item order; a row depends on nothing but its own item.

    Args:
        stage: whose `shingle_words`, `permutations` and `min_shingles` apply.
        items: with item_id, source and text.
        ranks: `RANKS` of the same items in the same order.

    Raises:
        StageError: ranks are not those of the items, row by row.
        RecipeError: a setting lies outside its bounds.
    """
    found = settings(stage)
    check_ranks(stage, items, ranks)
    text = minhash.normalise(items.column("text"))
    shingles = minhash.shingles(text, found.shingle_words, punctuation=found.punctuation)
    is_short = shingles.sizes < found.min_shingles
    schema = signature_schema(found.permutations)
    columns = {
        "item_id": items.column("item_id"),
        "source": items.column("source"),
        "exact_sha256": _digests(text),
        "shingles": pa.array(shingles.sizes, pa.int32()),
        "minhash": _packed(minhash.minhash(shingles, found.permutations), is_short, schema.field("minhash").type),
    } | {name: ranks.column(name) for name in RANKS.names[1:]}
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)


def check_ranks(stage: Stage, items: pa.RecordBatch, ranks: pa.RecordBatch) -> None:
    """Refuse ranks that are not those of the items, row by row.

    Raises:
        StageError: they are of other items, or in another order.
    """
    if not ranks.column("item_id").equals(items.column("item_id")):
        raise StageError(
            f"stage {stage.name}: ranks are of other items than those signed; join them by item_id, in order"
        )


def _digests(text: minhash.Flat[np.uint8]) -> pa.Array:
    # A loop, because hashing is one call a text (0.03 s for 30 MB).
    data = text.values.data
    found = [sha256(data[start:end]) if end > start else None for start, end in pairwise(text.offsets.tolist())]
    return pa.array(found, ID)


def _packed(values: minhash.U32, is_null: np.ndarray, kind: pa.DataType) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(values, dtype="<u4").tobytes())
    packed = pa.Array.from_buffers(kind, len(values), [None, data])
    return pc.if_else(pa.array(is_null), pa.scalar(None, kind), packed)


def minhash_rows(table: pa.Table | pa.RecordBatch) -> tuple[minhash.I64, minhash.U32]:
    """The rows that have a MinHash, int64[k], and their values, uint32[k, permutations]."""
    column = table.column("minhash")
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    rows = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
    packed = b"".join(column.take(pa.array(rows)).to_pylist())
    return rows, np.frombuffer(packed, dtype="<u4").reshape(len(rows), column.type.byte_width // 4)
