import itertools
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.candidates import (
    CHUNK,
    HOT,
    HOT_ANCHORS,
    PAIRS,
    RECALL_AT_THRESHOLD,
    Pairs,
    band_chunks,
    banding,
    bucket_pairs,
    distinct,
    hot_buckets,
    hot_pairs,
    merge,
)
from pipelines.dedup.signatures import SIGNATURE
from schemas.digest import sha256

places = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 30), st.integers(0, 3)), max_size=25, unique_by=lambda p: p[:2]
)


def chunk(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.RecordBatch.from_arrays([pa.array(column, pa.uint64()) for column in columns], schema=CHUNK)


def tuples(batch):
    return [tuple(row.values()) for row in batch.to_pylist()]


def table(minhashes):
    """A signature table of these MinHash rows (null for short texts)."""
    n = len(minhashes)
    columns = {
        "item_id": [sha256(b"%d" % i) for i in range(n)],
        "source": ["s"] * n,
        "exact_sha256": [sha256(repr(row).encode()) for row in minhashes],
        "shingles": [20] * n,
        "minhash": [None if row is None else np.array(row, "<u4").tobytes() for row in minhashes],
        "rights_rank": [0] * n,
        "quality": [0.0] * n,
        "fetched_at": [None] * n,
    }
    return pa.table(columns, schema=SIGNATURE)


def similar(base, share, seed):
    """The values with about 1 - share of them replaced."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(128) < share, base, rng.integers(0, 2**32, 128)).tolist()


@pytest.mark.parametrize(
    ("threshold", "permutations", "expected"),
    [(0.8, 128, (21, 6)), (0.9, 128, (14, 9)), (0.5, 128, (42, 3)), (1.0, 128, (1, 128)), (0.8, 64, (16, 4))],
)
def test_bands_have_the_most_rows_that_keep_the_recall(threshold, permutations, expected):
    assert banding(threshold, permutations) == expected


@given(st.floats(0.1, 1.0), st.integers(16, 256))
def test_bands_fit_and_keep_the_recall_where_one_row_can(threshold, permutations):
    bands, rows = banding(threshold, permutations)
    assert bands * rows <= permutations
    best = 1 - (1 - threshold) ** permutations
    assert 1 - (1 - threshold**rows) ** bands >= min(RECALL_AT_THRESHOLD, best)


def test_a_place_in_every_band_keyed_by_band_and_partition():
    base = similar(np.zeros(128), 0.0, 1)
    found = band_chunks(table([None, base, base]), 3, 4)
    assert [key // 4 for key, _ in found] == list(range(21))
    for key, batch in found:
        hashes, rows, content = (column.to_pylist() for column in batch.columns)
        assert [h % 4 for h in hashes] == [key % 4] * 2
        assert hashes[0] == hashes[1]
        assert rows == [3 << 32 | 1, 3 << 32 | 2]
        assert content == [int.from_bytes(sha256(repr(base).encode())[:8], "little")] * 2


@pytest.mark.parametrize("partitions", [1, 3])
def test_pairs_do_not_depend_on_partitions_or_the_order_of_chunks(partitions):
    base = np.random.default_rng(0).integers(0, 2**32, 128)
    signatures = table([similar(base, share, seed) for seed, share in enumerate([1, 0.9, 0.9, 0.0, 0.95])])
    expected = merge([bucket_pairs(batch for _, batch in band_chunks(signatures, 0, 1))])
    chunks = [each for i in (0, 1) for each in band_chunks(signatures, 0, partitions) if each[0] % 2 == i]
    random.Random(1).shuffle(chunks)
    by_key = {key: [batch for k, batch in chunks if k == key] for key, _ in chunks}
    assert merge(bucket_pairs(group) for group in by_key.values()) == expected
    assert tuples(expected.pairs) == list(itertools.combinations([0, 1, 2, 4], 2))


@settings(deadline=None)  # the first call compiles
@given(places, st.randoms())
def test_pairs_are_those_of_one_bucket_and_another_text_whatever_the_order(rows, rng):
    best = {}  # of equal texts in a bucket the smallest row stands
    for bucket, row, content in sorted(rows):
        best.setdefault((bucket, content), row)
    expected = {
        (min(p), max(p))
        for (left, row), (right, other) in itertools.combinations(best.items(), 2)
        if left[0] == right[0] and row != other
        for p in [(row, other)]
    }
    rng.shuffle(rows)
    cut = rng.randint(0, len(rows))
    found = bucket_pairs([chunk(rows[:cut]), chunk(rows[cut:])])
    assert tuples(found.pairs) == sorted(expected)
    assert found.hot.num_rows == 0


def test_a_hot_bucket_gives_its_members_and_no_pairs():
    rows = [(7, 100 + i, 1000 - i) for i in range(50)] + [(8, 1, 1), (8, 2, 2)]
    found = bucket_pairs([chunk(rows)], cap=49)
    assert tuples(found.pairs) == [(1, 2)]
    assert tuples(found.hot) == [(7, 100 + i) for i in range(50)]
    assert tuples(hot_buckets(found.hot)) == [(7, 50)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), unique_by=lambda m: m[1], max_size=40))
def test_members_of_hot_buckets_are_paired_with_the_best_of_their_bucket(members):
    hashes, rows = (np.array([m[k] for m in members], np.uint64) for k in (0, 1))
    expected = set()
    for bucket in (0, 1):
        best_first = sorted((row for b, row in members if b == bucket), reverse=True)
        anchors = best_first[:HOT_ANCHORS]
        expected |= {(min(a, b), max(a, b)) for a in anchors for b in best_first if a != b}
    assert tuples(hot_pairs(hashes, rows, place=100 - rows.astype(np.int64))) == sorted(expected)


def test_a_bucket_at_the_cap_is_paired_in_full():
    found = bucket_pairs([chunk([(7, i, i) for i in range(4)])], cap=4)
    assert tuples(found.pairs) == list(itertools.combinations(range(4), 2))
    assert found.hot.num_rows == 0


def test_the_same_values_in_different_bands_do_not_meet():
    band, rest = [1, 2, 3, 4, 5, 6], list(range(100, 222))
    signatures = table([band + rest, list(range(900, 906)) + band + list(range(1000, 1116))])
    assert bucket_pairs(batch for _, batch in band_chunks(signatures, 0, 1)).pairs.num_rows == 0


def test_distinct_pairs_hold_no_row_with_itself():
    left, right = np.array([[3, 1, 2, 1], [1, 3, 2, 2]], np.uint64)
    assert tuples(distinct(left, right)) == [(1, 2), (1, 3)]


def test_copies_of_one_text_do_not_make_a_bucket_hot():
    rows = [(7, i, 1) for i in range(50)] + [(7, 60, 2)]
    found = bucket_pairs([chunk(rows)], cap=5)
    assert tuples(found.pairs) == [(0, 60)]
    assert found.hot.num_rows == 0


def test_nothing_gives_no_pairs():
    none = Pairs(pairs=_empty(PAIRS), hot=_empty(HOT))
    assert bucket_pairs([]) == none
    assert merge([]) == none
    assert band_chunks(table([None]), 0, 2) == []


def _empty(schema):
    return pa.RecordBatch.from_pylist([], schema=schema)
