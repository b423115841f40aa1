"""The store: two ways to write, whole or not at all; what is told when it cannot."""

import resource
from contextlib import contextmanager

import pytest

from pipelines.store import Store
from schemas.errors import SiteError, StoreError


class Remote(Store):
    is_local = False


@pytest.fixture(params=[Store, Remote], ids=["local", "through obstore"])
def store(request, tmp_path):
    return request.param(root=str(tmp_path / "store"), cache=str(tmp_path / "cache"))


@contextmanager
def full_disk(size_bytes):
    """No file of this process grows beyond this size: a write then fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_first_writer_of_a_file_wins(store):
    assert store.create("a/b/one.json", b"first")
    assert not store.create("a/b/one.json", b"second")
    assert store.read("a/b/one.json") == b"first"


def test_put_writes_over_what_was_there_from_bytes_or_from_a_file(store, tmp_path):
    store.put("parts/x", b"old")
    (tmp_path / "new").write_bytes(b"new" * 1_000_000)
    store.put("parts/x", tmp_path / "new")
    assert store.read("parts/x") == b"new" * 1_000_000
    assert store.read_range("parts/x", 3, 6) == b"newnew"
    store.put("parts/x", b"")
    assert store.read("parts/x") == b""


def test_nothing_but_what_was_written_lies_there(store, tmp_path):
    store.create("b/2", b"")
    store.create("b/2", b"")
    store.put("b/1", b"")
    assert list(store.list("b")) == ["b/1", "b/2"]
    assert sorted(path.name for path in (tmp_path / "store" / "b").iterdir()) == ["1", "2"]


def test_what_a_killed_writer_left_is_not_listed_and_stands_in_nobodys_way(tmp_path):
    store = Store(root=str(tmp_path))
    store.put("parts/x", b"")
    (tmp_path / "parts" / "y#17").write_bytes(b"half")
    assert list(store.list("parts")) == ["parts/x"]
    assert store.create("parts/y", b"whole")


def test_a_missing_file_is_told_apart_from_a_store_that_cannot_be_read(store, tmp_path):
    store.put("there", b"")
    with pytest.raises(FileNotFoundError):
        store.read("missing")
    assert not store.exists("missing")
    (tmp_path / "store" / "folder").mkdir()
    with pytest.raises(StoreError, match=r"there/below in the store .* cannot be written: "):
        store.put("there/below", b"")


def test_a_full_disk_names_the_file_and_leaves_nothing_of_it(tmp_path):
    store = Store(root=str(tmp_path))
    store.put("parts/small", b"x")
    with full_disk(1000):
        store.put("parts/fits", b"x" * 1000)
        with pytest.raises(
            StoreError, match=r"parts/large in the store .* cannot be written: File too large; make room"
        ):
            store.put("parts/large", b"x" * 1001)
        with pytest.raises(StoreError, match="ledger/one"):
            store.create("ledger/one", b"x" * 1001)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["fits", "small"]


def test_a_file_where_the_store_should_be_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SiteError, match="cannot be opened"):
        Store(root=str(tmp_path / "file")).read("x")
