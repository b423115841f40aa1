"""The killable child when all goes well: one answer a row, in order, however many chunks, restarts or copies."""

import os
import pickle
import signal
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from pipelines import child as child_room
from pipelines.child import Child, Limits, kept_children
from schemas.errors import ChildError
from tests.faults import poison_child


def rows(*data: bytes) -> pa.RecordBatch:
    return pa.record_batch({"data": pa.array(data, pa.binary())})


@pytest.fixture(scope="module")
def child():
    with Child(poison_child, poison_child.RESULT) as child:
        yield child


def texts(found: pa.RecordBatch) -> list[str | None]:
    return found.column("text").to_pylist()


def test_each_row_has_one_answer_in_order(child):
    found = child.map(rows(b"a", b"b", b"c"))
    assert texts(found) == ["A", "B", "C"]
    assert found.column("failure").null_count == 3


def test_an_empty_batch_starts_no_process_and_has_the_schema_of_an_answer():
    child = Child("no.such.module", poison_child.RESULT)
    found = child.map(rows())
    assert found.schema.names == ["text", "pid", "failure", "detail"]
    assert len(found) == 0


def test_one_process_serves_all_batches(child):
    first, second = child.map(rows(b"a")), child.map(rows(b"b"))
    assert first.column("pid") == second.column("pid")
    assert first.column("pid")[0].as_py() != os.getpid()


def test_a_kept_child_serves_the_next_one_and_ends_with_the_block():
    def pid() -> int:
        with Child(poison_child, poison_child.RESULT) as one:
            return one.map(rows(b"a")).column("pid")[0].as_py()

    with kept_children():
        with kept_children():
            first = pid()
        with Child(poison_child, poison_child.RESULT) as held:
            assert held.map(rows(b"b")).column("pid")[0].as_py() == first
            assert pid() != first  # one process serves one at a time
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_child_takes_no_time_to_import_pandas(child):
    assert texts(child.map(rows(b"a", b"pandas"))) == ["A", "None"]


def test_chunks_do_not_show_in_the_answer(child, monkeypatch):
    monkeypatch.setattr(child_room, "CHUNK_ROWS", 3)
    monkeypatch.setattr(child_room, "CHUNK_BYTES", 10)
    data = [b"x" * n for n in (1, 12, 1, 1, 1, 1, 30, 1)]
    assert texts(child.map(rows(*data))) == [part.decode().upper() for part in data]


def test_chunks_are_bounded_by_rows_and_bytes_and_hold_every_row_once():
    batch = rows(*[b"x" * 2**20] * 40, *[b""] * 300)
    chunks = list(child_room._chunks(batch))
    assert pa.concat_batches(chunks) == batch
    assert max(map(len, chunks)) <= child_room.CHUNK_ROWS
    assert max(chunk.nbytes for chunk in chunks) <= child_room.CHUNK_BYTES + 2 * 2**20


def test_payloads_many_times_the_size_of_a_pipe_go_both_ways(child):
    data = [bytes([97 + n]) * 12 * 2**20 for n in range(3)]
    assert texts(child.map(rows(*data))) == [part.decode().upper() for part in data]


def test_the_memory_limit_counts_from_where_the_row_begins():
    with Child(poison_child, poison_child.RESULT, Limits(memory_bytes=48 * 2**20)) as child:
        assert texts(child.map(rows(b"a" * 2**23, b"b"))) == ["A" * 2**23, "B"]
        found = child.map(rows(b"a" * 2**26, b"b"))
    assert found.column("failure").to_pylist() == ["memory_limit", None]


def test_a_slice_of_a_large_batch_is_sent_alone(child):
    batch = rows(*[b"x" * 2**20] * 8, b"y")
    assert len(child_room._packed(batch.slice(8))) < 2000
    assert texts(child.map(batch.slice(8))) == ["Y"]


def test_it_travels_pickled_without_its_process(child):
    copy = pickle.loads(pickle.dumps(child))
    with copy:
        assert texts(copy.map(rows(b"a"))) == ["A"]
        assert copy.map(rows(b"a")).column("pid") != child.map(rows(b"a")).column("pid")


def test_a_process_that_ended_while_idle_is_replaced(child):
    first = child.map(rows(b"a")).column("pid")[0].as_py()
    os.kill(first, signal.SIGKILL)
    second = child.map(rows(b"b"))
    assert texts(second) == ["B"]
    assert second.column("pid")[0].as_py() != first


def test_the_next_batch_after_close_starts_a_process():
    child = Child(poison_child, poison_child.RESULT)
    child.close()
    assert texts(child.map(rows(b"a"))) == ["A"]
    child.close()
    assert texts(child.map(rows(b"a"))) == ["A"]
    child.close()


def test_prints_of_a_decoder_do_not_break_the_protocol(child):
    assert texts(child.map(rows(b"print", b"b"))) == ["PRINT", "B"]


def test_the_child_sees_no_secret_of_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert "AWS_SECRET_ACCESS_KEY" not in child_room._environment()


def test_a_program_that_does_not_start_is_named_with_what_it_said():
    with (
        Child("pipelines.no_such_program", poison_child.RESULT) as child,
        pytest.raises(ChildError, match=r"python -m pipelines\.no_such_program ended twice .* No module named"),
    ):
        child.map(rows(b"a"))


def test_a_program_that_does_not_serve_breaks_the_protocol():
    with Child("this", poison_child.RESULT) as child, pytest.raises(ChildError, match=r"this broke the protocol by"):
        child.map(rows(b"a"))


def test_an_answer_of_another_schema_is_refused():
    with (
        Child(poison_child, pa.schema([("text", pa.binary())])) as child,
        pytest.raises(ChildError, match="answered 1 rows by 1 rows of"),
    ):
        child.map(rows(b"a"))


def test_a_module_that_was_not_imported_is_refused_at_once():
    with pytest.raises(ChildError, match="was not imported"):
        Child(ModuleType("made_up"), poison_child.RESULT)


def test_null_payloads_reach_the_decoder_as_none(child):
    found = child.map(pa.record_batch({"data": pa.array([None, b"b"], pa.binary())}))
    assert found.column("failure").to_pylist() == ["stage_failed", None]


@pytest.mark.parametrize("cut", [0, 1, 5, 9, 10])
def test_batches_may_be_cut_anywhere(child, cut):
    data = [f"row {n}".encode() for n in range(9)] + [b"refuse"]
    whole = rows(*data)
    parts = pa.concat_batches([child.map(whole.slice(0, cut)), child.map(whole.slice(cut))])
    assert parts == child.map(whole)
    assert np.array(parts.column("failure")).tolist() == [None] * 9 + ["not_decodable"]
