"""The tables of a commit as a DuckDB database in memory: a view a table, made when a statement first names it."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ledger.checkpoint import LOG
from pipelines.ledger.row_groups import groups, matching
from pipelines.store import Part, Store
from schemas.capture import CAPTURE
from schemas.errors import LedgerError
from schemas.tables import TABLES

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # DuckDB fetches extensions from the network when a statement seems to need one, unless told not to.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # A table name that is unknown would be looked up among the variables of the calling Python code.
    "python_enable_replacements": False,
}


_CAPTURE = ("capture_place", "capture_fact")  # what the view `capture` joins

# Chosen: reading so few rows again costs more than keeping them (5 ms of CPU a statement).
SMALL = 2_000
FEW_FILES = 4  # Chosen: opening a file costs 1 ms of CPU
FEW_GROUPS = 16  # Chosen: looking through a row group costs 0.2 ms of CPU, a statement and its view 5 to 15
# Chosen: up to here a list of constants is a quicker look-up than a join (7 against 14 ms of CPU in a million rows), and no longer to plan.
CONSTANTS = 64


def among(column: str, ids: Sequence[bytes | str]) -> str:
    """SQL: the column is one of these. As constants where they are few, so that DuckDB skips row groups by their Bloom filters."""
    listed = ", ".join(map(_constant, ids))
    if not ids:
        return "false"
    return f"{column} IN ({listed})" if len(ids) <= CONSTANTS else f"{column} IN (SELECT unnest([{listed}]))"


def _beginning(column: str, beginnings: Sequence[bytes | str]) -> str:
    """SQL: the column begins with one of these. A range each, which skips row groups."""
    ends = [one + chr(0x10FFFF) if isinstance(one, str) else one + b"\xff" * 32 for one in beginnings]
    ranges = (
        f"({column} BETWEEN {_constant(one)} AND {_constant(end)})" for one, end in zip(beginnings, ends, strict=True)
    )
    return f"({' OR '.join(ranges)})"


class Database:
    """The rows that some parts hold, by table. A table without parts is there and empty.

    `spills`: whether answers larger than memory may go to a folder of the system's temporary one.
    """

    def __init__(self, store: Store, parts: Iterable[Part], *, spills: bool = True) -> None:
        self._store = store
        self._parts: dict[str, list[Part]] = {name: [] for name in TABLES}
        for part in parts:
            if part.table != LOG:
                self._parts.setdefault(part.table, []).append(part)
        self._made: set[str] = set()
        self._files: dict[str, pq.ParquetFile] = {}
        spill = Path(tempfile.gettempdir()) / f"headwater-{os.getpid()}"
        self.connection = duckdb.connect(":memory:", config=CONFIG | {"temp_directory": str(spill) if spills else ""})
        # Files never change, so what DuckDB read of one's structure holds.
        self.connection.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory. The database cannot be asked any more."""
        for file in self._files.values():
            file.close()
        self.connection.close()

    @property
    def tables(self) -> list[str]:
        """Names of all tables, sorted."""
        return sorted(self._parts)

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The files that all tables stand on."""
        return tuple(part for name in self.tables for part in self._parts[name])

    def parts(self, name: str) -> tuple[Part, ...]:
        """The files that a table stands on."""
        return tuple(self._parts.get(name, ()))

    def count(self, name: str) -> int:
        """Rows of a table, the same one twice counted twice. Costs nothing: the commit says it."""
        return sum(part.rows for part in self._parts.get(name, ()))

    def once(self, name: str) -> str:
        """SQL: every row of `item` or `source`, once. Two archives may hold one record, so parts may repeat a row."""
        # The balance lets no item be without exactly one disposition, so where there are as many rows as those, none is there twice.
        is_once = name == "item" and self.count("item") == self.count("disposition")
        return f"SELECT {'' if is_once else 'DISTINCT '}* FROM {name}"

    def files(self, names: Iterable[str]) -> list[str]:
        """Local files behind these tables, each also in the spelling DuckDB reads them by; of a remote store, copies in its cache."""
        local = [str(self._near(part)) for name in names for part in self._parts[name]]
        return sorted({spelling for path in local for spelling in (path, _literal(path))})

    def _near(self, part: Part) -> Path:
        try:
            return self._store.near(part.path, part.sha256)
        except FileNotFoundError:
            raise _unreadable(f"{part.path} is not in {self._store.root}") from None

    def table(self, sql: str, parameters: Parameters = ()) -> pa.Table:
        """The answer to one statement; `?` stands for the parameters in order, `$name` for one of a mapping.

        Raises:
            LedgerError: a file that the tables stand on is missing or unreadable.
        """
        self.prepare(sql)
        try:
            values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
            return self.connection.sql(sql, params=values).to_arrow_table()
        except duckdb.IOException as error:
            raise _unreadable(error) from error

    def stream(self, sql: str, parameters: Parameters = (), *, rows: int = 1000) -> Iterator[dict[str, Any]]:
        """The answer to one statement, a dict a row, of which so many are held at a time; other statements may be asked meanwhile.

        Raises:
            LedgerError: a file that the tables stand on is missing or unreadable.
        """
        self.prepare(sql)
        with self.connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            try:
                values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
                for batch in cursor.sql(sql, params=values).to_arrow_reader(rows):
                    yield from batch.to_pylist()
            except duckdb.IOException as error:
                raise _unreadable(error) from error

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """The answer to one statement, a dict a row. Raises LedgerError."""
        return self.table(sql, parameters).to_pylist()  # type: ignore[no-any-return]

    def find(
        self,
        name: str,
        column: str | None = None,
        ids: Iterable[bytes | str] = (),
        *,
        begins: bool = False,
        columns: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """The rows of a table whose `column` is one of these ids, or all without a column; each once, in no order.

        Where statistics and Bloom filters leave few row groups, as in small tables and for ids in compacted ones, those are read, in a third
        of the time of a statement; else it is a statement.

        Args:
            name: of the table.
            column: with ids or texts.
            ids: what is looked for.
            begins: a column that only begins with one of them is found too.
            columns: of the rows; all if empty.

        Raises:
            LedgerError: a file of the table is missing or unreadable.
        """
        wanted = sorted(set(ids))  # all bytes or all text
        if column is not None and not wanted:
            return []
        nothing = dict.fromkeys(columns or (TABLES[name].names if name in TABLES else ()))
        found: dict[str, dict[str, Any]] = {}
        try:
            places = self._places(name, column, wanted, begins)
            if places is None:
                select = ", ".join(f'"{one}"' for one in columns) or "*"
                where = (_beginning if begins else among)(column, wanted) if column else "true"
                return self.rows(f'SELECT DISTINCT {select} FROM "{name}" WHERE {where}')
            for file, group in places:
                for row in matching(file, group, column, wanted, begins, columns):
                    found[repr(row)] = nothing | row
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(error) from error
        return list(found.values())

    def has(self, name: str, column: str, values: Iterable[str]) -> bool:
        """Whether each of these values is in a column. Reads it only up to where the last of them is seen. Raises LedgerError."""
        missing = set(values)
        try:
            for part in self._parts.get(name, ()):
                file = self._file(part)
                for group in groups(self._near(part), file.metadata, column, sorted(missing)):
                    missing -= set(file.read_row_group(group, columns=[column]).column(column).unique().to_pylist())
                    if not missing:
                        return True
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(error) from error
        return not missing

    def _places(
        self, name: str, column: str | None, values: Sequence[bytes | str], begins: bool
    ) -> list[tuple[pq.ParquetFile, int]] | None:
        """The row groups, by file, that may hold rows of these values; null where they are too many to look through."""
        parts = self._parts.get(name, ())
        if len(parts) > FEW_FILES:
            return None
        found = []
        for part in parts:
            file = self._file(part)
            found += [(file, one) for one in groups(self._near(part), file.metadata, column, values, begins=begins)]
        return found if column is None or len(found) <= FEW_GROUPS else None

    def _file(self, part: Part) -> pq.ParquetFile:
        if part.path not in self._files:
            self._files[part.path] = pq.ParquetFile(self._near(part))
        return self._files[part.path]

    def prepare(self, sql: str) -> set[str]:
        """The tables that a statement may name, now views. Raises LedgerError."""
        # Every word counts: a view too many costs a millisecond, and no parser has to agree with DuckDB's.
        named = set(re.findall(r"\w+", sql.lower())) & self._parts.keys()
        named |= set(_CAPTURE) if "capture" in named else set()
        for name in sorted(named - self._made, reverse=True):  # what `capture` joins before it
            self._make(name)
        return named

    def _make(self, name: str) -> None:
        parts, schema = self._parts[name], TABLES.get(name)
        sides, kind = [], "VIEW"
        if name == "capture":
            columns = ", ".join(CAPTURE.names)
            sides, schema = [f"SELECT {columns} FROM {_CAPTURE[0]} JOIN {_CAPTURE[1]} USING (capture_id)"], None
        if parts:
            files = ", ".join(_quoted(_literal(str(self._near(part)))) for part in parts)
            # By name: parts of one table may differ in columns, and without it DuckDB nulls some of them in silence.
            sides.append(f"SELECT * FROM read_parquet([{files}], union_by_name = true)")
            kind = "TABLE" if len(parts) == 1 and parts[0].rows <= SMALL else "VIEW"
        if schema is not None and not self._is_whole(parts, schema):
            # Gives columns that came into the schema after a part was written, as nulls.
            sides.append(f"SELECT {self._nulls(schema)} WHERE false")
        try:
            self.connection.execute(f'CREATE {kind} "{name}" AS {" UNION ALL BY NAME ".join(sides)}')
        except duckdb.ConnectionException:  # closed
            raise
        except duckdb.Error as error:  # of what kind depends on which bytes of a file are damaged
            raise _unreadable(error) from error
        self._made.add(name)

    def _is_whole(self, parts: Sequence[Part], schema: pa.Schema) -> bool:
        """Whether the table is one file with all columns of the schema: no plan need add nulls to it."""
        try:
            return len(parts) == 1 and {*schema.names} <= {*self._file(parts[0]).schema_arrow.names}
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(error) from error

    def _nulls(self, schema: pa.Schema) -> str:
        """A null of every column of the schema, as a select list."""
        empty = self.connection.from_arrow(schema.empty_table())
        return ", ".join(
            f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in zip(empty.columns, empty.types, strict=True)
        )


def _unreadable(error: Exception | str) -> LedgerError:
    what = str(error).partition("\n")[0]
    return LedgerError(f"a file of the ledger cannot be read: {what}; `headwater verify` names all damage")


def _literal(path: str) -> str:
    """The path as a DuckDB pattern that matches nothing else: `a[1].parquet` is `a[[]1].parquet`."""
    return re.sub(r"[\[*?]", r"[\g<0>]", path)


def _constant(value: bytes | str) -> str:
    return _quoted(value) if isinstance(value, str) else f"from_hex('{value.hex()}')"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
