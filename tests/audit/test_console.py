from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.console import is_cut, query
from pipelines.audit.open import Ledger
from pipelines.store import Store
from schemas.errors import QueryRefused
from schemas.tables import TABLES


def test_select_is_answered(ledger: Ledger) -> None:
    found = query(ledger, "SELECT state, count(*) AS n FROM disposition GROUP BY state ORDER BY n DESC, state LIMIT 2")
    assert found.to_pylist() == [{"state": "split", "n": 6}, {"state": "dropped", "n": 3}]
    assert not is_cut(found)


def test_answer_says_that_rows_were_cut(ledger: Ledger) -> None:
    found = query(ledger, "SELECT item_id FROM item ORDER BY item_id", limit=3)
    assert (found.num_rows, is_cut(found), found.schema.metadata) == (3, True, {b"limit": b"3", b"cut": b"yes"})
    assert not is_cut(query(ledger, "SELECT item_id FROM item", limit=15))


@pytest.mark.parametrize("sql", ["SHOW TABLES", "DESCRIBE item", "SUMMARIZE placement", "FROM release", "TABLE run",
                                 "WITH a AS (SELECT 1 AS b) SELECT * FROM a;", "VALUES (1)"])  # fmt: skip
def test_other_ways_to_ask_are_answered(ledger: Ledger, sql: str) -> None:
    assert query(ledger, sql).num_rows > 0


class Remote(Store):
    is_local = False  # type: ignore[assignment]


def test_remote_store_is_asked_the_same_way(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    far = Ledger(store=Remote(root=store.root, cache=str(tmp_path)), commit=ledger.commit, db=ledger.db)
    assert query(far, "SELECT count(*) AS n FROM item").to_pylist() == [{"n": 15}]


@pytest.mark.parametrize("kind", [Store, Remote])
def test_listing_names_the_tables_of_the_ledger_and_nothing_else(
    store: Store, ledger: Ledger, kind: type[Store], tmp_path: Path
) -> None:
    asked = Ledger(store=kind(root=store.root, cache=str(tmp_path)), commit=ledger.commit, db=ledger.db)
    found = query(asked, "SHOW TABLES").column("name").to_pylist()
    assert found == sorted({*TABLES, "signal_web"})


def test_limit_below_zero_is_refused(ledger: Ledger) -> None:
    with pytest.raises(QueryRefused, match="a limit of -1 rows"):
        query(ledger, "SELECT 1", limit=-1)
    assert query(ledger, "SELECT 1 AS one", limit=0).schema.names == ["one"]


REFUSED = [
    "", "-- nothing", "SELEC 1", "SELECT 1; SELECT 2", "SELECT 1; DROP VIEW item",
    "COPY (SELECT 1) TO '{out}/x.csv'", "COPY item TO '{part}'", "COPY item FROM '{part}'",
    "EXPORT DATABASE '{out}/x'", "IMPORT DATABASE '{out}'", "ATTACH '{out}/x.db'", "DETACH memory", "USE memory",
    "INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL httpfs FROM 'http://127.0.0.1:9/'",
    "CREATE TABLE t AS SELECT 1", "CREATE MACRO f() AS 1", "CREATE SECRET s (TYPE s3)", "CREATE TYPE e AS ENUM ('a')",
    "INSERT INTO item SELECT * FROM item", "DELETE FROM item", "UPDATE item SET lane = 'x'", "DROP VIEW item", "TRUNCATE item",
    "ALTER VIEW item RENAME TO x", "SET lock_configuration = false", "SET enable_external_access = true",
    "SET allowed_directories = ['/']", "RESET allowed_paths", "PRAGMA enable_profiling", "PRAGMA database_list",
    "CALL enable_logging()", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}/x.csv'", "PREPARE p AS SELECT 1", "EXECUTE p",
    "BEGIN", "CHECKPOINT", "VACUUM",
    "SELECT * FROM read_text('{secret}')", "SELECT * FROM read_blob('{secret}')", "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_json('{secret}')", "SELECT * FROM read_parquet('{other}')", "FROM '{secret}'", "FROM '{other}'",
    "SELECT * FROM parquet_metadata('{other}')", "SELECT * FROM sniff_csv('{secret}')", "SELECT * FROM glob('{out}/*')",
    "SELECT * FROM read_duckdb('{out}/x.db')", "SELECT * FROM query('COPY (SELECT 1) TO ''{out}/x.csv''')",
    "SELECT * FROM enable_logging(storage = 'file', storage_config = {{'path': '{out}/log'}})",
    "SELECT * FROM enable_profiling()", "SELECT * FROM duckdb_secrets()", "SELECT * FROM sqlite_scan('{out}/x', 't')",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')", "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "SELECT getenv('HOME')", "SELECT * FROM ledger", "SELECT * FROM arrow_scan(1, 2, 3)", "SELECT no_such_column FROM item",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 'a', 'b')", "SELECT load_extension('x')",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED)
def test_hostile_statement_is_refused_and_leaves_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    site = Path(ledger.store.root)
    part = next(one for one in ledger.commit.files if one.table == "item")
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "secret.csv").write_text("a,b\n1,2\n")
    pq.write_table(pa.table({"text": ["not in the ledger"]}), inside / "room.parquet")
    paths = {
        "out": outside,
        "secret": inside / "secret.csv",
        "other": inside / "room.parquet",
        "part": site / part.path,
    }
    monkeypatch.chdir(outside)
    before = sorted(site.rglob("*"))
    with pytest.raises(QueryRefused):
        query(ledger, sql.format(**paths))
    assert list(outside.iterdir()) == []
    assert sorted(site.rglob("*")) == before
    assert (site / part.path).stat().st_size == part.bytes


@pytest.mark.parametrize("sql", [
    "SELECT current_setting('allowed_directories')", "SELECT * FROM query('SELECT 1')", "SELECT * FROM checkpoint()",
    "SELECT write_log('x')", "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
])  # fmt: skip
def test_harmless_statement_leaves_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    query(ledger, sql)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", [
    "SELECT count(*) FROM range(1000000000000)",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1",
])  # fmt: skip
def test_endless_statement_is_stopped(ledger: Ledger, sql: str) -> None:
    with pytest.raises(QueryRefused, match=r"stopped after 0\.2 s"):
        query(ledger, sql, seconds=0.2)


def test_statement_that_needs_too_much_memory_is_stopped(ledger: Ledger) -> None:
    with pytest.raises(QueryRefused, match="needs more than 512MB"):
        query(ledger, "SELECT list(range) FROM range(200000000)")


def test_endless_answer_gives_its_first_rows(ledger: Ledger) -> None:
    found = query(ledger, "SELECT * FROM range(1000000000000)", limit=2)
    assert found.column("range").to_pylist() == [0, 1]
    assert is_cut(found)


def test_console_does_not_change_the_ledger(ledger: Ledger) -> None:
    query(ledger, "SELECT 1")
    assert ledger.db.rows("SELECT count(*) AS n FROM item") == [{"n": 15}]
