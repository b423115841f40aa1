"""Rows 29 to 32 of the fault table: one poisoned row of twenty fails alone, and no child outlives its parent."""

import os
import select
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from pipelines.child import Child, Limits
from tests.faults import poison_child

CLEAN = [f"row {n}".encode() for n in range(20)]
POISONED = 7
QUICK = Limits(row_seconds=1.5, cpu_seconds=1, memory_bytes=2**27)
SLOW = Limits(row_seconds=30, cpu_seconds=1, memory_bytes=2**27)


def answers(limits: Limits, *poison: tuple[int, bytes]) -> pa.RecordBatch:
    data = list(CLEAN)
    for at, misdeed in poison:
        data[at] = misdeed
    with Child(poison_child, poison_child.RESULT, limits) as child:
        return child.map(pa.record_batch({"data": pa.array(data, pa.binary())}))


@pytest.mark.parametrize(
    ("misdeed", "limits", "failure", "detail"),
    [
        (b"raise", QUICK, "stage_failed", "ValueError: no number: '...'"),
        (b"wrong_type", QUICK, "stage_failed", "ArrowTypeError: Expected bytes, got a '...' object"),
        (b"refuse", QUICK, "not_decodable", "refused"),
        (b"abort", QUICK, "decoder_crashed", "died of SIGABRT"),
        (b"segfault", QUICK, "decoder_crashed", "died of SIGSEGV"),
        (b"exit", QUICK, "decoder_crashed", "ended with status 7"),
        (b"sleep", QUICK, "time_limit", "not done after 1.5 s of wall time"),
        (b"spin", SLOW, "time_limit", "used up 1 s of processor time"),
        (b"allocate", QUICK, "memory_limit", "no memory left under the limit of a row"),
        (b"bad_alloc", QUICK, "memory_limit",
         "died of SIGABRT: terminate called after throwing an instance of '...'"),
        (b"killed", QUICK, "memory_limit", "died of SIGKILL, sent from outside as when memory runs out"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)  # fmt: skip
def test_a_poisoned_row_fails_alone(misdeed, limits, failure, detail):
    found = answers(limits, (POISONED, misdeed)).drop_columns(["pid"])
    expected = [{"text": row.decode().upper(), "failure": None, "detail": None} for row in CLEAN]
    expected[POISONED] = {"text": None, "failure": failure, "detail": detail}
    assert found.to_pylist() == expected


def test_each_of_many_poisoned_rows_gets_its_own_failure():
    found = answers(QUICK, (0, b"abort"), (1, b"segfault"), (10, b"refuse"), (19, b"exit"))
    assert {n: reason for n, reason in enumerate(found.column("failure").to_pylist()) if reason} == {
        0: "decoder_crashed",
        1: "decoder_crashed",
        10: "not_decodable",
        19: "decoder_crashed",
    }
    assert found.column("text").to_pylist()[2:10] == [row.decode().upper() for row in CLEAN[2:10]]
    assert len(set(found.column("pid").drop_null().to_pylist())) == 1  # all were answered by the last child


def test_a_row_whose_child_is_killed_from_outside_is_tried_again(tmp_path):
    misdeed = f"killed_once:{tmp_path / 'mark'}"
    found = answers(QUICK, (POISONED, misdeed.encode()))
    assert found.column("failure").null_count == 20
    assert found.column("text")[POISONED].as_py() == misdeed.upper()


def test_a_long_batch_of_short_rows_is_not_late_for_its_length():
    # Together the rows take longer than one row may: the deadline is a row's own.
    data = pa.record_batch({"data": pa.array([b"nap"] * 8, pa.binary())})
    with Child(poison_child, poison_child.RESULT, Limits(row_seconds=1.2)) as child:
        assert child.map(data).column("failure").null_count == 8


PARENT = """
import pyarrow as pa
from pipelines.child import Child
from tests.faults import poison_child
child = Child(poison_child, poison_child.RESULT)
print(child.map(pa.record_batch({"data": pa.array([b"a"])})).column("pid")[0].as_py(), flush=True)
%s
"""


@pytest.mark.parametrize("doing", [b"sleep", b"spin", None], ids=["asleep", "spinning", "idle"])
def test_a_child_does_not_outlive_a_killed_parent(doing):
    work = f"child.map(pa.record_batch({{'data': pa.array([{doing!r}])}}))" if doing else "import time; time.sleep(60)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", PARENT % work], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        watch = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([watch], [], [], 4.0)
    os.close(watch)
    assert ended
