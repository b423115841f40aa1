from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ledger.database import FEW_FILES, Database, among
from pipelines.ledger.row_groups import groups
from pipelines.store import Part, Store
from schemas.decision import DISPOSITION
from schemas.digest import sha256
from schemas.errors import LedgerError, StoreError
from tests.ledger import made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(root=str(tmp_path / "site"))


def test_table_without_a_part_is_empty(store: Store) -> None:
    with Database(store, []) as db:
        assert db.rows("SELECT * FROM disposition") == []


def test_column_that_a_part_lacks_is_null(store: Store) -> None:
    old = made.tables()["disposition"].drop_columns(["successor_id"])
    with Database(store, [store.publish("disposition", old)]) as db:
        rows = db.rows("SELECT DISTINCT successor_id FROM disposition")
    assert rows == [{"successor_id": None}]


def test_site_path_with_wildcards_reads_only_itself(tmp_path: Path) -> None:
    """Read as a pattern, the first folder's name is that of the second."""
    store, other = Store(root=str(tmp_path / "we[i]rd*'s?")), Store(root=str(tmp_path / "weird 's!"))
    (part,) = made.publish(store, made.tables())["disposition"]
    (empty,) = made.publish(other, {"disposition": made.tables()["disposition"].slice(0, 0)})["disposition"]
    other.put(part.path, other.read(empty.path))
    with Database(store, [part]) as db:
        assert db.rows("SELECT count(*) AS n FROM disposition") == [{"n": len(made.DISPOSITIONS)}]


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    store = Store(root=str(tmp_path))
    (part,) = made.publish(store, made.tables())["disposition"]
    store.delete(part.path)
    with Database(store, [part]) as db, pytest.raises(LedgerError, match=part.path):
        db.rows("SELECT * FROM disposition")


def test_remote_store_gives_the_same_rows(store: Store, tmp_path: Path) -> None:
    class Remote(Store):
        is_local = False  # type: ignore[assignment]

    parts = [part for found in made.publish(store, made.tables()).values() for part in found]
    sql = "SELECT * FROM item JOIN capture USING (capture_id) LEFT JOIN signal_web USING (item_id) ORDER BY item_id"
    with Database(store, parts) as near, Database(Remote(root=store.root, cache=str(tmp_path / "cache")), parts) as far:
        assert far.rows(sql) == near.rows(sql)


def test_remote_part_that_was_changed_is_named_and_not_kept(store: Store, tmp_path: Path) -> None:
    class Remote(Store):
        is_local = False  # type: ignore[assignment]

    (part,) = made.publish(store, made.tables())["disposition"]
    whole = store.read(part.path)
    store.put(part.path, whole[:-1] + b"x")
    far = Remote(root=store.root, cache=str(tmp_path / "cache"))
    with Database(far, [part]) as db, pytest.raises(StoreError, match=f"{part.path} .* was changed"):
        db.rows("SELECT * FROM disposition")
    store.put(part.path, whole)
    with Database(far, [part]) as db:
        assert db.rows("SELECT count(*) AS n FROM disposition") == [{"n": len(made.DISPOSITIONS)}]


ROWS = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.text(max_size=2))), max_size=9),
    max_size=FEW_FILES + 1,
)


@settings(max_examples=40)
@given(files=ROWS, asked=st.sets(st.integers(0, 12)), is_sorted=st.booleans(), has_blooms=st.booleans())
def test_what_is_found_is_what_a_statement_finds(tmp_path_factory, files, asked, is_sorted, has_blooms):
    """Whatever files the rows lie in, sorted or not, with Bloom filters of two sizes or none, in groups of three."""
    store = Store(root=str(tmp_path_factory.mktemp("find")))
    parts = []
    for n, rows in enumerate(files):
        told = [{"item_id": sha256(b"%d" % i), "lane": "web", "state": "kept", "stage": said} for i, said in rows]
        table = pa.Table.from_pylist(told, DISPOSITION)
        path = f"parts/disposition/{n}.parquet"
        store.local(path).parent.mkdir(parents=True, exist_ok=True)
        blooms = {"item_id": {"ndv": 3, "fpp": 0.01}, "stage": {"ndv": 300, "fpp": 0.01}} if has_blooms else {}
        rows_of = table.sort_by("item_id") if is_sorted else table
        pq.write_table(rows_of, store.local(path), row_group_size=3, bloom_filter_options=blooms)
        parts.append(Part(table="disposition", path=path, sha256="", rows=len(rows), bytes=0))
    ids = [sha256(b"%d" % i) for i in asked]
    with Database(store, parts) as db:
        by_id = db.rows(f"SELECT DISTINCT * FROM disposition WHERE {among('item_id', ids)}")
        assert sorted(map(repr, db.find("disposition", "item_id", ids))) == sorted(map(repr, by_id))
        texts = {said for rows in files for _, said in rows if said is not None} & {"", "a", *(map(str, asked))} | {"b"}
        for begins, sql in ((False, "stage = $one"), (True, "starts_with(stage, $one)")):
            for one in sorted(texts):
                by_text = db.rows(f"SELECT DISTINCT item_id, stage FROM disposition WHERE {sql}", {"one": one})
                found = db.find("disposition", "stage", [one], begins=begins, columns=["item_id", "stage"])
                assert sorted(map(repr, found)) == sorted(map(repr, by_text))
        for one in ids:
            found = db.find("disposition", "item_id", [one[:2]], begins=True)
            assert {row["item_id"] for row in found} == {row["item_id"] for row in by_id if row["item_id"] == one}
        assert db.has("disposition", "lane", ["web"]) is any(files)
        assert not db.has("disposition", "lane", ["web", "image"])
        every = db.rows("SELECT DISTINCT * FROM disposition")
        assert sorted(map(repr, db.find("disposition"))) == sorted(map(repr, every))


def test_a_damaged_file_is_an_error_where_rows_are_found_too(tmp_path: Path) -> None:
    store = Store(root=str(tmp_path))
    (part,) = made.publish(store, made.tables())["disposition"]
    store.put(part.path, store.read(part.path)[:-9])
    with Database(store, [part]) as db, pytest.raises(LedgerError, match="cannot be read"):
        db.find("disposition", "item_id", [made.child("kept")])


def test_bloom_filters_leave_the_row_group_that_holds_an_id(tmp_path: Path) -> None:
    ids = [sha256(b"%d" % i) for i in range(300)]
    path = tmp_path / "items.parquet"
    table = pa.table({"item_id": pa.array(ids, pa.binary(32))})
    pq.write_table(table, path, row_group_size=3, bloom_filter_options={"item_id": {"ndv": 3, "fpp": 0.01}})
    left = [groups(path, pq.read_metadata(path), "item_id", [one]) for one in ids]
    assert all(i // 3 in found for i, found in enumerate(left))
    # One in a hundred is let through by mistake; statistics alone leave every second group.
    assert sum(map(len, left)) < 5 * len(ids)
