"""The console: one SELECT over the ledger's tables, in a database that can reach nothing else.

Each statement gets a database of its own: only the files of the tables it names can be read, nothing can be written,
and nothing about that can be changed.
"""

import logging
import threading

import duckdb
import pyarrow as pa

from pipelines.audit.open import Ledger
from pipelines.ledger.database import Database
from schemas.errors import QueryRefused

log = logging.getLogger(__name__)

# Source: FAULTS.md 3.10, where these held 50 hostile statements.
MEMORY = "512MB"
THREADS = 2
# Statements that ask which tables there are: every table must be there for them.
LISTINGS = ("show", "information_schema", "duckdb_", "pg_catalog")


def query(ledger: Ledger, sql: str, *, limit: int = 1000, seconds: float = 10) -> pa.Table:
    """The answer to one SELECT, at most `limit` rows; `is_cut` tells whether there were more.

    DESCRIBE, SHOW and SUMMARIZE are SELECTs too.

    Raises:
        QueryRefused: it is not one SELECT, reads what is not the ledger's, is wrong, or needs too much time or memory; or
            the limit is below 0.
    """
    if limit < 0:
        raise QueryRefused(f"a limit of {limit} rows is none; give 0 (columns only) or more")
    log.info("audit console, commit %d: %s", ledger.commit.seq, sql)
    with Database(ledger.store, ledger.db.all_parts, spills=False) as db:
        _check(sql)
        _lock(db, sql)
        table = _answer(db, sql, limit + 1, seconds)
    cut = table.num_rows > limit
    said = {"limit": str(limit), "cut": "yes" if cut else "no"}
    return table.slice(0, limit).replace_schema_metadata(said)


def is_cut(answer: pa.Table) -> bool:
    """Whether an answer of `query` lacks rows because there were more than its limit."""
    return (answer.schema.metadata or {}).get(b"cut") == b"yes"


def _check(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefused(f"not a statement: {_first_line(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(one.type.name for one in statements) or "nothing"
        raise QueryRefused(f"the console takes one SELECT, this is {found}; tables: `headwater sql 'show tables'`")


def _lock(db: Database, sql: str) -> None:
    lists = any(word in sql.lower() for word in LISTINGS)
    names = db.prepare(" ".join(db.tables) if lists else sql)
    # Not allowed_directories: that one permits writes below it.
    db.connection.execute("SET allowed_paths = ?", [db.files(names)])
    db.connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = {THREADS}")
    db.connection.execute("SET enable_external_access = false")
    db.connection.execute("SET lock_configuration = true")


def _answer(db: Database, sql: str, rows: int, seconds: float) -> pa.Table:
    deadline = threading.Timer(seconds, db.connection.interrupt)
    deadline.start()
    try:
        answer = db.connection.sql(sql)
        if answer is None:
            raise QueryRefused("the statement gives no rows; the console takes one SELECT")
        return answer.limit(rows).to_arrow_table()
    except duckdb.InterruptException as error:
        raise QueryRefused(f"stopped after {seconds} s; ask for less, or raise the limit of seconds") from error
    except duckdb.OutOfMemoryException as error:
        raise QueryRefused(f"needs more than {MEMORY}; ask for less at once") from error
    except duckdb.Error as error:
        raise QueryRefused(_first_line(error)) from error
    finally:
        deadline.cancel()
        deadline.join()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
