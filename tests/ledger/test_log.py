import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ledger.checkpoint import EVERY
from pipelines.ledger.commit import FOLDER, Commit, Erased
from pipelines.ledger.log import Log, Problem, read_commit
from pipelines.store import Part, Store
from schemas.digest import canonical, digest
from schemas.errors import ChainBroken

TIME = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(root=str(tmp_path / "site"))


def part(store: Store, number: int, table: str = "item") -> Part:
    return store.publish(table, pa.table({"n": [number]}))


def three_commits(store: Store) -> Log:
    log = Log(store)
    for n in range(3):
        log.append(f"run-{n}", "ab" * 32, [part(store, n), part(store, n + 1)], time=TIME)
    return log


def test_first_commit_says_what_was_given(store: Store) -> None:
    parts = [part(store, 2), part(store, 1)]
    commit = Log(store).append("run-0", "ab" * 32, parts, note="first", time=TIME)
    assert (commit.seq, commit.prev, commit.run, commit.note, commit.time) == (0, None, "run-0", "first", TIME)
    assert commit.files == tuple(sorted(parts, key=lambda one: one.path))
    assert Log(store).head() == commit
    assert Path(store.root, FOLDER, "000000000000.json").exists()


def test_commit_is_canonical_json_that_names_its_own_hash(store: Store) -> None:
    three_commits(store)
    body = json.loads(store.read(f"{FOLDER}/000000000001.json"))
    assert sorted(body) == ["files", "hash", "note", "prev", "recipe", "replaces", "root", "run", "seq", "time", "v"]
    said = body.pop("hash")
    assert said == digest("commit", body).hex()
    assert store.read(f"{FOLDER}/000000000001.json") == canonical(body | {"hash": said})


def test_empty_store_has_no_head(store: Store) -> None:
    assert Log(store).head() is None
    assert Log(store).verify() == []


def test_each_commit_names_the_one_before(store: Store) -> None:
    first, second, third = three_commits(store).commits()
    assert [first.prev, second.prev, third.prev] == [None, first.hash, second.hash]


def test_same_run_with_same_files_is_committed_once(store: Store) -> None:
    log = three_commits(store)
    own = store.publish("run", pa.table({"ended_at": [1]}))
    again = log.append("run-2", "ab" * 32, [part(store, 3), part(store, 2), own])
    assert (again.reused, again.seq) == (True, 2)
    assert len(list(log.commits())) == 3


def test_same_run_with_other_files_is_a_commit(store: Store) -> None:
    log = three_commits(store)
    assert log.append("run-2", "ab" * 32, [part(store, 9)]).seq == 3


def test_earlier_run_can_become_the_head_again(store: Store) -> None:
    log = three_commits(store)
    assert log.append("run-0", "ab" * 32, [part(store, 0), part(store, 1)]).seq == 3


def test_untouched_log_verifies_where_it_was_moved_to(store: Store, tmp_path: Path) -> None:
    three_commits(store)
    shutil.move(store.root, tmp_path / "elsewhere")
    assert Log(Store(root=str(tmp_path / "elsewhere"))).verify() == []


def test_anchor_finds_a_log_that_was_cut_off(store: Store) -> None:
    log = three_commits(store)
    anchor = list(log.commits())[-1].hash
    assert log.verify(anchor) == []
    Path(store.root, FOLDER, "000000000002.json").unlink()
    assert log.verify() == []
    assert log.verify(anchor) == [Problem(path=FOLDER, what=f"holds no commit {anchor}: cut off, or written anew")]


def test_file_added_to_the_log_is_named(store: Store) -> None:
    log = three_commits(store)
    store.put(f"{FOLDER}/note.txt", b"hello")
    assert log.verify() == [Problem(path=f"{FOLDER}/note.txt", what="was added: it is no commit")]


def test_removed_commit_is_named(store: Store) -> None:
    log = three_commits(store)
    store.delete(f"{FOLDER}/000000000001.json")
    assert log.verify() == [Problem(path=f"{FOLDER}/000000000001.json", what="is missing")]


def test_swapped_commits_are_named(store: Store) -> None:
    log = three_commits(store)
    one, two = (Path(store.root, FOLDER, f"00000000000{n}.json") for n in (1, 2))
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert log.verify() == [
        Problem(path=f"{FOLDER}/000000000001.json", what=f"was moved here from {FOLDER}/000000000002.json"),
        Problem(path=f"{FOLDER}/000000000002.json", what=f"was moved here from {FOLDER}/000000000001.json"),
    ]


def test_rewritten_commit_breaks_the_link_of_the_next(store: Store) -> None:
    """A forged commit may hash to what it says; the next one still names the original."""
    log = three_commits(store)
    path = f"{FOLDER}/000000000001.json"
    body = json.loads(store.read(path))
    del body["hash"]
    body["run"] = "forged"
    store.put(path, canonical(body | {"hash": digest("commit", body).hex()}))
    assert log.verify() == [
        Problem(
            path=f"{FOLDER}/000000000002.json", what="does not follow the commit before it: one of the two was replaced"
        )
    ]


def test_missing_part_is_named_with_a_commit_that_lists_it(store: Store) -> None:
    log = three_commits(store)
    gone = part(store, 1).path
    store.delete(gone)
    assert log.verify() == [Problem(path=gone, what=f"is missing; {FOLDER}/000000000000.json lists it")]


def test_part_that_a_later_commit_replaced_may_be_gone(store: Store) -> None:
    log = three_commits(store)
    old = part(store, 0)
    log.append("forget-1", "ab" * 32, [part(store, 7)], replaces=[Erased(path=old.path, sha256=old.sha256)])
    store.delete(old.path)
    assert log.verify() == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_named(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(root=str(tmp_path_factory.mktemp("flip")))
    log = three_commits(store)
    path = data.draw(st.sampled_from(list(store.list("ledger")) + list(store.list("parts"))))
    content = bytearray(store.read(path))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    store.put(path, bytes(content))
    assert [problem["path"] for problem in log.verify()] == [path]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_cut_file_is_named(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(root=str(tmp_path_factory.mktemp("cut")))
    log = three_commits(store)
    path = data.draw(st.sampled_from(list(store.list("ledger")) + list(store.list("parts"))))
    content = store.read(path)
    store.put(path, content[: data.draw(st.integers(0, len(content) - 1))])
    assert [problem["path"] for problem in log.verify()] == [path]


def test_unreadable_head_is_an_error_that_names_it(store: Store) -> None:
    log = three_commits(store)
    store.put(f"{FOLDER}/000000000002.json", b"{}")
    with pytest.raises(ChainBroken, match=r"000000000002.json was changed: it is no commit"):
        log.head()


def test_missing_commit_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(ChainBroken, match=r"000000000009.json is missing"):
        read_commit(store, f"{FOLDER}/000000000009.json")


def test_orphans_are_parts_that_nothing_names(store: Store) -> None:
    log = three_commits(store)
    of_a_room, orphan = part(store, 50), part(store, 51)
    store.put("rooms/web/split/k.json", json.dumps({"parts": [{"path": of_a_room.path}]}).encode())
    assert log.orphans() == [orphan.path]
    assert log.verify() == []


def test_cleaning_deletes_orphans_and_nothing_that_is_named(store: Store) -> None:
    log = three_commits(store)
    of_a_room, orphan = part(store, 50), part(store, 51)
    store.put("rooms/web/split/k.json", json.dumps({"parts": [{"path": of_a_room.path}]}).encode())
    before = set(store.list("parts"))
    assert log.clean() == [orphan.path]
    assert set(store.list("parts")) == before - {orphan.path}
    assert log.orphans() == []


def test_nothing_is_cleaned_while_a_receipt_or_a_commit_cannot_be_read(store: Store) -> None:
    log = three_commits(store)
    orphan = part(store, 51)
    store.put("rooms/web/split/k.json", b"{")
    with pytest.raises(ChainBroken, match=r"rooms/web/split/k\.json is no receipt"):
        log.clean()
    store.delete("rooms/web/split/k.json")
    store.put(f"{FOLDER}/000000000001.json", b"{}")
    with pytest.raises(ChainBroken, match=r"000000000001\.json was changed"):
        log.clean()
    assert store.exists(orphan.path)


HALF = EVERY // 2 + 1  # of the commits: one of the two writes a checkpoint


def _commit_many(root: str, name: str, count: int) -> None:
    store = Store(root=root)
    for n in range(count):
        Log(store).append(f"{name}-{n}", "ab" * 32, [part(store, n)])


def test_two_processes_commit_every_run_once_in_a_dense_sequence(store: Store) -> None:
    store.put("parts/.keep", b"")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_commit_many, args=(store.root, name, HALF)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    commits: list[Commit] = list(Log(store).commits())
    assert [commit.seq for commit in commits] == list(range(2 * HALF))
    assert sorted(commit.run for commit in commits) == sorted(f"{name}-{n}" for name in "ab" for n in range(HALF))
    assert Log(store).verify() == []


KILLED = """
import sys
from pipelines.ledger.log import Log
from pipelines.store import Store
import pyarrow as pa
store = Store(root=sys.argv[1])
for n in range(100_000):
    found = store.publish("item", pa.table({"n": [1000 + n]}))
    print(n, flush=True)
    Log(store).append(f"killed-{n}", "ab" * 32, [found])
"""


@pytest.mark.parametrize("after", [0, 3, 7, EVERY])
def test_killed_writer_leaves_a_readable_head(store: Store, after: int) -> None:
    log = three_commits(store)
    writer = subprocess.Popen([sys.executable, "-c", KILLED, store.root], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == after:
            os.kill(writer.pid, signal.SIGKILL)
            break
    writer.stdout.close()
    writer.wait()
    head = log.head()
    # None before it is lost, the commits under way are there or not; at most the last one's part and checkpoint are orphans.
    assert head is not None
    assert head.seq >= 2 + after
    assert log.verify() == []
    assert len(log.orphans()) <= 2
    assert log.append("next", "ab" * 32, [part(store, 1)]).seq == head.seq + 1
