"""Children of roots: the columns that every split fills alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.stage import Stage
from schemas.item import child_id, item_schema

_INHERITED = ("capture_id", "source", "licence")


def children(
    stage: Stage,
    parents: pa.RecordBatch,
    *,
    facts: pa.StructArray,
    content_sha256: Sequence[bytes],
    columns: Mapping[str, Any],
    ordinals: Sequence[int] | None = None,
) -> pa.RecordBatch:
    """One child a row of `parents` (a root stands there once for each of its children).

    `columns` are `modality`, `media_type`, `text`, and where the lane has them `language`, `payload`, `text_capture_id`
    and `media` (large_binary: converted payload bytes, null where the payload is as captured); a scalar stands for all rows.
    Capture, source and licence are the parent's. `ordinals`: place among siblings, 0 without.
    """
    n = len(parents)
    ids = zip(parents.column("item_id").to_pylist(), ordinals or [0] * n, content_sha256, strict=True)
    found: dict[str, Any] = {name: parents.column(name) for name in _INHERITED} | dict(columns)
    found |= {
        "item_id": [child_id(parent, stage.op_id, ordinal, digest) for parent, ordinal, digest in ids],
        "parent_id": parents.column("item_id"),
        "content_sha256": list(content_sha256),
        "facts": facts,
    }
    schema = item_schema(facts.type)
    if "media" in found:
        schema = schema.append(pa.field("media", pa.large_binary()))
    return pa.RecordBatch.from_arrays([_array(found.get(f.name), f.type, n) for f in schema], schema=schema)


def _array(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values.cast(kind)
    if values is None or isinstance(values, str):
        return pa.array([values] * rows, kind)
    return pa.array(values, kind)
