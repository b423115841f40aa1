"""Row groups of Parquet files: those whose statistics and Bloom filters leave room for a value, and the rows in them that hold it."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from struct import unpack
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from xxhash import xxh64_intdigest

# Source: the Parquet format's page on Bloom filters, split block: a block is eight words, in each of which a value sets one bit.
_BLOCK = 32  # bytes
_SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)


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


def groups(
    path: Path, meta: pq.FileMetaData, column: str | None, values: Sequence[Any], *, begins: bool = False
) -> list[int]:
    """The row groups of a file that may hold one of these values, ascending; all without a column. `begins`: or what begins with one."""
    every = range(meta.num_row_groups)
    if column is None:
        return list(every)
    at = next((n for n in range(meta.num_columns) if meta.schema.column(n).path == column), None)
    if at is None:
        return []
    chunks = {group: meta.row_group(group).column(at) for group in every}
    found = [group for group, chunk in chunks.items() if _may_hold(chunk, values, begins)]
    if begins or not found:
        return found
    hashes = [xxh64_intdigest(one.encode() if isinstance(one, str) else one) for one in values]
    with path.open("rb", buffering=0) as file:
        return [group for group in found if _may_have_seen(file, chunks[group], hashes)]


def _may_have_seen(file: BinaryIO, chunk: pq.ColumnChunkMetaData, hashes: Iterable[int]) -> bool:
    """False where the Bloom filter of the column says that it holds none of the values of these hashes."""
    if chunk.bloom_filter_offset is None or chunk.bloom_filter_length is None:
        return True
    size = 1 << (chunk.bloom_filter_length.bit_length() - 1)  # a power of two, behind a header shorter than it
    start = chunk.bloom_filter_offset + chunk.bloom_filter_length - size
    for one in hashes:
        file.seek(start + ((one >> 32) * (size // _BLOCK) >> 32) * _BLOCK)
        words = unpack("<8I", file.read(_BLOCK))
        if all(word >> ((one * salt & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, _SALTS, strict=True)):
            return True
    return False


def _may_hold(chunk: pq.ColumnChunkMetaData, values: Sequence[Any], begins: bool) -> bool:
    said = chunk.statistics
    if said is None or not said.has_min_max:
        return True
    first = bisect_left(values, said.min)
    if first < len(values) and values[first] <= said.max:
        return True
    return begins and any(said.min.startswith(one) for one in values)
