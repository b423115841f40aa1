"""A store in a bucket: one of two writers wins, files are read in parts, kept in a cache, and no secret leaves the process."""

import pickle
import threading
from dataclasses import replace

import pyarrow as pa
import pytest

from pipelines.capture.stored import open_stored
from pipelines.ledger.log import Log
from schemas.errors import StoreError
from tests.bucket.server import PAGE


def test_the_first_writer_of_a_file_in_a_bucket_wins(store):
    assert store.create("a/x", b"first")
    assert not store.create("a/x", b"second")
    assert store.read("a/x") == b"first"


def test_files_of_a_bucket_are_read_in_ranges_listed_in_pages_and_told_apart_from_missing_ones(store):
    names = [f"l/{number:03d}" for number in range(2 * PAGE + 1)]
    for name in names:
        store.put(name, name.encode())
    assert list(store.list("l")) == names
    assert (store.read_range("l/007", 2, 3), store.length("l/007")) == (b"007", 5)
    with open_stored(store, "l/007", 5) as stream:
        stream.seek(3)
        assert stream.read() == b"07"
    assert not store.exists("l/none")
    with pytest.raises(FileNotFoundError):
        store.read("l/none")


def test_large_files_go_up_in_parts_and_come_down_whole(store, held, tmp_path):
    (tmp_path / "large").write_bytes(b"0123456789abcdef" * (1 << 20))
    store.put("large", tmp_path / "large")
    assert [name for method, name in held.requests if method == "POST"] == ["pre/large"] * 2
    with store.lent("large") as copy:
        assert copy.read_bytes() == (tmp_path / "large").read_bytes()
    assert not copy.exists()


def test_a_file_that_never_changes_is_fetched_once_and_forgotten_when_it_is_deleted(store, held):
    store.put("parts/x", b"1")
    assert store.near("parts/x").read_bytes() == store.near("parts/x").read_bytes() == b"1"
    assert held.requests.count(("GET", "pre/parts/x")) == 1
    store.delete("parts/x")
    with pytest.raises(FileNotFoundError):
        store.near("parts/x")


def test_a_name_that_leads_out_of_the_cache_is_refused(store, held):
    held.files["pre/releases/r/../../../../evil"] = b"x"
    with pytest.raises(StoreError, match="cannot be listed"):
        store.near_folder("releases/r")


def test_no_secret_is_in_what_is_sent_to_workers(store):
    store.put("x", b"")  # the client is open now
    sent = pickle.dumps(store)
    assert b"hidden" not in sent
    assert pickle.loads(sent).read("x") == b""


def test_of_concurrent_committers_none_is_lost(store):
    together = threading.Barrier(3)

    def commit(name):
        mine = replace(store)  # a client of its own
        together.wait()
        for number in range(4):
            part = mine.publish("op", pa.table({"run": [f"{name}{number}"]}))
            Log(mine).append(f"{name}{number}", "00", [part])

    threads = [threading.Thread(target=commit, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits = list(Log(store).commits())
    assert [one.seq for one in commits] == list(range(12))
    assert sorted(one.run for one in commits) == sorted(f"{name}{number}" for name in "abc" for number in range(4))
    assert Log(store).verify() == []
