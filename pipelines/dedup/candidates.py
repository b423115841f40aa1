"""Candidate pairs of texts by locality-sensitive hashing: numbers only, so that a shuffle stays small.

    signatures -> band_chunks -> (shuffle by key) -> bucket_pairs -> merge -> pairs

A text lies in one bucket a band; two texts that share a bucket are a pair. Pairs depend on neither the order nor the
cut of the signatures, but for the numbers that name their rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.dedup.signatures import minhash_rows
from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import I64, U32, U64

# hash: the bucket. row: part << 32 | index in the part. content: first 8 bytes of exact_sha256, so that a thousand
# copies of one text take one place in a bucket.
CHUNK = pa.schema([pa.field(name, pa.uint64(), nullable=False) for name in ("hash", "row", "content")])
PAIRS = pa.schema([pa.field(name, pa.uint64(), nullable=False) for name in ("a", "b")])
HOT = pa.schema([pa.field(name, pa.uint64(), nullable=False) for name in ("hash", "row")])
HOT_SIZES = pa.schema([pa.field("hash", pa.uint64(), nullable=False), pa.field("size", pa.int64(), nullable=False)])

# Chosen: of pairs exactly at the threshold, at most one in two hundred is missed; of pairs above it, far fewer.
RECALL_AT_THRESHOLD = 0.995
HOT_BUCKET_CAP = 1_000
# Chosen: what is similar to one of the 8 best texts of a hot bucket is still found, at 8 pairs a text.
HOT_ANCHORS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Candidate pairs, and the buckets that were too large to pair in full.

    pairs: `PAIRS`, a < b, distinct, ascending. hot: `HOT` of the latter, ascending; of equal texts only one.
    """

    pairs: pa.RecordBatch
    hot: pa.RecordBatch


@cache
def banding(threshold: float, permutations: int) -> tuple[int, int]:
    """(bands, rows a band): the most rows at which two texts exactly at the threshold still meet in a bucket.

    0.8 of 128 gives 21 bands of 6 rows: they meet with 1 - (1 - 0.8^6)^21 = 0.998, texts at 0.5 with 0.28.
    Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2 (the probability).
    """
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL_AT_THRESHOLD:
            return bands, rows
    return permutations, 1


def mix(h: U64) -> U64:
    """MurmurHash3's 64-bit finaliser, a bijection. Source: Appleby, MurmurHash3.cpp, fmix64 (public domain)."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


def _buckets(values: U32, band: int, rows: int) -> U64:
    """uint64[n]: the bucket of each text in a band. The band is part of the hash, so bands never share a bucket."""
    found = np.full(len(values), band + 1, np.uint64)
    for column in range(band * rows, (band + 1) * rows):
        found = mix(found ^ values[:, column])
    return found


def band_chunks(
    signatures: pa.Table | pa.RecordBatch, part: int, partitions: int, *, threshold: float = 0.8
) -> list[tuple[int, pa.RecordBatch]]:
    """The places of one part's texts in the buckets, as `CHUNK` batches keyed by band * partitions + partition.

    Texts without MinHash take no place; chunks without rows are left out.

    Args:
        signatures: one part of the signature table, whole.
        part: its number, below 2^32.
        partitions: how many keys each band is spread over.
        threshold: the similarity the bands are made for.
    """
    rows, values = minhash_rows(signatures)
    content = first_8_bytes(signatures.column("exact_sha256"))[rows]
    bands, rows_a_band = banding(threshold, values.shape[1])
    hashes = (_buckets(values, band, rows_a_band) for band in range(bands))
    return bucket_chunks(hashes, row_numbers(rows, part), content, partitions)


def row_numbers(rows: I64, part: int) -> U64:
    """uint64[n]: how candidates name these rows of a part."""
    return rows.astype(np.uint64) | np.uint64(part << 32)


def bucket_chunks(
    bands: Iterable[U64], numbers: U64, content: U64, partitions: int
) -> list[tuple[int, pa.RecordBatch]]:
    """The places of rows in the buckets of each band, as `band_chunks` gives them.

    Args:
        bands: for each band uint64[n], the bucket of each row; no bucket is shared between bands.
        numbers: uint64[n], the rows by `row_numbers`.
        content: uint64[n], the `first_8_bytes` of their exact digests.
        partitions: how many keys each band is spread over.
    """
    chunks = []
    for band, hashes in enumerate(bands):
        keys = (hashes % np.uint64(partitions)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        ends = np.searchsorted(keys[order], np.arange(partitions + 1))
        for partition in range(partitions):
            mine = order[ends[partition] : ends[partition + 1]]
            if len(mine):
                columns = [pa.array(column[mine]) for column in (hashes, numbers, content)]
                chunks.append((band * partitions + partition, pa.RecordBatch.from_arrays(columns, schema=CHUNK)))
    return chunks


def first_8_bytes(digests: pa.Array | pa.ChunkedArray) -> U64:
    """uint64[n]: the head of each digest as a number; 0 for null."""
    if isinstance(digests, pa.ChunkedArray):
        digests = digests.combine_chunks()
    whole = digests.fill_null(bytes(32))
    words = np.frombuffer(whole.buffers()[1], "<u8", 4 * len(whole), 32 * whole.offset)
    return words[::4].astype(np.uint64)


def bucket_pairs(chunks: Iterable[pa.RecordBatch], *, cap: int = HOT_BUCKET_CAP) -> Pairs:
    """The pairs of rows that share a bucket: the same for any order and any cut of the chunks.

    All chunks of a bucket must be there. A bucket of more than `cap` distinct texts gives its members instead of pairs.
    """
    return merge(bucket_blocks(chunks, cap=cap))


def bucket_blocks(
    chunks: Iterable[pa.RecordBatch], *, cap: int = HOT_BUCKET_CAP, most: int = 1 << 62
) -> Iterator[Pairs]:
    """The same a block at a time, of at most `most` pairs and those of one bucket; pairs of a block are in the order of the buckets."""
    hashes, rows, content = _in_shared_buckets(*_columns(list(chunks), CHUNK))
    order = np.lexsort((rows, content, hashes))
    hashes, rows, content = hashes[order], rows[order], content[order]
    is_first_copy = _differs(hashes) | _differs(content)
    hashes, rows = hashes[is_first_copy], rows[is_first_copy]
    sizes = np.diff(_starts(hashes))
    is_hot = np.repeat(sizes > cap, sizes)
    none = np.empty(0, np.uint64)
    yield Pairs(pairs=_pairs(none, none), hot=_members(hashes[is_hot], rows[is_hot]))
    cool, starts = rows[~is_hot], _starts(hashes[~is_hot])
    sizes = np.diff(starts)
    block = np.cumsum(sizes * (sizes - 1) // 2) // most
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(sizes)]
    for first, end in pairwise(cuts):
        left, right = kernels.bucket_pairs(starts[first : end + 1], anchors=cap)
        yield Pairs(pairs=_pairs(cool[left], cool[right]), hot=_members(none, none))


def merge(found: Iterable[Pairs]) -> Pairs:
    """One `Pairs` of several: a pair found in many bands counts once."""
    parts = list(found)
    members = _columns([part.hot for part in parts], HOT)
    return Pairs(pairs=distinct(*_columns([part.pairs for part in parts], PAIRS)), hot=_members(*members))


def hot_pairs(hashes: U64, rows: U64, place: I64) -> pa.RecordBatch:
    """`PAIRS` of hot buckets: each member with the `HOT_ANCHORS` best members of its bucket.

    Args:
        hashes: uint64[n], the bucket of each member.
        rows: uint64[n], the member.
        place: int64[n], its place in the order of the election, 0 for the best.
    """
    order = np.lexsort((place, hashes))
    left, right = kernels.bucket_pairs(_starts(hashes[order]), anchors=HOT_ANCHORS)
    return distinct(rows[order][left], rows[order][right])


def hot_buckets(members: pa.RecordBatch) -> pa.RecordBatch:
    """`HOT_SIZES`: the buckets of these members, ascending, and how many distinct texts each holds."""
    hashes = members.column("hash").to_numpy()
    starts = _starts(hashes)
    columns = [pa.array(hashes[starts[:-1]]), pa.array(np.diff(starts))]
    return pa.RecordBatch.from_arrays(columns, schema=HOT_SIZES)


def distinct(left: U64, right: U64) -> pa.RecordBatch:
    """`PAIRS` of two columns of rows: the smaller first, each pair once and never a row with itself, ascending."""
    a, b = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((b, a))
    a, b = a[order], b[order]
    is_new = (_differs(a) | _differs(b)) & (a < b)
    return _pairs(a[is_new], b[is_new])


def _pairs(left: U64, right: U64) -> pa.RecordBatch:
    sides = np.minimum(left, right), np.maximum(left, right)
    return pa.RecordBatch.from_arrays([pa.array(side) for side in sides], schema=PAIRS)


def _members(hashes: U64, rows: U64) -> pa.RecordBatch:
    order = np.lexsort((rows, hashes))
    return pa.RecordBatch.from_arrays([pa.array(hashes[order]), pa.array(rows[order])], schema=HOT)


def _starts(hashes: U64) -> I64:
    """int64[buckets + 1]: where each run of equal hashes starts, and the end."""
    return np.append(np.flatnonzero(_differs(hashes)), len(hashes))


def _columns(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> list[npt.NDArray[Any]]:
    table = pa.Table.from_batches(batches, schema=schema)
    return [column.to_numpy() for column in table.columns]


def _differs(values: U64) -> npt.NDArray[np.bool_]:
    """bool[n]: whether a value differs from the one before it; true for the first."""
    return np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])


def _in_shared_buckets(hashes: U64, rows: U64, content: U64) -> tuple[U64, U64, U64]:
    """The places in buckets that hold at least two: most hold one, which is not worth a sort by three keys."""
    order = np.argsort(hashes)
    is_start = np.append(_differs(hashes[order]), True)
    shared = order[~(is_start[:-1] & is_start[1:])]
    return hashes[shared], rows[shared], content[shared]
