"""The program that reads Parquet tables: `python -m pipelines.capture.parquet_child`, started by `pipelines.child` alone.

A request row is `path`, `group` (of rows; -1 asks for the shape of the file), `start` (in the group), `most` (rows) and `media`
(names of columns that may hold pictures or sound). It answers with the rows from `start` on, as many as make a slice.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.child import RowFailed, serve
from schemas.reasons import Reason

RESULT = pa.schema(
    [
        pa.field("groups", pa.list_(pa.int64())),  # rows of each group; for -1
        pa.field(
            "rows",
            pa.list_(
                pa.struct(
                    [
                        pa.field("values", pa.string()),  # JSON object of the columns that are no media
                        pa.field("media", pa.large_binary()),  # null where the row has none
                        pa.field("media_name", pa.string()),
                    ]
                )
            ),
        ),
    ]
)

_SLICE_BYTES = 16 << 20  # Chosen: as much as the child sends at once (pipelines.child.CHUNK_BYTES)


def read_slice(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one request.

    Raises:
        RowFailed: the file is no Parquet, or damaged.
    """
    try:
        table = _opened(row["path"])
        if row["group"] < 0:
            return {"groups": [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)]}
        batch = _batch(table, row["group"], row["start"], row["most"])
    except MemoryError:
        raise  # Arrow's own is both
    except (pa.ArrowException, OSError) as error:
        raise RowFailed(Reason.NOT_DECODABLE, f"no Parquet: {error}") from error
    return {"rows": list(_rows(batch, row["media"]))}


@lru_cache(maxsize=1)
def _opened(path: str) -> pq.ParquetFile:
    # Buffered: a column of pictures is not read into memory a whole row group at a time.
    return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)


class _Place:
    """Where the last slice ended, so that the next one goes on from there."""

    key: tuple[int, int, int] | None = None
    batches: Iterator[pa.RecordBatch] = iter(())


_place = _Place()


def _batch(table: pq.ParquetFile, group: int, start: int, most: int) -> pa.RecordBatch:
    """The rows of a group from `start` on: as many as its size says make a slice, which values that repeat may exceed."""
    about, skipped = table.metadata.row_group(group), 0
    rows = max(1, min(most, _SLICE_BYTES * about.num_rows // max(1, about.total_byte_size)))
    if _place.key != (group, start, most):
        _place.batches, skipped = table.iter_batches(batch_size=rows, row_groups=[group], use_threads=False), start
    batch = next(_place.batches)
    while skipped >= len(batch):
        skipped -= len(batch)
        batch = next(_place.batches)
    batch = batch.slice(skipped)
    _place.key = (group, start + len(batch), most)
    return batch


def _rows(batch: pa.RecordBatch, media: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    column = _media_column(batch.schema, media)
    values = batch.drop_columns([column] if column else [])
    keep = [name for name in values.schema.names if not _is_bytes(values.schema.field(name).type)]
    found = batch.column(column).to_pylist() if column else [None] * len(batch)
    for row, held in zip(values.select(keep).to_pylist(), found, strict=True):
        data, name = (held.get("bytes"), held.get("path")) if isinstance(held, dict) else (held, None)
        yield {"values": json.dumps(row, default=str), "media": data, "media_name": name}


def _media_column(schema: pa.Schema, media: Sequence[str]) -> str | None:
    """The first column that holds files: a struct of bytes and path, or bytes under one of the names."""
    for field in schema:
        is_named, kind = field.name in media, field.type
        if pa.types.is_struct(kind) and (at := kind.get_field_index("bytes")) >= 0:
            is_named, kind = True, kind.field(at).type
        if is_named and _is_bytes(kind):
            return str(field.name)
    return None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


if __name__ == "__main__":
    serve(read_slice, RESULT)
