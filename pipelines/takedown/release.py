"""The release without what goes: shards that hold none of it are linked as they are, the others written again without it."""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.shard.release import (
    MANIFEST,
    ShardSet,
    assemble_lane,
    assemble_release,
    publish_release,
    read_set,
    release_name,
    shard_files,
    staged,
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
        LedgerError: the old release is not there.
        ShardError: a shard cannot be read.
    """
    store, folder = site.store, release_folder(site.store, old)
    staging = site.scratch / f"takedown-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    receipts: dict[str, list[ShardReceipt]] = {}
    changes: list[dict[str, Any]] = []
    replaced: dict[bytes, bytes | None] = {}
    held: dict[str, str] = {}
    for lane in sorted(json.loads(store.read(f"{folder}/{MANIFEST}"))["lanes"]):
        shard_set = read_set(store.read(f"{folder}/{lane}/{MANIFEST}"))
        done = _lane(store, f"{folder}/{lane}", staging / lane, shard_set, items)
        changes += [{"lane": lane, **change} for change in done.changes]
        replaced |= done.replaced
        if done.receipts:
            files = {f"{lane}/{path}": f"{folder}/{lane}/{path}" for one in done.untouched for path in shard_files(one)}
            held |= staged(store, files, staging)
            receipts[lane] = done.receipts
            assemble_lane(staging / lane, shard_set, done.receipts)
    if not receipts:
        return Rewritten(
            name=None, path=None, tables={"release": RELEASE.empty_table()}, shards=changes, replaced=replaced
        )
    root = assemble_release(staging, sorted(receipts))
    name = release_name(recipe, root)
    tables = release_tables(recipe_digest, name, root, staging, receipts)
    path = publish_release(store, staging, name, held)
    return Rewritten(name=name, path=path, tables=tables, shards=changes, replaced=replaced)


def release_folder(store: Store, name: str) -> str:
    """The path of a release in the store. Raises LedgerError where it is not there."""
    if not store.exists(f"releases/{name}/{MANIFEST}"):
        raise LedgerError(f"{store.root} holds no release {name}; restore it from a copy, or run the recipe again")
    return f"releases/{name}"


def items_below(store: Store, path: str) -> set[bytes]:
    """The items of a release, a lane or a shard in the store, by the Parquet rows beside its tars."""
    found: set[bytes] = set()
    for file in list(store.list(path)):
        if file.endswith(".parquet") and file.split("/")[-2] == "meta":
            found |= set(_ids(store, file))
    return found


@dataclass(frozen=True, slots=True)
class _Lane:
    """The shards of a lane: those it has now, those of them that are as they were, what became of each, and what took its place."""

    receipts: list[ShardReceipt]
    untouched: list[ShardReceipt]
    changes: list[dict[str, Any]]
    replaced: dict[bytes, bytes | None]


def _lane(store: Store, folder: str, target: Path, shard_set: ShardSet, items: Collection[bytes]) -> _Lane:
    """What is left of a lane; its shards that hold some of the items are written again, in `target`."""
    by_split: dict[str, list[ShardReceipt]] = defaultdict(list)
    for path in list(store.list(f"{folder}/meta/receipts")):
        receipt = read_receipt(store.read(path))
        by_split[receipt.split].append(receipt)
    done = _Lane([], [], [], {})
    for split, olds in by_split.items():
        ids = {old.name: _ids(store, f"{folder}/meta/{old.name}.parquet") for old in olds}
        left = [old for old in olds if any(one not in items for one in ids[old.name])]
        touched = {old.name for old in olds if any(one in items for one in ids[old.name])}
        # A place that is left empty is taken by the last shard: the names of a split have no gap.
        for index, old in enumerate(_in_place(olds, left)):
            new = old
            if old.name in touched or old.name != shard_name(Split(split), index):
                new = _again(store, folder, target, shard_set, old, index, items)
                done.replaced[bytes.fromhex(old.shard_id)] = bytes.fromhex(new.shard_id)
            else:
                done.untouched.append(old)
            done.changes.append({"path": old.path, "before": old.sha256, "after": new.sha256, "now": new.path})
            done.receipts.append(new)
        for old in olds:
            if old not in left:
                done.replaced[bytes.fromhex(old.shard_id)] = None
                done.changes.append({"path": old.path, "before": old.sha256, "after": None, "now": None})
    done.changes.sort(key=lambda change: change["path"])
    return done


def _again(
    store: Store, folder: str, target: Path, shard_set: ShardSet, old: ShardReceipt, index: int, items: Collection[bytes]
) -> ShardReceipt:  # fmt: skip
    """The receipt of a shard that is now written in `target` without the items, at its place in the split."""
    with store.lent_files(f"{folder}/{path}" for path in shard_files(old)) as near:
        samples = stored_samples(near / folder, old, shard_set.config)
        return write_shard(
            target, config=shard_set.config, lane=shard_set.lane, split=Split(old.split), index=index,
            samples=(one for one in samples if one.item_id not in items),
        )  # fmt: skip


def _in_place(olds: Sequence[ShardReceipt], left: Sequence[ShardReceipt]) -> list[ShardReceipt]:
    """What is left, each at its own place where it can be."""
    places: list[ShardReceipt | None] = [old if old in left else None for old in olds]
    while None in places:
        if (last := places.pop()) is not None:
            places[places.index(None)] = last
    return [place for place in places if place is not None]


def _ids(store: Store, path: str) -> list[bytes]:
    return store.rows(path, ["item_id"]).column("item_id").to_pylist()  # type: ignore[no-any-return]
