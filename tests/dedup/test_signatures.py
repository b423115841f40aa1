from datetime import UTC, datetime

import datasketch
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.signatures import RANKS, SIGNATURE, minhash_rows, signature_schema, signatures
from pipelines.dedup.text import TEXT_DEDUP
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import RecipeError, StageError
from schemas.item import ID

LONG = " ".join(f"word{i}" for i in range(40))


def batch(texts, source="s"):
    ids = pa.array([sha256(str(i).encode()) for i in range(len(texts))], ID)
    n = len(texts)
    items = pa.RecordBatch.from_arrays(
        [ids, pa.array([source] * n, pa.string()), pa.array(texts, pa.string())], names=["item_id", "source", "text"]
    )
    when = pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * n, RANKS.field("fetched_at").type)
    ranks = pa.RecordBatch.from_arrays([ids, pa.array([0] * n, pa.int8()), pa.array([0.5] * n), when], schema=RANKS)
    return items, ranks


def test_equal_but_for_case_and_space_is_exact_and_short_texts_have_no_minhash():
    found = signatures(TEXT_DEDUP, *batch([LONG, "A  short\nOne", "a short one", "a short one!", "", " \n", None]))
    assert found.schema == SIGNATURE
    exact = found.column("exact_sha256").to_pylist()
    assert exact == [sha256(LONG.encode()), *[sha256(b"a short one")] * 2, sha256(b"a short one!"), None, None, None]
    assert found.column("shingles").to_pylist() == [36, 1, 1, 1, 0, 0, 0]
    assert found.column("minhash").is_valid().to_pylist() == [True] + [False] * 6


def test_a_text_of_exactly_the_least_shingles_has_a_minhash():
    texts = [" ".join(LONG.split()[:words]) for words in (13, 14)]
    found = signatures(TEXT_DEDUP, *batch(texts))
    assert found.column("shingles").to_pylist() == [9, 10]
    assert found.column("minhash").is_valid().to_pylist() == [False, True]


def test_ranks_go_through_untouched():
    items, ranks = batch([LONG])
    found = signatures(TEXT_DEDUP, items, ranks)
    assert found.select(RANKS.names).to_pylist() == ranks.to_pylist()


def test_a_stored_signature_is_read_by_datasketch():
    other = LONG.replace("word39", "else")
    found = signatures(TEXT_DEDUP, *batch([LONG, other]))
    left, right = (datasketch.MinHash(hashvalues=row, scheme="affine32") for row in minhash_rows(found)[1])
    assert left.jaccard(right) == pytest.approx(35 / 37, abs=0.1)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from([LONG, LONG + " x", "a b", "", None, "中文" * 9]), max_size=5), st.integers(0, 5))
def test_a_row_depends_on_its_own_item_only(texts, cut):
    items, ranks = batch(texts)
    whole = signatures(TEXT_DEDUP, items, ranks)
    parts = [signatures(TEXT_DEDUP, items[a:b], ranks[a:b]) for a, b in ((0, cut), (cut, None))]
    assert pa.Table.from_batches(parts).to_pylist() == whole.to_pylist()


def test_minhash_rows_leave_short_texts_out_in_slices_and_chunks():
    whole = signatures(TEXT_DEDUP, *batch(["a", LONG, "b", LONG + " x"]))
    rows, values = minhash_rows(pa.Table.from_batches([whole[:2], whole[2:]])[1:])
    assert rows.tolist() == [0, 2]
    assert [row.tobytes() for row in values] == whole.column("minhash").drop_null().to_pylist()


def test_the_number_of_permutations_is_a_setting():
    stage = TEXT_DEDUP.override({"permutations": 64}, where="test")
    assert signatures(stage, *batch([LONG])).schema == signature_schema(64)


def test_ranks_of_other_items_are_refused():
    items, ranks = batch([LONG, "a"])
    with pytest.raises(StageError, match="ranks are of other items"):
        signatures(TEXT_DEDUP, items, ranks.take(pa.array([1, 0])))


@pytest.mark.parametrize("values", [{"threshold": 1.5}, {"min_shingles": 0}, {"max_removed_share": -0.1}])
def test_a_setting_out_of_bounds_is_refused_by_name(values):
    stage = TEXT_DEDUP.override(values, where="test")
    with pytest.raises(RecipeError, match=next(iter(values))):
        signatures(stage, *batch([LONG]))


def test_signatures_come_back_from_parquet_as_they_went(tmp_path):
    whole = pa.Table.from_batches([signatures(TEXT_DEDUP, *batch(["a", LONG, None]))])
    store = Store(str(tmp_path))
    assert store.read_part(store.publish("signature", whole)).equals(whole)
