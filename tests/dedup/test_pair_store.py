import dataclasses
import tracemalloc

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.candidates import bucket_chunks, row_numbers
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.pair_store import BYTES_A_PAIR, PairStore
from pipelines.dedup.signatures import SIGNATURE
from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.dedup.verify import EDGES
from schemas.digest import sha256
from schemas.item import ID

pairs = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=40)


@settings(deadline=None)
@given(st.lists(pairs, max_size=5), st.sampled_from([1, 3, 10, 1000]))
def test_every_pair_comes_back_once_with_what_is_surest_of_it(tmp_path_factory, added, most):
    folder = tmp_path_factory.mktemp("pairs") / "new"
    wanted = {}
    for a, b, is_anchored in (one for some in added for one in some):
        if a != b:
            key = (min(a, b), max(a, b))
            wanted[key] = wanted.get(key, True) and is_anchored
    with PairStore(folder, 2 * most * BYTES_A_PAIR, 31) as store:
        for some in added:
            for kind in (False, True):
                mine = np.array([(a, b) for a, b, k in some if k == kind], np.int64).reshape(-1, 2)
                store.add(mine[:, 0], mine[:, 1], is_anchored=kind)
        found = [(a, b, h) for block in store.blocks() for a, b, h in zip(*(x.tolist() for x in block), strict=True)]
    assert sorted(found) == sorted((a, b, h) for (a, b), h in wanted.items())
    assert not folder.exists() or list(folder.iterdir()) == []


BUCKET, BANDS, MEMORY = 100, 3, 4 << 20


def held(folder, buckets):
    """Bytes that were held at most while pairs of so many buckets, just under the cap, are compared; and pairs compared at once."""
    n, largest = buckets * BUCKET, 0
    ids = pa.array([sha256(str(i).encode()) for i in range(n)], ID)
    columns = {
        "item_id": ids, "source": pa.array(["s"] * n), "exact_sha256": ids, "shingles": pa.array([0] * n, pa.int32()),
        "rights_rank": pa.array([0] * n, pa.int8()), "quality": pa.array([0.5] * n),
    }  # fmt: skip
    table = pa.Table.from_arrays([columns.get(f.name, pa.nulls(n, f.type)) for f in SIGNATURE], schema=SIGNATURE)

    def chunks(stage, table, part, partitions):
        chance = np.random.default_rng(1)
        bands = [(chance.permutation(n) // BUCKET).astype(np.uint64) + np.uint64(b << 40) for b in range(BANDS)]
        return bucket_chunks(bands, row_numbers(np.arange(n), part), np.arange(n).astype(np.uint64), partitions)

    def verify(stage, pairs, table, load_texts):
        nonlocal largest
        largest = max(largest, len(pairs))
        return pa.RecordBatch.from_pylist([], EDGES)

    dedup = dataclasses.replace(
        text_dedup(TEXT_DEDUP.override({"hot_bucket_cap": BUCKET}, where="test")), chunks=chunks, verify=verify
    )
    tracemalloc.start()
    found = find_duplicates(dedup, [table], None, memory=MEMORY, scratch=folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.duplicates.num_rows == 0
    return peak, largest


def test_memory_holds_however_many_buckets_are_just_under_the_cap(tmp_path):
    held(tmp_path, 1)  # compiles
    peak, largest = held(
        tmp_path, 30
    )  # 445,500 pairs: 7 MB of two numbers each, three times that while they are sorted
    assert largest <= MEMORY // 4 // BYTES_A_PAIR
    assert peak <= 2 * MEMORY
