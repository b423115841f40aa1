"""Releases, shards and placements: where an item lies in what was published."""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID

SHARDSET_VERSION = 1


class Split(StrEnum):
    """The part of a release an item is published in."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


RELEASE = pa.schema(
    [
        pa.field("release", pa.string(), nullable=False),  # <recipe name>-<first 12 hex of the set root>
        pa.field("set_root", ID, nullable=False),  # Merkle root over the SHA256SUMS lines of all lanes
        pa.field("recipe_digest", ID, nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)

SHARD = pa.schema(
    [
        pa.field("shard_id", ID, nullable=False),  # digest of the ordered item ids
        pa.field("release", pa.string(), nullable=False),
        pa.field("lane", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # Split
        pa.field("path", pa.string(), nullable=False),  # relative to the release: <lane>/data/train-000000.tar
        pa.field("sha256", ID, nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("samples", pa.int64(), nullable=False),
    ]
)

PLACEMENT = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("release", pa.string(), nullable=False),
        pa.field("shard_id", ID, nullable=False),
        pa.field("key", pa.string(), nullable=False),  # sample key: first 32 hex of item_id
        pa.field("ordinal", pa.int32(), nullable=False),  # place in the shard, from 0
        pa.field("offset", pa.int64(), nullable=False),  # byte of the sample's first tar header
        pa.field("length", pa.int64(), nullable=False),  # bytes of all its members with headers and padding
    ]
)
