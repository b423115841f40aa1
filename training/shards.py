"""A release as training reads it: its lanes and items, every byte checked against the root that names the release.

manifest.json (root) -> <lane>/SHA256SUMS -> <lane>/manifest.json, meta/*.parquet -> shards, by their Merkle roots
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.shard.files import SUMS, file_sha256, read_sums
from pipelines.shard.tar import ShardReader
from schemas.digest import merkle_root, sha256
from schemas.errors import InputError, ShardError
from schemas.item import sample_key

MANIFEST = "manifest.json"
# The modality behind each config, and the part that holds what a text is about.
MODALITIES = {"text": ("text", ""), "image_text": ("image", "jpg"), "audio_text": ("audio", "flac")}
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: its text, and the bytes of its image or sound (b"" for text)."""

    item_id: bytes
    lane: str
    split: str
    source: str
    license: str | None
    content_sha256: bytes
    modality: str
    text: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One shard: its name (train-000000), split, and the Merkle root over the digests of its members, hex."""

    name: str
    split: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLane:
    """One lane of a release. `sums`: digest by path of its files, hex."""

    name: str
    config: str
    folder: Path
    shards: tuple[Shard, ...]
    sums: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release folder. `root`: its set_root, the digest that stands for every byte in it."""

    folder: Path
    root: bytes
    lanes: tuple[ReleaseLane, ...]

    def items(self, split: str, lane: str | None = None) -> Iterator[Item]:
        """The items of a split, lane after lane, in the order of the shards. Raises ShardError at a byte that was changed."""
        for one in self.lanes:
            if lane in (None, one.name):
                for shard in one.shards:
                    if shard.split == split:
                        yield from _items(one, shard)


def open_release(folder: Path) -> Release:
    """The release in a folder, its manifests checked; shards are checked as they are read.

    Raises:
        InputError: there is no release.
        ShardError: a manifest does not have the digest that the one above it names.
    """
    try:
        top = json.loads((folder / MANIFEST).read_bytes())
        root, listed = bytes.fromhex(top["set_root"]), {name: lane["sha256sums"] for name, lane in top["lanes"].items()}
    except FileNotFoundError:
        raise InputError(f"{folder} is no release: it has no {MANIFEST}; `headwater run` prints where its is") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / MANIFEST} is not the manifest of a release: {error}") from error
    return Release(folder=folder, root=root, lanes=tuple(_lane(folder / name, listed[name]) for name in sorted(listed)))


def _lane(folder: Path, digest: str) -> ReleaseLane:
    content = (folder / SUMS).read_bytes()
    if sha256(content).hex() != digest:
        raise ShardError(f"{folder / SUMS} was changed: the release's {MANIFEST} names another; run `headwater verify`")
    sums = read_sums(content)
    manifest = json.loads(_checked(folder, MANIFEST, sums))
    if manifest["config"] not in MODALITIES:
        known = ", ".join(MODALITIES)
        raise ShardError(f"lane {manifest['lane']} is of config {manifest['config']}; training reads {known}")
    shards = (
        Shard(name=Path(one["path"]).stem, split=one["split"], root=one["merkle_root"]) for one in manifest["shards"]
    )
    return ReleaseLane(name=manifest["lane"], config=manifest["config"], folder=folder, shards=tuple(shards), sums=sums)


def _checked(folder: Path, path: str, sums: Mapping[str, str]) -> bytes:
    """The content of a small file, if it has the digest that SHA256SUMS names."""
    if file_sha256(folder / path) != sums.get(path):
        raise ShardError(f"{folder / path} was changed: {SUMS} names another digest; run `headwater verify`")
    return (folder / path).read_bytes()


def _items(lane: ReleaseLane, shard: Shard) -> Iterator[Item]:
    modality, payload = MODALITIES[lane.config]
    meta = f"meta/{shard.name}.parquet"
    _checked(lane.folder, meta, lane.sums)
    columns = ["item_id", "source", "license", "content_sha256"]
    rows = pq.ParquetFile(lane.folder / meta).read(columns=columns).to_pylist()
    digests: list[bytes] = []
    for row, sample in zip(rows, ShardReader(lane.folder / "data" / f"{shard.name}.tar"), strict=True):
        if sample_key(row["item_id"]) != sample.key:
            raise ShardError(f"{lane.name}/{shard.name}: sample {sample.key} is not the one its Parquet row names")
        digests += [member.sha256 for member in sample.members]
        yield Item(
            **row,
            lane=lane.name,
            split=shard.split,
            modality=modality,
            text=str(json.loads(sample.parts["json"])["text"]) if not payload else sample.parts["txt"].decode("utf-8"),
            payload=sample.parts[payload] if payload else b"",
        )
    if merkle_root(digests).hex() != shard.root:
        raise ShardError(
            f"{lane.name}/{shard.name}: its members are not those {MANIFEST} names; run `headwater verify`"
        )
