"""What is done with pairs of numbered things, compiled: pairs of a bucket, components, blocks, the sequential election.

Things are numbered 0..n-1. All inputs and outputs are int64 arrays unless said otherwise.
"""

import numpy as np

from pipelines.kernels.minhash import F64, I64
from pipelines.kernels.scan import compiled


@compiled
def _bucket_pairs(starts: I64, anchors: int, left: I64, right: I64) -> int:
    count, fill = 0, len(left) > 0
    for bucket in range(len(starts) - 1):
        first, end = starts[bucket], starts[bucket + 1]
        for i in range(first, min(end, first + anchors)):
            if not fill:
                count += end - i - 1
                continue
            for j in range(i + 1, end):
                left[count], right[count] = i, j
                count += 1
    return count


def bucket_pairs(starts: I64, *, anchors: int) -> tuple[I64, I64]:
    """Pairs (i, j), i < j, of places in one bucket where i is among its first `anchors`.

    Bucket k is the places `starts[k]` up to `starts[k + 1]`. With as many anchors as places these are all its pairs.
    """
    none = np.empty(0, np.int64)
    count = _bucket_pairs(starts, anchors, none, none)
    left, right = np.empty(count, np.int64), np.empty(count, np.int64)
    _bucket_pairs(starts, anchors, left, right)
    return left, right


@compiled
def _find(parent: I64, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]  # halve the path on the way
        i = parent[i]
    return i


@compiled
def _components(left: I64, right: I64, parent: I64) -> None:
    for edge in range(len(left)):
        a, b = _find(parent, left[edge]), _find(parent, right[edge])
        parent[max(a, b)] = min(a, b)
    for i in range(len(parent)):
        parent[i] = _find(parent, i)


def components(left: I64, right: I64, things: int) -> I64:
    """int64[things]: the smallest number in each thing's connected component."""
    parent = np.arange(things, dtype=np.int64)
    _components(left, right, parent)
    return parent


@compiled
def _blocks(left: I64, right: I64, sizes: I64, budget: int, starts: I64) -> int:
    seen = np.full(len(sizes), -1, np.int64)
    blocks, held = 0, 0
    for pair in range(len(left)):
        a, b = left[pair], right[pair]
        extra = (sizes[a] if seen[a] != blocks else 0) + (sizes[b] if seen[b] != blocks else 0)
        if held and held + extra > budget:
            blocks += 1
            starts[blocks], held, extra = pair, 0, sizes[a] + sizes[b]
        seen[a], seen[b], held = blocks, blocks, held + extra
    return blocks + 1


def blocks(left: I64, right: I64, sizes: I64, budget: int) -> I64:
    """Where to cut a list of pairs, first 0 and last its length: the sizes of a block's things add up to <= `budget`.

    A pair that alone exceeds the budget is a block of its own.
    """
    starts = np.zeros(len(left) + 1, np.int64)
    count = _blocks(left, right, sizes, budget, starts) if len(left) else 0
    return np.append(starts[:count], len(left))


@compiled
def _elect(better: I64, worse: I64, similarity: F64, witness: I64, proof: F64) -> None:
    for edge in range(len(worse)):
        b, w = better[edge], worse[edge]
        # All edges in which b is the worse one came earlier, so whether b is kept is settled.
        if witness[b] < 0 and similarity[edge] > proof[w]:
            witness[w], proof[w] = b, similarity[edge]


def elect(better: I64, worse: I64, similarity: F64, things: int) -> tuple[I64, F64]:
    """The witness of each thing, or -1 where it is kept, and the similarity to it (float64, -1.0 where kept).

    Things are numbered best first; edges are `better < worse`, ascending by (worse, better), of similarity >= 0.
    A thing is merged when it has an edge to a better one that is kept; its witness is the most similar of those, then
    the best.
    """
    witness, proof = np.full(things, -1, np.int64), np.full(things, -1.0, np.float64)
    _elect(better, worse, similarity, witness, proof)
    return witness, proof
