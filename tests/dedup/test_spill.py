import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.candidates import CHUNK
from pipelines.dedup.spill import Spill

chunks = st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 9), max_size=4)), max_size=12)


def chunk(numbers):
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.uint64())] * 3, schema=CHUNK)


@settings(deadline=None)
@given(chunks, st.sampled_from([0, 100, 1 << 20]))
def test_every_key_gives_back_its_rows_in_order_whatever_the_budget(tmp_path_factory, added, budget):
    folder = tmp_path_factory.mktemp("spill") / "new"
    with Spill(folder, budget) as spill:
        for key, numbers in added:
            spill.add(key, chunk(numbers))
        keys = sorted({key for key, _ in added})
        wanted = {key: [n for other, numbers in added if other == key for n in numbers] for key in keys}
        assert spill.rows() == {key: len(numbers) for key, numbers in wanted.items()}
        for key in keys:
            for _ in range(2):  # it may be read again
                table = pa.Table.from_batches(spill.read(key), schema=CHUNK)
                assert table.column("row").to_pylist() == wanted[key]


def test_files_are_written_when_the_budget_is_exceeded_and_are_gone_at_the_end(tmp_path):
    with Spill(tmp_path / "new", 100) as spill:
        spill.add(1, chunk([1, 2, 3, 4]))
        assert not (tmp_path / "new").exists()
        spill.add(2, chunk([5]))
        assert sorted(path.name for path in (tmp_path / "new").rglob("*.arrows")) == ["1.arrows", "2.arrows"]
    assert list((tmp_path / "new").iterdir()) == []
