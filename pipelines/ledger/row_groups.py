"""Row groups of Parquet files: those whose statistics leave room for a value, and the rows in them that hold it."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def matching(
    file: pq.ParquetFile, group: int, column: str | None, ids: Sequence[Any], begins: bool, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows of a row group whose column is one of these ids; all of them without a column."""
    wanted = [name for name in file.schema_arrow.names if name in columns] if columns else None
    if column is None:
        return file.read_row_group(group, columns=wanted, use_threads=False).to_pylist()  # type: ignore[no-any-return]
    keys = file.read_row_group(group, columns=[column], use_threads=False).column(column)
    mask = _begin(keys, ids) if begins else pc.is_in(keys, value_set=pa.array(ids, keys.type))
    if not pc.any(mask).as_py():
        return []
    return file.read_row_group(group, columns=wanted, use_threads=False).filter(mask).to_pylist()  # type: ignore[no-any-return]


def _begin(keys: pa.ChunkedArray, beginnings: Sequence[bytes | str]) -> pa.ChunkedArray:
    """Whether each key begins with one of these."""
    keys = keys.cast(pa.binary()) if pa.types.is_fixed_size_binary(keys.type) else keys
    return reduce(pc.or_, (pc.starts_with(keys, one) for one in beginnings))


def groups(meta: pq.FileMetaData, known: Mapping[str, Sequence[bytes | str]], begins: bool = False) -> list[int]:
    """The row groups whose statistics leave room for one of the values, ascending, of each of these columns."""
    found = list(range(meta.num_row_groups))
    for column, values in known.items():
        at = next((n for n in range(meta.num_columns) if meta.schema.column(n).path == column), None)
        found = [
            group for group in found if at is not None and _may_hold(meta.row_group(group).column(at), values, begins)
        ]
    return found


def _may_hold(chunk: pq.ColumnChunkMetaData, values: Sequence[Any], begins: bool) -> bool:
    said = chunk.statistics
    if said is None or not said.has_min_max:
        return True
    first = bisect_left(values, said.min)
    if first < len(values) and values[first] <= said.max:
        return True
    return begins and any(said.min.startswith(one) for one in values)
