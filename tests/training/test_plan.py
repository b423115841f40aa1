"""The plan: every document as often as it should be, in every epoch, on any number of processes; and pinned for ever."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plan import Plan, copies, pack, plan_digest, random_words
from schemas.training import DOCUMENT
from training.loader import step_rows

ROW = 32


def plan(lengths, times=None, seed=5, block=16):
    times = np.ones(len(lengths), np.int32) if times is None else np.array(times, np.int32)
    return Plan(lengths=np.array(lengths, np.int32), copies=times, seed=seed, row_tokens=ROW, block=block)


documents = st.lists(st.tuples(st.integers(1, ROW), st.integers(0, 3)), min_size=1, max_size=80).filter(
    lambda drawn: any(times for _, times in drawn)
)


@given(documents, st.integers(0, 2**63 - 1), st.integers(0, 3))
def test_an_epoch_feeds_every_document_as_often_as_its_copies_and_no_row_overflows(drawn, seed, epoch):
    lengths, times = zip(*drawn, strict=True)
    made = plan(lengths, times, seed)
    rows = [made.row(epoch * made.rows + at).tolist() for at in range(made.rows)]
    assert Counter(one for row in rows for one in row) == Counter({n: t for n, t in enumerate(times) if t})
    assert all(0 < sum(lengths[one] for one in row) <= ROW for row in rows)


@given(documents, st.integers(0, 60), st.integers(0, 60))
def test_times_are_what_the_rows_hold(drawn, first, count):
    made = plan(*zip(*drawn, strict=True))
    fed = Counter(one for row in range(first, first + count) for one in made.row(row).tolist())
    assert made.times(first, first + count - 1).tolist() == [fed[n] for n in range(len(drawn))]


@given(st.lists(st.integers(1, ROW), min_size=1, max_size=60))
def test_packing_is_best_fit(lengths):
    lengths = sorted(lengths, reverse=True)
    left, expected = [], []
    for length in lengths:
        fitting = [row for row, room in enumerate(left) if room >= length]
        row = min(fitting, key=lambda row: left[row], default=len(left))
        if row == len(left):
            left.append(ROW)
        left[row] -= length
        expected.append(left[row])
    used = Counter()
    for row, length in zip(pack(np.array(lengths), ROW).tolist(), lengths, strict=True):
        used[row] += length
        assert expected.pop(0) == ROW - used[row]  # rows of equal room are equally good
    assert len(used) == len(left)


def test_packing_loses_almost_no_place():
    lengths = np.clip(np.random.Philox(1).random_raw(20_000) % 700 + 3, 3, 512).astype(np.int32)
    made = Plan(lengths=lengths, copies=np.ones_like(lengths), seed=0, row_tokens=512)
    assert lengths.sum() / (made.rows * 512) > 0.99


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 7))
def test_the_processes_of_any_world_feed_the_rows_of_a_step_once(rows, world, step):
    shares = [step_rows(step, rows, rank=rank, world=world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1  # all meet in every exchange
    assert sorted(row for share in shares for row in share if row >= 0) == list(range(step * rows, (step + 1) * rows))


def test_epochs_and_seeds_differ_and_the_same_seed_does_not():
    lengths = [1 + n % ROW for n in range(200)]
    order = lambda made, epoch: [made.row(epoch * made.rows + at).tolist() for at in range(made.rows)]  # noqa: E731
    first = order(plan(lengths), 0)
    assert first == order(plan(lengths), 0)
    assert first != order(plan(lengths), 1)
    assert first != order(plan(lengths, seed=6), 0)


def test_the_order_is_pinned():
    # What a consumption row means years from now: a change here orphans every one that was ever recorded.
    assert random_words(5, 2, 1, 3, 2).tolist() == PINNED_WORDS
    made = plan([9, 30, 4, 17, 4, 22, 9, 4, 12, 9, 17, 22, 17], [1, 1, 2, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1], block=5)
    assert [made.row(at).tolist() for at in range(2 * made.rows)] == PINNED_ROWS


PINNED_WORDS = [11408125162082029852, 17401406332614542713]
PINNED_ROWS = [
    [12],
    [11],
    [10],
    [5, 6],
    [7, 8, 9],
    [0, 2, 3],
    [1],
    [2],
    [11],
    [10],
    [12],
    [6, 7, 8],
    [5, 9],
    [0, 2, 3],
    [1],
    [2],
]


def test_a_weight_between_two_numbers_gives_some_documents_the_larger():
    ids = [n.to_bytes(32, "big") for n in range(1000)]
    assert copies(ids, "text", 2.0).tolist() == [2] * 1000
    drawn = copies(ids, "text", 1.25)
    assert set(drawn.tolist()) == {1, 2}
    assert 1.2 < drawn.mean() < 1.3
    assert (copies(ids, "caption", 1.25) != drawn).any()


@pytest.mark.parametrize("column", ["kind", "start", "tokens", "length", "copies", "item_id", "content_sha256"])
def test_the_digest_of_a_plan_covers_every_column_of_its_documents(column):
    row = {
        "plan_digest": bytes(32), "item_id": bytes(32), "content_sha256": bytes(32), "kind": "text", "start": 0,
        "tokens": 3, "length": 5, "copies": 1,
    }  # fmt: skip
    other = row | {column: b"\1" * 32 if isinstance(row[column], bytes) else "pair" if column == "kind" else 7}
    digests = {
        plan_digest(
            pa.Table.from_pylist([one], DOCUMENT),
            release_root=b"r" * 32,
            vocabulary=b"v" * 32,
            row_tokens=ROW,
            block=16,
        )
        for one in (row, other)
    }
    assert len(digests) == 2
