"""Verifying: every byte of a release, a lane or a single shard read again, and every problem named by file.

Nothing read is trusted: nothing is unpickled or extracted, and a file whose digest is wrong is not interpreted, but for
tars, whose damage is named by the byte. What follows from the shards (indexes, card, manifests) is made again and
compared.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.shard.card import licences
from pipelines.shard.files import SUMS, file_md5, file_sha256, files_below, read_sums
from pipelines.shard.index import SQLITE, ordered, part_rows, sample_rows
from pipelines.shard.release import MANIFEST, ShardSet, metas, read_set, release_files, shard_files, side_files
from pipelines.shard.sample import check_fields, check_text
from pipelines.shard.tar import BLOCK, HEADER, ShardHead, ShardReader, StoredSample
from pipelines.shard.writer import (
    Row,
    ShardReceipt,
    item_order,
    make_receipt,
    place,
    read_receipt,
    receipt_content,
)
from schemas.digest import merkle_root, sha256
from schemas.errors import ShardError
from schemas.item import ID, sample_key
from schemas.sample import CONFIGS, SampleConfig
from schemas.shard import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What verifying found: files and samples read, and every problem as (path, what is wrong), sorted.

    Paths are relative to the folder that was verified.
    """

    files: int
    samples: int
    problems: tuple[tuple[str, str], ...]


def verify_release(path: Path, progress: Callable[[str], None] | None = None) -> Report:
    """What is wrong with a release, with the folder of one lane, or with one tar; nothing, if `problems` is empty.

    `progress` is told each file before it is read.

    Raises:
        ShardError: there is nothing at `path` that could be verified.
    """
    found = _Findings(tell=progress or _silent)
    if path.is_file():
        _read_shard(path, path.name, found)
        found.files += 1
    elif (path / "data").is_dir():
        _check_lane(path, "", found)
    elif path.is_dir() and ((path / MANIFEST).exists() or (path / SUMS).exists()):
        _release(path, found)
    else:
        raise ShardError(f"{path} is neither a release, nor the folder of a lane, nor a shard; give one of these")
    return Report(files=found.files, samples=found.samples, problems=tuple(sorted(set(found.problems))))


def _silent(path: str) -> None:
    pass


@dataclass(slots=True, kw_only=True)
class _Findings:
    tell: Callable[[str], None]
    files: int = 0
    samples: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, what: str) -> None:
        self.problems.append((path, what))


def _release(folder: Path, found: _Findings) -> None:
    listed = _listed_lanes(folder, found)
    sums = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            _check_lane(entry, f"{entry.name}/", found)
            sums[entry.name] = (entry / SUMS).read_bytes() if (entry / SUMS).is_file() else b""
        elif entry.name not in (MANIFEST, SUMS):
            found.add(entry.name, "is not part of the release: added, or a link")
    for lane, digest in listed.items():
        if lane not in sums:
            found.add(lane, f"is missing: {MANIFEST} names this lane")
        elif sha256(sums[lane]).hex() != digest:
            found.add(f"{lane}/{SUMS}", f"was changed: it does not have the sha256 {MANIFEST} says")
    try:
        expected = release_files(sums)
    except ShardError:
        return  # a lane's SHA256SUMS is damaged, and named
    for name, content in expected.items():
        found.files += 1
        if not (folder / name).is_file():
            found.add(name, "is missing")
        elif (folder / name).read_bytes() != content:
            found.add(name, f"disagrees with the {SUMS} of the lanes: it was changed, or a lane was")


def _listed_lanes(folder: Path, found: _Findings) -> dict[str, str]:
    """The digest of SHA256SUMS by lane, as the manifest says it."""
    try:
        lanes = json.loads((folder / MANIFEST).read_bytes())["lanes"]
        return {lane: entry["sha256sums"] for lane, entry in lanes.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found.add(MANIFEST, f"is not the manifest of a release: {error}")
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shard:
    """A sound shard: its receipt, made again from its bytes, and its item ids in order."""

    receipt: ShardReceipt
    item_ids: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """A lane's folder. `intact`: digest by path of the files whose bytes are those that SHA256SUMS names."""

    folder: Path
    prefix: str
    intact: Mapping[str, str]
    found: _Findings

    def add(self, path: str, what: str) -> None:
        self.found.add(f"{self.prefix}{path}", what)

    def read(self, path: str) -> bytes | None:
        """The bytes of an intact file; None for every other one, which is named already."""
        return (self.folder / path).read_bytes() if path in self.intact else None


def _check_lane(folder: Path, prefix: str, found: _Findings) -> None:
    lane = _Lane(folder=folder, prefix=prefix, intact=_intact(folder, prefix, found), found=found)
    shard_set = _shard_set(lane)
    tars = sorted((folder / "data").glob("*.tar"))
    shards = [_check_shard(lane, tar, shard_set) for tar in tars]
    sound = [shard for shard in shards if shard is not None]
    if not tars:
        lane.add("data", "holds no shard")
    elif shard_set is not None and len(sound) == len(tars):
        # What follows from the shards is only known where all of them are sound.
        _check_order(lane, shard_set, sound)
        _check_derived(lane, shard_set, ordered(shard.receipt for shard in sound))


def _intact(folder: Path, prefix: str, found: _Findings) -> dict[str, str]:
    """Digest by path of the files whose bytes are those SHA256SUMS names; every other file is a problem."""
    try:
        listed = read_sums((folder / SUMS).read_bytes())
    except (ShardError, FileNotFoundError) as error:
        found.add(f"{prefix}{SUMS}", str(error) if isinstance(error, ShardError) else "is missing")
        listed = {}
    present = [path for path in files_below(folder) if path != SUMS]
    found.files += len(present) + 1
    intact = {}
    for path in present:
        if (folder / path).is_symlink():
            found.add(f"{prefix}{path}", "is a link; a release holds files only")
            continue
        found.tell(f"{prefix}{path}")
        now = file_sha256(folder / path)
        if listed.get(path) == now:
            intact[path] = now
        elif path in listed:
            found.add(f"{prefix}{path}", f"was changed: its sha256 is {now}, {SUMS} says {listed[path]}")
        else:
            found.add(f"{prefix}{path}", f"is not in {SUMS}: it was added")
    for path in listed.keys() - set(present):
        found.add(f"{prefix}{path}", f"is missing: {SUMS} names it")
    return intact


def _shard_set(lane: _Lane) -> ShardSet | None:
    content = lane.read(MANIFEST)
    try:
        return read_set(content) if content is not None else None
    except ShardError as error:
        lane.add(MANIFEST, str(error))
        return None


def _read_shard(tar: Path, path: str, found: _Findings) -> tuple[ShardHead, list[Row]] | None:
    """The head of a shard and where each sample lies, after checking every byte; None where it cannot be read."""
    rows: list[Row] = []
    try:
        reader = ShardReader(tar)
        config = CONFIGS.get(reader.head.config)
        if config is None or config.digest.hex() != reader.head.schema_digest:
            found.add(path, f"its samples are of config {reader.head.config} and of a schema this reader does not know")
            config = None
        for ordinal, sample in enumerate(reader):
            rows.append(place(reader.head.shard, ordinal, sample.key, sample.members))
            if config is not None:
                _check_content(sample, config, path, found)
    except ShardError as error:
        found.add(path, str(error))
        return None
    found.samples += len(rows)
    for key, count in Counter(row["key"] for row in rows).items():
        if count > 1:
            found.add(path, f"sample {key} occurs {count} times; keys are unique in a set")
    return reader.head, rows


def _check_content(sample: StoredSample, config: SampleConfig, path: str, found: _Findings) -> None:
    try:
        if tuple(sample.parts) != config.parts:
            raise ShardError(f"has parts {', '.join(sample.parts)}; {config.name} needs {', '.join(config.parts)}")
        document = json.loads(sample.parts["json"])
        check_fields(document, config.json)
        if config.payload is None:
            check_text(document, sample.key)
        elif document["uid"] != sample.key or document["sha256"] != sha256(sample.parts[config.payload]).hex():
            raise ShardError(f"its JSON is about another key, or about another {config.payload}")
    except (ShardError, ValueError, RecursionError) as error:
        found.add(path, f"sample {sample.key}: {error}")


def _check_shard(lane: _Lane, tar: Path, shard_set: ShardSet | None) -> _Shard | None:
    """What a shard holds, after comparing it with the files beside it; None where it or its Parquet rows are not sound."""
    name, path = tar.stem, f"data/{tar.name}"
    lane.found.tell(f"{lane.prefix}{path}")
    read = _read_shard(tar, f"{lane.prefix}{path}", lane.found)
    stored = _stored_receipt(lane, name)
    if read is None or shard_set is None:
        return None
    head, placed = read
    expected = shard_set.head(name)
    if head != expected:
        lane.add(path, f"its {HEADER} says {head}, the set it lies in {expected}")
    offsets = [row["offset"] for row in placed] + [placed[-1]["offset"] + placed[-1]["length"]] if placed else [BLOCK]
    if lane.read(f"{path}.idx") not in (None, np.array(offsets, "<u8").tobytes()):
        lane.add(f"{path}.idx", "does not hold the offsets of the samples in the tar")
    rows = _parquet_rows(lane, name, shard_set.config, placed)
    if not rows or path not in lane.intact:
        return None
    root = merkle_root(part["sha256"] for row in placed for part in row["parts"])
    size, sums = tar.stat().st_size, (lane.intact[path], file_md5(tar))
    receipt = make_receipt(name, rows, root=root, sha256=sums[0], md5=sums[1], size=size)
    if stored is not None and stored != receipt:
        lane.add(f"meta/receipts/{name}.json", "does not say what the shard holds")
    return _Shard(receipt=receipt, item_ids=[row["item_id"] for row in rows])


def _stored_receipt(lane: _Lane, name: str) -> ShardReceipt | None:
    path = f"meta/receipts/{name}.json"
    content = lane.read(path)
    if content is None:
        return None
    try:
        receipt = read_receipt(content)
        if receipt_content(receipt) != content:
            raise ShardError("is not written as the specification says")
    except ShardError as error:
        lane.add(path, str(error))
        return None
    return receipt


def _parquet_rows(lane: _Lane, name: str, config: SampleConfig, placed: Sequence[Row]) -> list[Row] | None:
    """The rows of a shard's Parquet file, None where they do not say what lies in the tar."""
    path = f"meta/{name}.parquet"
    if path not in lane.intact:
        return None
    try:
        table = pq.ParquetFile(lane.folder / path).read()
    except (pa.ArrowException, OSError) as error:
        lane.add(path, f"cannot be read: {error}")
        return None
    if not table.schema.equals(config.meta):
        lane.add(path, f"does not have the columns of config {config.name}")
        return None
    rows: list[Row] = table.to_pylist()
    for index, (row, there) in enumerate(zip_longest(rows, placed)):
        if row is None or there is None or sample_key(row["item_id"]) != row["key"] or row != row | there:
            lane.add(path, f"row {index} does not say what lies in the tar: key, place, size or sha256")
            return None
    return rows


def _check_order(lane: _Lane, shard_set: ShardSet, shards: Sequence[_Shard]) -> None:
    """Keys are unique in the set, and items lie in the order of its seed."""
    seen: dict[bytes, str] = {}
    for shard in shards:
        for item_id in shard.item_ids:
            before = seen.setdefault(item_id[:16], shard.receipt.path)
            if before != shard.receipt.path:
                lane.add(shard.receipt.path, f"sample {sample_key(item_id)} occurs in {before} too")
    for split in Split:
        ids = [item_id for shard in shards if shard.receipt.split == split for item_id in shard.item_ids]
        if (item_order(pa.array(ids, ID), shard_set.seed) != np.arange(len(ids))).any():
            lane.add(MANIFEST, f"the samples of {split} do not lie in the order of seed {shard_set.seed}")


def _check_derived(lane: _Lane, shard_set: ShardSet, receipts: Sequence[ShardReceipt]) -> None:
    """Side files are what the shards make them; one that is not intact is named already."""
    expected = side_files(shard_set, receipts, licences(metas(lane.folder, receipts)))
    needed = {*expected, SQLITE, *(path for receipt in receipts for path in shard_files(receipt))}
    named = {path for path, _ in lane.found.problems}
    for path in sorted(needed):
        if not (lane.folder / path).is_file() and f"{lane.prefix}{path}" not in named:
            lane.add(path, "is missing: the specification asks for it")
        elif path in expected and lane.read(path) not in (None, expected[path]):
            lane.add(path, "does not say what the shards hold")
    if SQLITE in lane.intact and not _sqlite_agrees(lane.folder / SQLITE, metas(lane.folder, receipts)):
        lane.add(SQLITE, "does not hold the samples and parts of the shards")


def _sqlite_agrees(path: Path, tables: Iterator[pa.Table]) -> bool:
    samples, parts = list[Iterator[tuple[object, ...]]](), list[Iterator[tuple[object, ...]]]()
    for number, meta in enumerate(tables):
        samples.append(sample_rows(number, meta))
        parts.append(part_rows(number, meta))
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            names = ("samples", "sample_parts")
            stored = [connection.execute(f"SELECT * FROM {name} ORDER BY rowid") for name in names]
            return all(
                row == there
                for rows, cursor in zip((samples, parts), stored, strict=True)
                for row, there in zip_longest(chain.from_iterable(rows), cursor)
            )
    except sqlite3.DatabaseError:
        return False
