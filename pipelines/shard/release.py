"""Releases: the side files that make a folder of shards a lane, lanes a release, and a release visible at once.

    write_shard ... -> assemble_lane -> assemble_release -> publish_release

No byte depends on the run, a clock, a machine, the release's name or our version: those are the ledger's.
"""

import errno
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.shard.card import Card, card_files, licences
from pipelines.shard.files import SUMS, file_sha256, files_below, read_sums, side_json, sums_content, write_file
from pipelines.shard.index import SQLITE, index_files, ordered, shard_root, write_sqlite
from pipelines.shard.tar import ShardHead
from pipelines.shard.writer import ShardReceipt, shard_head
from pipelines.store import Store, linked, sync_folder, sync_tree
from schemas.digest import merkle_root, sha256
from schemas.errors import CardError, ShardError
from schemas.sample import CONFIGS, SampleConfig
from schemas.shard import SHARDSET_VERSION
from schemas.source import SourceCard, SourceKind

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSet:
    """What, beside its shards, the side files of a lane are made of.

    The lane's manifest.json holds it, so that `verify` can make them again and compare.
    """

    lane: str
    config: SampleConfig
    seed: int
    card: Card

    def head(self, name: str) -> ShardHead:
        """What `__header__` of the shard `name` says."""
        return shard_head(self.config, self.lane, name)


def assemble_lane(
    folder: Path, shard_set: ShardSet, receipts: Sequence[ShardReceipt], extras: Mapping[str, bytes] | None = None
) -> bytes:
    """The SHA256SUMS of a lane, after writing every side file beside the shards `write_shard` left in `folder`.

    `extras`: further files by path, such as croissant.json.

    Raises:
        ShardError: there are no shards, the shards of a split have gaps, a key occurs twice, or the folder holds a file
            that belongs to no shard.
    """
    shards = ordered(receipts)
    _check_shards(shard_set, shards)
    files = side_files(shard_set, shards, licences(metas(folder, shards))) | dict(extras or {})
    expected = {*files, SQLITE, *(path for receipt in shards for path in shard_files(receipt))}
    if strange := sorted(set(files_below(folder)) - expected - {SUMS}):
        raise ShardError(
            f"{folder} holds {strange[0]}, which belongs to no shard of the lane; clear the staging folder"
        )
    write_sqlite(folder / SQLITE, metas(folder, shards))
    for path in sorted(files):
        write_file(folder / path, files[path])
    tars = {receipt.path: receipt.sha256 for receipt in shards}  # hashed while they were written
    sums = sums_content({path: tars.get(path) or file_sha256(folder / path) for path in expected})
    write_file(folder / SUMS, sums)
    return sums


def side_files(
    shard_set: ShardSet, receipts: Sequence[ShardReceipt], found: Mapping[tuple[str, str], int]
) -> dict[str, bytes]:
    """Every side file of a lane that follows from its shards, but for energon's sqlite index; content by path."""
    shards = ordered(receipts)
    card = card_files(shard_set.lane, shard_set.config, shard_set.card, shards, found)
    return index_files(shards) | card | {MANIFEST: _lane_manifest(shard_set, shards)}


def shard_files(receipt: ShardReceipt) -> tuple[str, str, str, str]:
    """The paths of a shard's tar, offsets, Parquet rows and receipt."""
    name = receipt.name
    return receipt.path, f"{receipt.path}.idx", f"meta/{name}.parquet", f"meta/receipts/{name}.json"


def metas(folder: Path, receipts: Sequence[ShardReceipt]) -> Iterator[pa.Table]:
    """The Parquet rows of each shard, one shard at a time."""
    for receipt in receipts:
        yield pq.ParquetFile(folder / "meta" / f"{receipt.name}.parquet").read()


def _check_shards(shard_set: ShardSet, shards: Sequence[ShardReceipt]) -> None:
    if not shards:
        raise ShardError(f"lane {shard_set.lane} has no shards; leave it out of the release")
    for split in {receipt.split for receipt in shards}:
        names = [receipt.name for receipt in shards if receipt.split == split]
        if names != [f"{split}-{index:06d}" for index in range(len(names))]:
            raise ShardError(f"lane {shard_set.lane}: shards of {split} have a gap or a double: {', '.join(names[:5])}")


def _lane_manifest(shard_set: ShardSet, shards: Sequence[ShardReceipt]) -> bytes:
    card = asdict(shard_set.card)
    card["sources"] = [
        {name: value for name, value in s.items() if value is not None and name != "agreements"}
        for s in card["sources"]
    ]
    return side_json(
        {
            "card": card,
            "config": shard_set.config.name,
            "lane": shard_set.lane,
            "schema_digest": shard_set.config.digest.hex(),
            "seed": shard_set.seed,
            "shard_root": shard_root(shards).hex(),
            "shards": [
                {
                    "bytes": r.bytes, "merkle_root": r.merkle_root, "nsamples": r.nsamples, "path": r.path,
                    "sha256": r.sha256, "shard_id": r.shard_id, "split": r.split,
                }
                for r in shards
            ],
            "spec_version": SHARDSET_VERSION,
        }
    )  # fmt: skip


def read_set(content: bytes) -> ShardSet:
    """The shard set that a lane's manifest.json describes.

    Raises:
        ShardError: it is none, or of a config or version this code does not know.
    """
    try:
        fields = json.loads(content)
        config = CONFIGS[fields["config"]]
        sources = tuple(SourceCard(**(s | {"kind": SourceKind(s["kind"])})) for s in fields["card"].pop("sources"))
        card = Card(**fields["card"], sources=sources)
        found = ShardSet(lane=fields["lane"], config=config, seed=fields["seed"], card=card)
        version, schema = fields["spec_version"], fields["schema_digest"]
    except (ValueError, TypeError, KeyError, AttributeError, CardError) as error:
        raise ShardError(f"{MANIFEST} is not the manifest of a lane: {type(error).__name__} {error}") from error
    if version != SHARDSET_VERSION or schema != config.digest.hex():
        raise ShardError(f"{MANIFEST} is of version {version} and schema {schema}, which this reader does not know")
    return found


def set_root(sums: Mapping[str, bytes]) -> bytes:
    """The root of a release: the Merkle root over the lines `sha256  lane/path` of all its lanes, sorted by path.

    `sums`: content of SHA256SUMS by lane.
    """
    digests = {
        f"{lane}/{path}": digest for lane, content in sums.items() for path, digest in read_sums(content).items()
    }
    return merkle_root(f"{digests[path]}  {path}".encode() for path in sorted(digests))


def release_name(recipe_name: str, root: bytes) -> str:
    """The name of a release: its recipe and the first 12 hex digits of its root."""
    return f"{recipe_name}-{root.hex()[:12]}"


def release_files(sums: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files at the top of a release: manifest.json (lanes and their SHA256SUMS) and SHA256SUMS of what it names."""
    lanes = {lane: {"sha256sums": sha256(content).hex()} for lane, content in sorted(sums.items())}
    manifest = side_json({"lanes": lanes, "set_root": set_root(sums).hex(), "spec_version": SHARDSET_VERSION})  # type: ignore[dict-item]
    digests = {f"{lane}/{SUMS}": entry["sha256sums"] for lane, entry in lanes.items()}
    return {MANIFEST: manifest, SUMS: sums_content(digests | {MANIFEST: sha256(manifest).hex()})}


def assemble_release(staging: Path, lanes: Sequence[str]) -> bytes:
    """The root of the release whose assembled lanes are folders of `staging`, after writing its top files.

    Raises:
        ShardError: there is no lane.
    """
    if not lanes:
        raise ShardError("a release needs at least one lane with shards; everything was dropped")
    sums = {lane: (staging / lane / SUMS).read_bytes() for lane in lanes}
    for path, content in release_files(sums).items():
        write_file(staging / path, content)
    return set_root(sums)


def staged(store: Store, files: Mapping[str, str], staging: Path) -> dict[str, str]:
    """Have files of the store in a staging folder; those that need not come are given back, for `publish_release`.

    `files`: path in the store by path in the release. A local store's are linked; of a remote one the tars stay where they are.
    """
    left: dict[str, str] = {}
    for path, held in files.items():
        target = staging / path
        if not store.is_local and path.endswith(".tar"):
            left[path] = held
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if store.is_local:
            linked(store.local(held), target)
        else:
            target.write_bytes(store.read(held))
    return left


def publish_release(store: Store, staging: Path, name: str, held: Mapping[str, str] | None = None) -> str:
    """The path `releases/<name>` in the store, after moving a complete release there: readers see all of it or none.

    A local store gets it by one rename, so `staging` must lie on the store's own disk; a remote one gets every file,
    and last the manifest that makes them a release. A release that is there with the same SHA256SUMS is kept.
    `held`: what `staged` gave back.

    Raises:
        ShardError: a release of this name holds something else, or `staging` is not assembled.
    """
    if not (staging / MANIFEST).is_file():
        raise ShardError(f"{staging} has no {MANIFEST}; assemble the release before it is published")
    target = f"releases/{name}"
    if store.is_local:
        _move(staging, store.local(target))
    else:
        _upload(store, staging, target, held or {})
    return target


def _move(staging: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    sync_tree(staging)
    try:
        staging.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        _check_same((target / SUMS).read_bytes() if (target / SUMS).exists() else b"", staging, str(target))
    sync_folder(target.parent)


def _upload(store: Store, staging: Path, target: str, held: Mapping[str, str]) -> None:
    if store.exists(f"{target}/{MANIFEST}"):
        return _check_same(store.read(f"{target}/{SUMS}"), staging, target)
    put_folder(store, staging, target)
    for path, place in held.items():
        store.copy(place, f"{target}/{path}")
    if not store.create(f"{target}/{MANIFEST}", (staging / MANIFEST).read_bytes()):
        return _check_same(store.read(f"{target}/{SUMS}"), staging, target)
    shutil.rmtree(staging)


def put_folder(store: Store, folder: Path, target: str) -> None:
    """Put the files of a folder below `target`, but for a manifest at its top.

    The rows of a shard go before its tar: whoever is killed leaves no tar of which nobody can tell what is in it.
    """
    for path in sorted(files_below(folder), key=lambda path: (path.endswith(".tar"), path)):
        if path != MANIFEST:
            store.put(f"{target}/{path}", folder / path)


def _check_same(published: bytes, staging: Path, target: str) -> None:
    if published != (staging / SUMS).read_bytes():
        raise ShardError(f"{target} is already published with other files; releases never change, so inspect both")
    shutil.rmtree(staging)
