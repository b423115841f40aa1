"""Writing shards: which item goes into which shard, and one shard with its index, Parquet rows and receipt.

    shard_plan(item_ids, sizes, seed)  ->  rows of each shard, in order
    write_shard(folder, ...)           ->  data/<name>.tar, .tar.idx, meta/<name>.parquet, meta/receipts/<name>.json

The receipt is written last: where it is, the shard is complete.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.shard.files import atomic_file, side_json, write_file
from pipelines.shard.sample import Sample
from pipelines.shard.tar import Member, ShardHead, ShardWriter, read_shard
from schemas.digest import ID_BYTES, digest
from schemas.errors import ShardError
from schemas.item import sample_key
from schemas.sample import SampleConfig
from schemas.shard import Split

MIB = 1024 * 1024
# Source: SHARDSET.md, "Tar", Size: 512 MiB aimed at, 1 GiB allowed, at most 10,000 samples.
TARGET_BYTES = 512 * MIB
MAX_SAMPLES = 10_000
Row = dict[str, Any]  # of the per-sample Parquet file: SampleConfig.meta
HISTOGRAMS = ("domain", "language", "license")


def item_order(item_ids: pa.Array, seed: int) -> np.ndarray:
    """int64[n], the rows in the order of a set: that of SHA-256 over the seed's digest and the item id.

    Independent of the order of the input and of what else is in the set: an item removed moves no other.
    """
    prefix = digest("order", seed)
    hashes = b"".join(hashlib.sha256(prefix + item_id).digest()[:16] for item_id in item_ids.to_pylist())
    words = np.frombuffer(hashes, dtype=">u8").reshape(-1, 2)
    return np.lexsort((words[:, 1], words[:, 0]))


def shard_plan(
    item_ids: pa.Array,
    sizes: np.ndarray,
    seed: int,
    *,
    target_bytes: int = TARGET_BYTES,
    max_samples: int = MAX_SAMPLES,
) -> list[np.ndarray]:
    """The rows of each shard of one split, in order; counts differ by one at most; no items give no shard.

    `item_ids`: ID[n]. `sizes`: int64[n], bytes each sample takes. As few shards as keep the mean at `target_bytes`,
    each at most twice that (or its largest sample), and none above `max_samples`.

    Raises:
        ShardError: two items have one id, or one sample key.
    """
    n = len(item_ids)
    if n == 0:
        return []
    _check_unique(item_ids)
    rows = item_order(item_ids, seed)
    ordered = np.asarray(sizes, dtype=np.int64)[rows]
    at_most = max(2 * target_bytes, int(ordered.max()))
    shards = max(-(-int(ordered.sum()) // target_bytes), -(-n // max_samples), 1)
    while shards < n and max(int(part.sum()) for part in np.array_split(ordered, shards)) > at_most:
        shards += 1
    return np.array_split(rows, min(shards, n))


def _check_unique(item_ids: pa.Array) -> None:
    keys = sorted(item_id[: ID_BYTES // 2] for item_id in item_ids.to_pylist())
    for before, key in pairwise(keys):
        if before == key:
            raise ShardError(f"two items have the sample key {key.hex()}; ids of one set must differ")


def shard_id(item_ids: Iterable[bytes]) -> bytes:
    """The id of a shard: the digest of its item ids in order."""
    return digest("shard", [item_id.hex() for item_id in item_ids])


def shard_name(split: Split, index: int) -> str:
    """The name of a shard: `shard_name(Split.TRAIN, 3) == "train-000003"`."""
    return f"{split}-{index:06d}"


def shard_head(config: SampleConfig, lane: str, name: str) -> ShardHead:
    """What `__header__` of a shard says."""
    split = name.rpartition("-")[0]
    return ShardHead(config=config.name, lane=lane, split=split, shard=name, schema_digest=config.digest.hex())


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReceipt:
    """What is known of a finished shard; nothing of the run. `sha256`, `md5`, `shard_id`, `merkle_root` are hex.

    `path` is relative to the lane's folder. `part_bytes`: content bytes by extension. `histograms`: samples by
    domain, language, license ("unknown" where null) and size (lower bound in bytes, powers of two).
    """

    path: str
    split: str
    shard_id: str
    sha256: str
    md5: str
    bytes: int
    nsamples: int
    nmembers: int
    min_key: str
    max_key: str
    merkle_root: str
    part_bytes: Mapping[str, int]
    histograms: Mapping[str, Mapping[str, int]]

    @property
    def name(self) -> str:
        """`train-000000`."""
        return Path(self.path).stem


def receipt_content(receipt: ShardReceipt) -> bytes:
    """The JSON of a receipt file."""
    return side_json(asdict(receipt))


def read_receipt(content: bytes) -> ShardReceipt:
    """The receipt in a receipt file's bytes.

    Raises:
        ShardError: it is not one.
    """
    try:
        return ShardReceipt(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise ShardError(f"not a shard receipt: {error}") from error


def write_shard(
    folder: Path, *, config: SampleConfig, lane: str, split: Split, index: int, samples: Iterable[Sample]
) -> ShardReceipt:
    """The receipt of a new shard of the lane whose folder is `folder`, after writing it and its side files.

    Raises:
        ShardError: there are no samples, or one has not exactly the parts of its config, or an empty one.
    """
    name = shard_name(split, index)
    rows: list[Row] = []
    path = folder / "data" / f"{name}.tar"
    with atomic_file(path) as out:
        tar = ShardWriter(out, shard_head(config, lane, name))
        for ordinal, sample in enumerate(samples):
            _check_sample(sample, config)
            key = sample_key(sample.item_id)
            members = tar.add(key, sample.parts)
            rows.append({**sample.meta, "item_id": sample.item_id, **place(name, ordinal, key, members)})
        if not rows:
            raise ShardError(f"shard {name} of lane {lane} has no samples; an empty split gets no shard")
        tar.finish()
    write_file(path.with_suffix(".tar.idx"), tar.index())
    write_file(folder / "meta" / f"{name}.parquet", _parquet(rows, config.meta))
    receipt = make_receipt(name, rows, root=tar.root, sha256=tar.sha256, md5=tar.md5, size=tar.bytes)
    write_file(folder / "meta" / "receipts" / f"{name}.json", receipt_content(receipt))
    return receipt


def stored_samples(folder: Path, receipt: ShardReceipt, config: SampleConfig) -> Iterator[Sample]:
    """The samples of a finished shard of the lane whose folder is `folder`, as they were given to `write_shard`."""
    rows = pq.ParquetFile(folder / "meta" / f"{receipt.name}.parquet").read().to_pylist()
    about = [field.name for field in config.about]
    for row, stored in zip(rows, read_shard(folder / receipt.path), strict=True):
        yield Sample(item_id=row["item_id"], parts=stored.parts, meta={name: row[name] for name in about})


def _check_sample(sample: Sample, config: SampleConfig) -> None:
    if differing := sample.meta.keys() ^ {field.name for field in config.about}:
        names = ", ".join(sorted(differing))
        raise ShardError(f"item {sample.item_id.hex()}: its meta is not that of {config.name}; differing: {names}")
    if tuple(sorted(sample.parts)) != config.parts:
        found = ", ".join(sorted(sample.parts)) or "none"
        raise ShardError(
            f"item {sample.item_id.hex()} has parts {found}; {config.name} needs {', '.join(config.parts)}"
        )
    for extension, content in sample.parts.items():
        if not content:
            raise ShardError(f"item {sample.item_id.hex()}: its {extension} is empty; a judge must drop it before")


def place(name: str, ordinal: int, key: str, members: Sequence[Member]) -> Row:
    """Where a sample lies, as its Parquet row says it; all of `schemas.sample.PLACE` but the item id."""
    return {
        "key": key,
        "shard": name,
        "index": ordinal,
        "offset": members[0].offset,
        "length": members[-1].end - members[0].offset,
        "parts": [
            {"part": m.extension, "offset": m.content_offset, "size": m.size, "sha256": m.sha256} for m in members
        ],
    }


def _parquet(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    buffer = io.BytesIO()
    try:
        # Refuses a null in a column that is declared to have none.
        pq.write_table(pa.Table.from_pylist(list(rows), schema), buffer, compression="zstd")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ShardError(f"the meta of a sample does not fit the columns of its config: {error}") from error
    return buffer.getvalue()


def make_receipt(name: str, rows: Sequence[Row], *, root: bytes, sha256: str, md5: str, size: int) -> ShardReceipt:
    """The receipt of a shard with these Parquet rows and a tar of this Merkle root, these digests and this size."""
    keys = [str(row["key"]) for row in rows]
    parts = [part for row in rows for part in row["parts"]]
    part_bytes = Counter[str]()
    for part in parts:
        part_bytes[part["part"]] += part["size"]
    return ShardReceipt(
        path=f"data/{name}.tar",
        split=name.rpartition("-")[0],
        shard_id=shard_id(row["item_id"] for row in rows).hex(),
        sha256=sha256,
        md5=md5,
        bytes=size,
        nsamples=len(rows),
        nmembers=len(parts),
        min_key=min(keys),
        max_key=max(keys),
        merkle_root=root.hex(),
        part_bytes=dict(sorted(part_bytes.items())),
        histograms=_histograms(rows),
    )


def _histograms(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    counts = {name: Counter(str(row.get(name) or "unknown") for row in rows) for name in HISTOGRAMS}
    sizes = (sum(part["size"] for part in row["parts"]) for row in rows)
    counts["size"] = Counter(str(1 << (size.bit_length() - 1)) for size in sizes)
    return {name: dict(sorted(counter.items())) for name, counter in counts.items()}
