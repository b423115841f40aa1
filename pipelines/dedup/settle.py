"""Which candidate pairs are compared: all but those of two items that are merged into the same one.

A cluster of n near copies has n * n / 2 pairs, and one kept item that all others are merged into. Its n pairs prove every removal, hold the
cluster together, and lead a takedown of one member to all; so the others are not compared, and verified pairs grow with the items.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.dedup.elect import Ranks
from pipelines.dedup.verify import EDGES
from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import I64

Mask = npt.NDArray[np.bool_]
Block = tuple[I64, I64, Mask]  # the two rows of each pair, and whether only buckets that were not searched whole say so
Blocks = Callable[[], Iterable[Block]]  # the same distinct pairs whenever it is called
Compare = Callable[[I64, I64, Mask], Iterable[pa.Table]]  # `EDGES` of those of these pairs that are similar

# Chosen: a round that leaves more than three of four pairs open costs more than it saves. What is open then is compared at once.
ROUNDS, LEFT_OPEN = 16, 0.75
_OPEN, _KEPT, _MERGED = 0, 1, 2


def settle(blocks: Blocks, ranks: Ranks, compare: Compare, rounds: int = ROUNDS) -> pa.Table:
    """`EDGES` of the pairs that are similar, but for those of two items that an election merges into the same one.

    The result does not depend on how the pairs lie in blocks. Best first: an item whose better candidates are all settled and that is like none
    that is kept is kept, and what is like it is merged; each round compares the pairs of all items that it can keep.
    """
    state = np.zeros(len(ranks.place), np.int8)
    into = np.full(len(ranks.place), -1, np.int64)
    found = [EDGES.empty_table()]
    most = np.inf
    for _ in range(rounds):
        waits, count = np.zeros(len(state), bool), 0
        for better, worse, _ in _ranked(blocks, ranks):
            is_open = state[better] == _OPEN
            waits[worse[is_open]] = True
            count += int(is_open.sum())
        if not count or count > most:
            break
        most = count * LEFT_OPEN
        chosen = (state == _OPEN) & ~waits
        state[chosen] = _KEPT
        for edges in _compared(blocks, ranks, compare, chosen, into):
            found.append(edges)
            worse = _sides(edges, ranks)[1]
            state[worse[state[worse] == _OPEN]] = _MERGED
    found += _compared(blocks, ranks, compare, state == _OPEN, into)
    into = _merged_into(pa.concat_tables(found), ranks)
    found += _compared(blocks, ranks, compare, state == _MERGED, into)
    whole = pa.concat_tables(found)
    return whole.filter(pa.array(~_into_one(into, *_sides(whole, ranks))))


def _compared(blocks: Blocks, ranks: Ranks, compare: Compare, is_asked: Mask, into: I64) -> Iterator[pa.Table]:
    """`EDGES` of the pairs whose better row is asked for, but for those that are merged into one."""
    for better, worse, is_anchored in _ranked(blocks, ranks):
        asked = is_asked[better] & ~_into_one(into, better, worse)
        if asked.any():
            left, right = np.minimum(better, worse), np.maximum(better, worse)
            yield from compare(left[asked], right[asked], is_anchored[asked])


def _into_one(into: I64, left: I64, right: I64) -> Mask:
    found: Mask = (into[left] == into[right]) & (into[left] >= 0)
    return found


def _merged_into(edges: pa.Table, ranks: Ranks) -> I64:
    """int64[n]: what each row is merged into by these edges, -1 where it is kept."""
    row_at = np.argsort(ranks.place)
    better, worse = (ranks.place[side] for side in _sides(edges, ranks))
    order = np.lexsort((better, worse))
    similarity = edges.column("similarity").to_numpy()
    found, _ = kernels.elect(better[order], worse[order], similarity[order], len(row_at))
    into = np.full(len(row_at), -1, np.int64)
    into[row_at] = np.where(found >= 0, row_at[found], -1)
    return into


def _ranked(blocks: Blocks, ranks: Ranks) -> Iterator[Block]:
    """The pairs, the better of each first."""
    for left, right, is_anchored in blocks():
        yield *_better_first(left, right, ranks), is_anchored


def _sides(edges: pa.Table, ranks: Ranks) -> tuple[I64, I64]:
    """The two rows of each edge, the better first."""
    a, b = (edges.column(name).to_numpy().astype(np.int64) for name in ("a", "b"))
    return _better_first(a, b, ranks)


def _better_first(a: I64, b: I64, ranks: Ranks) -> tuple[I64, I64]:
    is_first = ranks.place[a] < ranks.place[b]
    return np.where(is_first, a, b), np.where(is_first, b, a)
