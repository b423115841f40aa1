"""The release without what goes: shards that hold none of it are linked as they are, the others written again without it."""

import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.shard.release import (
    MANIFEST,
    ShardSet,
    assemble_lane,
    assemble_release,
    publish_release,
    read_set,
    release_name,
    shard_files,
)
from pipelines.shard.work import release_tables
from pipelines.shard.writer import ShardReceipt, read_receipt, shard_name, stored_samples, write_shard
from pipelines.site import Site
from pipelines.store import Store
from schemas.errors import LedgerError
from schemas.shard import RELEASE, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A release made anew. `shards`: for each old one lane, path, before, after (sha256; null: nothing was left, or unchanged name).

    `name`, `path`: null where nothing was left at all. `replaced`: old shard id -> new one, null where nothing was left.
    """

    name: str | None
    path: str | None
    tables: dict[str, pa.Table]
    shards: Sequence[dict[str, Any]]
    replaced: dict[bytes, bytes | None]


def rewritten(site: Site, old: str, recipe: str, recipe_digest: bytes, items: Collection[bytes]) -> Rewritten:
    """The release `old` of the site without these items, published under its own name.

    Raises:
        LedgerError: the store is remote, or the old release is not there.
        ShardError: a shard cannot be read.
    """
    folder = release_folder(site.store, old)
    staging = site.scratch / f"takedown-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    receipts: dict[str, list[ShardReceipt]] = {}
    changes: list[dict[str, Any]] = []
    replaced: dict[bytes, bytes | None] = {}
    for lane in sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}")):
        shard_set = read_set((folder / lane / MANIFEST).read_bytes())
        found, changed, ids = _lane(folder / lane, staging / lane, shard_set, items)
        changes += [{"lane": lane, **change} for change in changed]
        replaced |= ids
        if found:
            receipts[lane] = found
            assemble_lane(staging / lane, shard_set, found)
    if not receipts:
        return Rewritten(
            name=None, path=None, tables={"release": RELEASE.empty_table()}, shards=changes, replaced=replaced
        )
    root = assemble_release(staging, sorted(receipts))
    name = release_name(recipe, root)
    tables = release_tables(recipe_digest, name, root, staging, receipts)
    return Rewritten(
        name=name, path=publish_release(site.store, staging, name), tables=tables, shards=changes, replaced=replaced
    )


def release_folder(store: Store, name: str) -> Path:
    """The folder of a release in a local store. Raises LedgerError."""
    if not store.is_local:
        raise LedgerError(f"the store {store.root} is remote: fetch it, take down there, and put it back")
    folder = store.local(f"releases/{name}")
    if not (folder / MANIFEST).is_file():
        raise LedgerError(f"{folder} holds no release; restore it from a copy, or run the recipe again")
    return folder


def held(folder: Path) -> set[bytes]:
    """The items of a release or shard in a folder, by the Parquet rows beside its tars."""
    found: set[bytes] = set()
    for meta in folder.rglob("meta/*.parquet"):
        found |= set(pq.ParquetFile(meta).read(["item_id"]).column("item_id").to_pylist())
    return found


def _lane(
    folder: Path, target: Path, shard_set: ShardSet, items: Collection[bytes]
) -> tuple[list[ShardReceipt], list[dict[str, Any]], dict[bytes, bytes | None]]:
    """The receipts of a lane's shards now in `target`, what became of each old one, and the ids of what took its place."""
    by_split: dict[str, list[ShardReceipt]] = defaultdict(list)
    for path in sorted((folder / "meta/receipts").glob("*.json")):
        receipt = read_receipt(path.read_bytes())
        by_split[receipt.split].append(receipt)
    found: list[ShardReceipt] = []
    changes: list[dict[str, Any]] = []
    ids: dict[bytes, bytes | None] = {}
    for split, olds in by_split.items():
        rest = {old.name: _ids(folder, old) for old in olds}
        left = [old for old in olds if any(one not in items for one in rest[old.name])]
        touched = {old.name for old in olds if any(one in items for one in rest[old.name])}
        # A place that is left empty is taken by the last shard: the names of a split have no gap.
        for index, old in enumerate(_in_place(olds, left)):
            if old.name in touched or old.name != shard_name(Split(split), index):
                samples = (one for one in stored_samples(folder, old, shard_set.config) if one.item_id not in items)
                new = write_shard(
                    target,
                    config=shard_set.config,
                    lane=shard_set.lane,
                    split=Split(split),
                    index=index,
                    samples=samples,
                )
                ids[bytes.fromhex(old.shard_id)] = bytes.fromhex(new.shard_id)
                changes.append({"path": old.path, "before": old.sha256, "after": new.sha256, "now": new.path})
            else:
                _link(folder, target, new := old)
                changes.append({"path": old.path, "before": old.sha256, "after": old.sha256, "now": old.path})
            found.append(new)
        for old in olds:
            if old not in left:
                ids[bytes.fromhex(old.shard_id)] = None
                changes.append({"path": old.path, "before": old.sha256, "after": None, "now": None})
    return found, sorted(changes, key=lambda change: change["path"]), ids


def _in_place(olds: Sequence[ShardReceipt], left: Sequence[ShardReceipt]) -> list[ShardReceipt]:
    """What is left, each at its own place where it can be."""
    places: list[ShardReceipt | None] = [old if old in left else None for old in olds]
    while None in places:
        if (last := places.pop()) is not None:
            places[places.index(None)] = last
    return [place for place in places if place is not None]


def _ids(folder: Path, receipt: ShardReceipt) -> list[bytes]:
    meta = pq.ParquetFile(folder / "meta" / f"{receipt.name}.parquet").read(["item_id"])
    return meta.column("item_id").to_pylist()  # type: ignore[no-any-return]


def _link(folder: Path, target: Path, receipt: ShardReceipt) -> None:
    for path in shard_files(receipt):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(folder / path, target / path)
        except OSError:
            shutil.copyfile(folder / path, target / path)
