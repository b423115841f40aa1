"""How verbs print: JSON for machines, tables and lines for people."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from schemas.digest import plain

if TYPE_CHECKING:
    import pyarrow as pa


def as_json(value: object) -> None:
    """One JSON value on one line. Bytes are hex, times RFC 3339 in UTC."""
    print(json.dumps(value, default=_plain, ensure_ascii=False))


def as_csv(found: "pa.Table") -> None:
    """A table as CSV with a head line: bytes are hex, times RFC 3339 in UTC, lists JSON, nulls empty."""
    writer = csv.writer(sys.stdout)
    writer.writerow(found.column_names)
    for row in found.to_pylist():
        writer.writerow(
            json.dumps(value, default=_plain)
            if isinstance(value, list | dict)
            else ""
            if value is None
            else _flat(value)
            for value in row.values()
        )


def _flat(value: object) -> object:
    return plain(value) if isinstance(value, bytes | datetime) else value


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, bytes | datetime) else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on the terminal, numbers to the right."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], int | float) for row in rows)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(escape(_cell(value)) for value in row))  # "[models]" is no markup
    # Not a terminal (a file, CI): wide enough that no row is cut.
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(shown)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value.hex() if isinstance(value, bytes) else str(value)


def lines(value: Mapping[str, Any], indent: int = 0) -> None:
    """A nested value as indented `key: value` lines; empty parts say so."""
    pad = "  " * indent
    for key, entry in value.items():
        if isinstance(entry, Mapping) and entry:
            print(f"{pad}{key}:")
            lines(entry, indent + 1)
        elif isinstance(entry, list) and entry and isinstance(entry[0], Mapping):
            for i, part in enumerate(entry, 1):
                print(f"{pad}{key} {i}:")
                lines(part, indent + 1)
        elif entry not in (None, [], {}):
            print(f"{pad}{key}: {entry.hex() if isinstance(entry, bytes) else entry}")
