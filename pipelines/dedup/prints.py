"""Prints of texts: numbers by which long runs of words are found that stand in several places, and the places of those that do.

    texts -> span_prints -> place_chunks -> (shuffle by key) -> shared_places

Two texts that share a run of `span_words` words share a print, so nothing else of a text need be shuffled.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import row_numbers
from pipelines.dedup.signatures import RANKS, check_ranks
from pipelines.kernels import runs
from pipelines.kernels.minhash import I64, U32, U64
from pipelines.stage import Stage
from schemas.item import ID

PRINT = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("words", pa.int32(), nullable=False),
        pa.field("hashes", pa.large_binary(), nullable=False),  # uint64 little-endian, one a print
        pa.field("places", pa.large_binary(), nullable=False),  # uint32 little-endian: the word at which each begins
        *list(RANKS)[1:],
    ]
)
# row: part << 32 | index in the part, as candidates name rows. at: the word of its text at which the print begins.
PLACE = pa.schema(
    [
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("row", pa.uint64(), nullable=False),
        pa.field("at", pa.uint32(), nullable=False),
    ]
)
PLACE_BYTES = 20
BATCH_BYTES = 4 << 20  # of text that is cut into words at once; Chosen: 40 MB beside it

Bools = npt.NDArray[np.bool_]


def span_prints(stage: Stage, items: pa.RecordBatch, ranks: pa.RecordBatch) -> pa.RecordBatch:
    """One row of `PRINT` an item, in item order; a row depends on nothing but its own item and `span_words` of the stage.

    Args:
        stage: whose `span_words` applies.
        items: with item_id, source and text; a null text has no words.
        ranks: `RANKS` of the same items in the same order.

    Raises:
        StageError: ranks are not those of the items, row by row.
    """
    check_ranks(stage, items, ranks)
    texts, size = items.column("text"), int(stage.number("span_words"))
    words: list[int] = []
    hashes: list[bytes] = []
    places: list[bytes] = []
    for batch in batches(texts):
        cut = runs.cut(batch)
        found, at, offsets = runs.prints(cut, size)
        words += np.diff(cut.ends).tolist()
        hashes += _slices(found.astype("<u8"), offsets)
        places += _slices(at.astype("<u4"), offsets)
    columns = {name: ranks.column(name) for name in RANKS.names} | {
        "source": items.column("source"), "words": pa.array(words, pa.int32()), "hashes": pa.array(hashes, pa.large_binary()),
        "places": pa.array(places, pa.large_binary()),
    }  # fmt: skip
    return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in PRINT], schema=PRINT)


def prints_key(stage: Stage | None) -> list[object]:
    """What prints depend on besides the texts; nothing where the stage is off (null)."""
    return [] if stage is None else [stage.name, stage.version, stage.number("span_words")]


def batches(texts: pa.Array) -> Iterator[pa.Array]:
    """The texts in slices of about `BATCH_BYTES`."""
    ends = np.cumsum(pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64))
    start = 0
    while start < len(texts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BATCH_BYTES, side="right")))
        yield texts.slice(start, stop - start)
        start = stop


def _slices(values: npt.NDArray[np.generic], offsets: I64) -> list[bytes]:
    data, width = values.tobytes(), values.itemsize
    return [data[a * width : b * width] for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def place_chunks(
    table: pa.Table, part: int, partitions: int, is_wanted: Bools | None = None, among: U64 | None = None
) -> list[tuple[int, pa.RecordBatch]]:
    """The places of the prints of one part's texts, as `PLACE` batches keyed by partition; chunks without rows are left out.

    Args:
        table: one part of `PRINT`.
        part: its number, below 2^32.
        partitions: how many keys they are spread over.
        is_wanted: bool[rows]; without it all rows.
        among: hashes, ascending; without it all.
    """
    rows, hashes, at = flat(table, is_wanted)
    if among is not None:
        is_there = np.isin(hashes, among, kind="sort")
        rows, hashes, at = rows[is_there], hashes[is_there], at[is_there]
    numbers, keys = row_numbers(rows, part), (hashes >> np.uint64(32)) % np.uint64(partitions)
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], np.arange(partitions + 1))
    chunks = []
    for key in range(partitions):
        mine = order[ends[key] : ends[key + 1]]
        if len(mine):
            columns = [pa.array(column[mine]) for column in (hashes, numbers, at)]
            chunks.append((key, pa.RecordBatch.from_arrays(columns, schema=PLACE)))
    return chunks


def flat(table: pa.Table, is_wanted: Bools | None = None) -> tuple[I64, U64, U32]:
    """(row of the part, hash, word at which it begins) of all prints of a part of `PRINT`, in order."""
    rows = np.arange(len(table)) if is_wanted is None else np.flatnonzero(is_wanted)
    columns = [table.column(name).combine_chunks().take(pa.array(rows)) for name in ("hashes", "places")]
    counts = pc.binary_length(columns[0]).to_numpy() // 8
    hashes, at = (
        np.frombuffer(b"".join(column.to_pylist()), kind) for column, kind in zip(columns, ("<u8", "<u4"), strict=True)
    )
    return np.repeat(rows, counts), hashes.astype(np.uint64), at.astype(np.uint32)


def shared_places(chunks: Iterable[pa.RecordBatch], among: U64 | None = None) -> pa.RecordBatch:
    """`PLACE` rows of the prints that are there twice, or are `among` some (ascending), by row and word; all chunks of a hash must be there."""
    table = pa.Table.from_batches(list(chunks), schema=PLACE)
    hashes, rows, at = (column.to_numpy() for column in table.columns)
    order = np.argsort(hashes, kind="stable")
    is_start = np.append(np.append(True, np.diff(hashes[order]) != 0)[: len(order)], True)
    is_shared = ~(is_start[:-1] & is_start[1:])
    if among is not None:
        is_shared |= np.isin(hashes[order], among, kind="sort")
    mine = order[is_shared]
    mine = mine[np.lexsort((at[mine], rows[mine]))]
    return pa.RecordBatch.from_arrays([pa.array(column[mine]) for column in (hashes, rows, at)], schema=PLACE)
