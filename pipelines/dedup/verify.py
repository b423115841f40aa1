"""Edges: the candidate pairs whose exact Jaccard similarity reaches the threshold."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import F64, I64, U64, Flat, jaccard

EDGES = pa.schema(
    [
        pa.field("a", pa.uint64(), nullable=False),
        pa.field("b", pa.uint64(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),  # verified, 0..1
    ]
)

# Chosen: 16 million shingles are 128 MB, and about 100 MB of text.
BLOCK_SHINGLES = 1 << 24


def verify(
    pairs: pa.RecordBatch,
    load_shingles: Callable[[U64], Flat[np.uint64]],
    *,
    sizes: Callable[[U64], I64],
    threshold: float,
    block_shingles: int = BLOCK_SHINGLES,
) -> pa.RecordBatch:
    """`EDGES` for the pairs of similarity >= threshold, ascending by (a, b).

    Texts are read in blocks of whole components where they fit, so each is read once unless its component is larger
    than a block. Pairs whose sizes alone rule the threshold out are never read: Jaccard <= smaller / larger.

    Args:
        pairs: `candidates.PAIRS`.
        load_shingles: of the given rows, in that order: distinct shingles, ascending.
        sizes: of the given rows: how many distinct shingles each has.
        threshold: inclusive.
        block_shingles: how many shingles are held at once (one pair may exceed it).
    """
    a, b = (pairs.column(name).to_numpy() for name in ("a", "b"))
    rows, inverse = np.unique(np.concatenate([a, b]), return_inverse=True)
    left, right, size = inverse[: len(a)], inverse[len(a) :], sizes(rows)
    smaller, larger = np.minimum(size[left], size[right]), np.maximum(size[left], size[right])
    possible = (smaller / np.maximum(larger, 1) >= threshold) & (smaller > 0)
    left, right = left[possible], right[possible]
    component = kernels.components(left, right, len(rows))
    order = np.lexsort((right, left, component[left]))
    left, right = left[order], right[order]
    similarity = np.empty(len(left), np.float64)
    for start, end in pairwise(kernels.blocks(left, right, size, block_shingles).tolist()):
        similarity[start:end] = _similarities(rows, left[start:end], right[start:end], load_shingles)
    good = np.flatnonzero(similarity >= threshold)
    good = good[np.lexsort((right[good], left[good]))]
    columns = [rows[left[good]], rows[right[good]], similarity[good]]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=EDGES)


def _similarities(rows: U64, left: I64, right: I64, load_shingles: Callable[[U64], Flat[np.uint64]]) -> F64:
    wanted, inverse = np.unique(np.concatenate([left, right]), return_inverse=True)
    return jaccard(load_shingles(rows[wanted]), inverse[: len(left)], inverse[len(left) :])
