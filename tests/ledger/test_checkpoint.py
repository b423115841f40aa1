"""Checkpoints of the log: fewer files to read, the same commits; what is wrong with one is named and never believed."""

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.audit.open import Ledger
from pipelines.ledger import log as logs
from pipelines.ledger.checkpoint import LOG, checkpoint, restored
from pipelines.ledger.commit import FOLDER, Commit, Erased
from pipelines.ledger.log import Log, Problem, read_commit
from pipelines.store import Part, Store
from schemas.errors import ChainBroken

TIME = datetime(2026, 3, 1, tzinfo=UTC)


def part(number: int, table: str = "item") -> Part:
    return Part(table=table, path=f"parts/{table}/{number}", sha256=f"{number:064x}", rows=number, bytes=1)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Ten commits over changing files, with a checkpoint every fourth."""
    monkeypatch.setattr(logs, "EVERY", 4)
    store = Store(root=str(tmp_path / "site"))
    found = Log(store)
    for n in range(10):
        parts = [store.publish("run", pa.table({"run": [f"run-{k}"]})) for k in range(n // 2, n + 1)]
        found.append(f"run-{n}", "ab" * 32, parts, time=TIME if n % 2 else None, note=f"note {n}")
    return found


def one_by_one(log):
    return [read_commit(log.store, path) for path in log.store.list(FOLDER)]


def named(log):
    (found,) = [part for part in log.head().files if part.table == LOG]
    return found


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.booleans()), max_size=8))
def test_a_checkpoint_gives_back_every_commit(tmp_path_factory, told):
    commits = [
        Commit(
            seq=n, prev=None if n == 0 else f"{n - 1}", run=f"run-{n}", recipe="", note="x", time=TIME if timed else None, root="", hash=f"{n}",
            files=tuple(sorted((*(part(k) for k in items), *(part(k, "run") for k in runs)), key=lambda one: (one.table, one.path))),
            replaces=tuple(Erased(path=f"{k}", sha256="") for k in sorted(runs)),
        )
        for n, (items, runs, timed) in enumerate(told)
    ]  # fmt: skip
    store = Store(root=str(tmp_path_factory.mktemp("checkpoint")))
    assert restored(store.read(checkpoint(store, commits).path)) == commits


def test_the_commits_are_those_that_lie_there(log):
    assert list(log.commits()) == one_by_one(log)
    assert log.verify() == []
    assert log.orphans() == []


def test_opening_reads_the_head_its_checkpoint_and_what_came_after(log, monkeypatch):
    read = []
    plain = Store.read
    monkeypatch.setattr(Store, "read", lambda store, path: read.append(path) or plain(store, path))
    assert Ledger.open(log.store, commit=3).commit.run == "run-3"
    assert {path for path in read if path.startswith(FOLDER)} == {f"{FOLDER}/{n:012d}.json" for n in (8, 9)}


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data.replace(b"run-3", b"run-4"), None])
def test_a_damaged_or_missing_checkpoint_is_named_and_passed_over(log, damage):
    path = named(log).path
    if damage:
        log.store.put(path, damage(log.store.read(path)))
    else:
        log.store.delete(path)
    assert list(log.commits()) == one_by_one(log)
    assert {problem["path"] for problem in log.verify()} == {path}


def lied(log, commits, monkeypatch):
    """The path of a checkpoint of other commits, that the head lists now."""
    false = checkpoint(log.store, commits)
    with monkeypatch.context() as patched:
        patched.setattr(Log, "_checkpoint", lambda log, head: [false])
        log.append("liar", None, log.head().files)
    return false.path


def test_a_checkpoint_that_was_committed_and_lies_is_named(log, monkeypatch):
    told = one_by_one(log)[:8]
    path = lied(log, [*told[:5], replace(told[5], run="another"), *told[6:]], monkeypatch)
    assert log.verify() == [Problem(path=path, what=f"says of a commit what {told[5].path} does not say")]


def test_a_log_that_does_not_follow_its_checkpoint_is_not_opened(log, monkeypatch):
    told = one_by_one(log)[:8]
    lied(log, [*told[:7], replace(told[7], hash="00" * 32)], monkeypatch)
    with pytest.raises(ChainBroken, match="does not follow the checkpoint"):
        list(log.commits())


def test_a_checkpoint_is_no_table(log):
    with Ledger.open(log.store) as ledger:
        assert LOG not in ledger.db.tables
