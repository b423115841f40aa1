import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.elect import Ranks, elect
from pipelines.dedup.settle import ROUNDS, settle
from pipelines.dedup.verify import EDGES
from schemas.digest import sha256
from schemas.item import ID


def ranked(place):
    rows = np.arange(len(place))
    ids = pa.array([sha256(str(row).encode()) for row in rows], ID)
    return Ranks(item_id=ids, place=np.array(place, np.int64), representative=rows)


def table(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, EDGES, strict=True)], schema=EDGES)


class Corpus:
    """Pairs of rows with the similarity of those that are similar, in blocks, and which of them were compared."""

    def __init__(self, pairs, place, cut=10**9):
        self.pairs, self.ranks, self.cut, self.asked = dict(pairs), ranked(place), cut, []

    def blocks(self):
        for start in range(0, len(self.pairs), self.cut):
            left, right = np.array(list(self.pairs)[start : start + self.cut], np.int64).reshape(-1, 2).T
            yield left, right, np.zeros(len(left), bool)

    def compare(self, left, right, _):
        mine = list(zip(left.tolist(), right.tolist(), strict=True))
        self.asked += mine
        yield table([(*pair, self.pairs[pair]) for pair in mine if self.pairs[pair]])

    def settled(self, rounds=ROUNDS):
        found = settle(self.blocks, self.ranks, self.compare, rounds)
        return sorted(tuple(row.values()) for row in found.to_pylist())


@st.composite
def corpora(draw):
    n = draw(st.integers(2, 9))
    every = draw(st.permutations(list(itertools.combinations(range(n), 2))))
    likeness = st.sampled_from([None, 0.8, 0.9])
    pairs = {pair: draw(likeness) for pair in every[: draw(st.integers(0, len(every)))]}
    return pairs, draw(st.permutations(range(n))), draw(st.integers(1, 4))


@settings(deadline=None, max_examples=150)
@given(corpora(), st.sampled_from([0, 1, ROUNDS]))
def test_all_that_is_similar_is_found_but_for_pairs_that_are_merged_into_one(case, rounds):
    pairs, place, cut = case
    corpus = Corpus(pairs, place, cut)
    similar = sorted((*pair, likeness) for pair, likeness in pairs.items() if likeness)
    full = elect(table(similar), corpus.ranks)
    into = dict(zip(full.merged.tolist(), full.witness.tolist(), strict=True))
    found = corpus.settled(rounds)
    assert found == [edge for edge in similar if edge[0] not in into or into[edge[0]] != into.get(edge[1])]
    assert len(corpus.asked) == len(set(corpus.asked))
    again = elect(table(found), corpus.ranks)
    for name in ("merged", "witness", "similarity", "cluster"):
        assert getattr(again, name).tolist() == getattr(full, name).tolist()


def test_a_cluster_of_copies_takes_one_comparison_an_item():
    n = 40
    corpus = Corpus(dict.fromkeys(itertools.combinations(range(n), 2), 0.9), range(n))
    assert corpus.settled() == [(0, other, 0.9) for other in range(1, n)]
    assert len(corpus.asked) == n - 1
