"""All pairs of sets at or above a Jaccard similarity, exactly and without comparing all with all.

Two sets of similarity t share one of the rarest (1 - t) parts of their members; so only those are indexed, and only sets that meet there,
and whose sizes allow it, are compared. Source: Chaudhuri et al. 2006 (prefix filter); Bayardo et al. 2007 (AllPairs).
"""

import math

import numpy as np

from pipelines.kernels.minhash import F64, I64, Flat
from pipelines.kernels.scan import compiled

_ROUNDING = 1e-9  # so that 0.8 * 5 needs 4 shared members, however binary fractions fall


def similar_sets(sets: Flat[np.uint64], at_least: float) -> tuple[I64, I64, F64]:
    """(left, right, similarity) of every pair of sets of Jaccard similarity >= `at_least`; left < right, ascending.

    Args:
        sets: distinct members of each; a set without any is in no pair.
        at_least: above 0, at most 1.
    """
    sizes = sets.sizes
    members, counts = _by_rarity(sets)
    order = np.argsort(sizes, kind="stable")
    prefixes = np.array([_prefix(size, at_least) for size in range(int(sizes.max(initial=0)) + 1)], np.int64)
    starts, postings = _index(members, sets.offsets, order, prefixes, counts)
    left, right, similarity = _join(members, sets.offsets, order, prefixes, starts, postings, at_least)
    smaller, larger = np.minimum(left, right), np.maximum(left, right)
    at = np.lexsort((larger, smaller))
    return smaller[at], larger[at], similarity[at]


def _prefix(size: int, at_least: float) -> int:
    """How many of the rarest members of a set of this size to look at: with all others alone it cannot reach the similarity."""
    return size - max(1, math.ceil(at_least * size - _ROUNDING)) + 1 if size else 0


def _by_rarity(sets: Flat[np.uint64]) -> tuple[I64, I64]:
    """Members as numbers, 0 for the rarest, ascending within each set; and how many sets hold each number."""
    _, at, counts = np.unique(sets.values, return_inverse=True, return_counts=True)
    order = np.argsort(counts, kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    members = number[at.reshape(-1)]
    _sort_each(members, sets.offsets)
    return members, counts[order].astype(np.int64)


@compiled
def _sort_each(members: I64, offsets: I64) -> None:
    for k in range(len(offsets) - 1):
        members[offsets[k] : offsets[k + 1]].sort()


@compiled
def _index(members: I64, offsets: I64, order: I64, prefixes: I64, counts: I64) -> tuple[I64, I64]:
    """Of each member the sets that have it in their prefix, by size; members of one set only lead nowhere."""
    starts = np.zeros(len(counts) + 1, np.int64)
    for k in range(len(offsets) - 1):
        for i in range(offsets[k], offsets[k] + prefixes[offsets[k + 1] - offsets[k]]):
            if counts[members[i]] > 1:
                starts[members[i] + 1] += 1
    for member in range(len(counts)):
        starts[member + 1] += starts[member]
    postings, filled = np.empty(starts[-1], np.int64), starts[:-1].copy()
    for place in range(len(order)):
        k = order[place]
        for i in range(offsets[k], offsets[k] + prefixes[offsets[k + 1] - offsets[k]]):
            if counts[members[i]] > 1:
                postings[filled[members[i]]] = place
                filled[members[i]] += 1
    return starts, postings


@compiled
def _join(
    members: I64, offsets: I64, order: I64, prefixes: I64, starts: I64, postings: I64, at_least: float
) -> tuple[I64, I64, F64]:
    left, right, similarity = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.float64)
    first = starts[:-1].copy()  # sets before these are too small for all that follow
    met = np.full(len(order), -1, np.int64)
    n = 0
    for place in range(len(order)):
        k = order[place]
        size = offsets[k + 1] - offsets[k]
        for i in range(offsets[k], offsets[k] + prefixes[size]):
            member = members[i]
            for at in range(first[member], starts[member + 1]):
                other = postings[at]
                if other >= place:
                    break
                j = order[other]
                if (offsets[j + 1] - offsets[j]) < at_least * size - _ROUNDING:
                    first[member] = at + 1
                    continue
                if met[other] == place:
                    continue
                met[other] = place
                found = _jaccard(members, offsets[k], offsets[k + 1], offsets[j], offsets[j + 1], at_least)
                if found < at_least:
                    continue
                if n == len(left):
                    left, right = np.append(left, np.empty(n, np.int64)), np.append(right, np.empty(n, np.int64))
                    similarity = np.append(similarity, np.empty(n, np.float64))
                left[n], right[n], similarity[n] = j, k, found
                n += 1
    return left[:n], right[:n], similarity[:n]


@compiled
def _jaccard(members: I64, i: int, i_end: int, j: int, j_end: int, at_least: float) -> float:
    """The similarity of two sets; -1.0 as soon as it cannot reach `at_least`."""
    both = (i_end - i) + (j_end - j)
    # shared / (both - shared) >= t asks for so many shared members, so that so many may be missed on either side.
    needed, shared = at_least / (1.0 + at_least) * both - _ROUNDING, 0
    while i < i_end and j < j_end:
        if shared + min(i_end - i, j_end - j) < needed:
            return -1.0
        x, y = members[i], members[j]
        shared += x == y
        i += x <= y
        j += y <= x
    return shared / (both - shared)
