import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.candidates import PAIRS
from pipelines.dedup.verify import verify
from pipelines.kernels.minhash import Flat

sets = st.lists(st.sets(st.integers(1, 12)), min_size=1, max_size=9)


def edges_of(content, numbers, pairs=None, **options):
    """The edges of these pairs (default: all) of these sets, and the rows asked for at each load."""
    loads = []

    def load(rows):
        loads.append(rows.tolist())
        wanted = [sorted(content[numbers.index(row)]) for row in rows.tolist()]
        offsets = np.cumsum([0, *map(len, wanted)])
        return Flat(values=np.array([h for s in wanted for h in s], np.uint64), offsets=offsets)

    pairs = itertools.combinations(numbers, 2) if pairs is None else pairs
    columns = list(zip(*sorted(pairs), strict=True)) or [(), ()]
    batch = pa.RecordBatch.from_arrays([pa.array(column, pa.uint64()) for column in columns], schema=PAIRS)
    sizes = {row: len(each) for row, each in zip(numbers, content, strict=True)}
    found = verify(batch, load, sizes=lambda rows: np.array([sizes[r] for r in rows.tolist()], np.int64), **options)
    return [tuple(row.values()) for row in found.to_pylist()], loads


@settings(deadline=None)  # the first call compiles
@given(sets, st.sampled_from([0.3, 0.5, 0.8, 1.0]), st.integers(1, 30))
def test_edges_are_the_pairs_at_or_above_the_threshold_whatever_the_block(content, threshold, block):
    numbers = [3 << 32 | 7 * i for i in range(len(content))]
    expected = []
    for i, j in itertools.combinations(range(len(content)), 2):
        union = content[i] | content[j]
        if union and len(content[i] & content[j]) / len(union) >= threshold:
            expected.append((numbers[i], numbers[j], len(content[i] & content[j]) / len(union)))
    found, _ = edges_of(content, numbers, threshold=threshold, block_shingles=block)
    assert found == expected


def test_a_component_is_read_once_and_no_more_than_a_block_is_held():
    content = [{99 + row % 2, *range(101 + 100 * (row % 2), 110 + 100 * (row % 2))} for row in range(6)]
    pairs = [(0, 2), (0, 4), (1, 3), (1, 5), (2, 4), (3, 5)]
    found, loads = edges_of(content, list(range(6)), pairs, threshold=0.9, block_shingles=30)
    assert [edge[:2] for edge in found] == pairs
    assert loads == [[0, 2, 4], [1, 3, 5]]
    again, loads = edges_of(content, list(range(6)), pairs, threshold=0.9, block_shingles=20)
    assert again == found
    assert max(map(len, loads)) == 2


def test_sizes_that_rule_the_threshold_out_are_never_read():
    assert edges_of([{1}, {1, 2, 3}, set()], [0, 1, 2], threshold=0.5) == ([], [])


@pytest.mark.parametrize(("threshold", "count"), [(0.8, 1), (0.8000001, 0)])
def test_the_threshold_is_inclusive(threshold, count):
    found, _ = edges_of([{1, 2, 3, 4}, {1, 2, 3, 4, 5}], [0, 1], threshold=threshold)
    assert len(found) == count
