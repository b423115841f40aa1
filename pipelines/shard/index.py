"""Indexes of a lane for other readers, from its receipts and Parquet rows: sizes.json (open_clip), wids, energon.

Pure but for `write_sqlite`: contents come back by path. The energon files are those `energon prepare` 7.4.1 makes.
"""

import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from pipelines.shard.files import side_json, yaml
from pipelines.shard.writer import ShardReceipt
from schemas.digest import digest, merkle_root
from schemas.errors import ShardError, StoreError
from schemas.shard import Split

# energon asks for the parts of a set by these names.
ENERGON_SPLITS = {Split.TRAIN: "train", Split.VALIDATION: "val", Split.TEST: "test"}
SQLITE = ".nv-meta/index.sqlite"
_TABLES = """
    CREATE TABLE samples (tar_file_id INTEGER NOT NULL, sample_key TEXT NOT NULL UNIQUE, sample_index INTEGER NOT NULL,
        byte_offset INTEGER, byte_size INTEGER);
    CREATE TABLE sample_parts (tar_file_id INTEGER, sample_index INTEGER, part_name TEXT, content_byte_offset INTEGER,
        content_byte_size INTEGER);
"""
_INDEXES = """
    CREATE INDEX idx_samples_by_tar_and_idx ON samples(tar_file_id, sample_index);
    CREATE INDEX idx_sample_parts_seq ON sample_parts(tar_file_id, sample_index, content_byte_offset);
    CREATE INDEX idx_sample_parts_full ON sample_parts(tar_file_id, sample_index, part_name, content_byte_offset,
        content_byte_size);
"""
# Source: sqlite.org/fileformat2.html, 1.3: where the header names the version of the library that wrote it.
_SQLITE_VERSION_OFFSET = 96


def ordered(receipts: Iterable[ShardReceipt]) -> list[ShardReceipt]:
    """Receipts in the order of a set: train, validation, test, each by number."""
    splits = list(Split)
    return sorted(receipts, key=lambda receipt: (splits.index(Split(receipt.split)), receipt.path))


def shard_root(receipts: Iterable[ShardReceipt]) -> bytes:
    """The Merkle root over the digests of a lane's tars, in the order of the set."""
    return merkle_root(bytes.fromhex(receipt.sha256) for receipt in ordered(receipts))


def index_files(receipts: Sequence[ShardReceipt]) -> dict[str, bytes]:
    """data/sizes.json, index/wids-{split}.json and .nv-meta without its sqlite index; content by path."""
    shards = ordered(receipts)
    files = {"data/sizes.json": side_json({receipt.path.removeprefix("data/"): receipt.bytes for receipt in shards})}
    for split in Split:
        if mine := [receipt for receipt in shards if receipt.split == split]:
            files[f"index/wids-{split}.json"] = _wids(mine)
    return files | _energon(shards)


def _wids(shards: Sequence[ShardReceipt]) -> bytes:
    # Without `base` a reader resolves `../data/` beside the index file, wherever the release lies.
    return side_json(
        {
            "__kind__": "wids-shard-index-v1",
            "shardlist": [
                {"filesize": r.bytes, "md5sum": r.md5, "nsamples": r.nsamples, "url": f"../{r.path}"} for r in shards
            ],
            "wids_version": 1,
        }
    )


def _energon(shards: Sequence[ShardReceipt]) -> dict[str, bytes]:
    splits = {name: [r.path for r in shards if r.split == split] for split, name in ENERGON_SPLITS.items()}
    return {
        ".nv-meta/.info.json": side_json({"shard_counts": {receipt.path: receipt.nsamples for receipt in shards}}),
        ".nv-meta/dataset.yaml": yaml({"__module__": "megatron.energon", "__class__": "CrudeWebdataset"}).encode(),
        ".nv-meta/index.uuid": str(_uuid(digest("energon", shard_root(shards)))).encode(),
        ".nv-meta/split.yaml": yaml({"split_parts": splits, "exclude": []}).encode(),  # type: ignore[dict-item]
    }


def _uuid(seed: bytes) -> uuid.UUID:
    """A version 8 UUID (RFC 9562) out of a digest. Of the tars: SHA256SUMS cannot be its source, since it lists it."""
    raw = bytearray(seed[:16])
    raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))


def write_sqlite(path: Path, metas: Iterable[pa.Table]) -> None:
    """Write energon's index of samples and parts, from the Parquet rows of the shards in the order of the set.

    Raises:
        ShardError: a sample key occurs twice in the set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(temporary)) as connection:
            connection.executescript("PRAGMA page_size = 4096; PRAGMA journal_mode = OFF;" + _TABLES)
            for number, meta in enumerate(metas):
                connection.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", sample_rows(number, meta))
                connection.executemany("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)", part_rows(number, meta))
            connection.commit()
            connection.executescript(_INDEXES)
        with temporary.open("r+b") as file:
            file.seek(_SQLITE_VERSION_OFFSET)
            file.write(bytes(4))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except sqlite3.IntegrityError as error:
        raise ShardError(f"a sample key occurs twice in the set: {error}") from error
    except sqlite3.OperationalError as error:  # what it makes of a full disk
        raise StoreError(f"{path} cannot be written: {error}; make room, then run again") from error
    finally:
        temporary.unlink(missing_ok=True)


def sample_rows(number: int, meta: pa.Table) -> Iterator[tuple[int, str, int, int, int]]:
    """energon's rows of the samples of shard `number`: shard, key, ordinal, offset, length."""
    columns = (meta.column(name).to_pylist() for name in ("key", "index", "offset", "length"))
    return ((number, *row) for row in zip(*columns, strict=True))


def part_rows(number: int, meta: pa.Table) -> Iterator[tuple[int, int, str, int, int]]:
    """energon's rows of the parts of shard `number`: shard, ordinal, extension, content offset, content size."""
    for index, parts in zip(meta.column("index").to_pylist(), meta.column("parts").to_pylist(), strict=True):
        for part in parts:
            yield number, index, part["part"], part["offset"], part["size"]
