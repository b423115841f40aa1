"""Every file of the store that may hold what goes, rewritten under its new content's name; the old one stays until the commit.

captured files, members, media  ->  Parquet parts  ->  the receipts that name them  ->  folders of shards
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.receipt import read_receipt
from pipelines.store import Part, Store
from pipelines.takedown.gone import Gone
from pipelines.takedown.release import held
from pipelines.takedown.rows import without
from schemas.digest import canonical, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What took the place of what. `parts`: Parquet parts by old path. `folders`: of `shards/`, to be deleted with their receipts."""

    parts: Mapping[str, Part]
    folders: tuple[str, ...]


def sweep(store: Store, gone: Gone) -> Swept:
    """New parts for all that hold something of what goes, whichever run made them; receipts name the new ones now."""
    parts = dict(_parts(store, gone))
    blobs = {cut.old: cut for cut in gone.cuts.values() if cut.old.startswith("parts/")}
    for path in list(store.list("rooms")):
        body = json.loads(store.read(path))
        listed = [parts[one["path"]] if one["path"] in parts else Part(**one) for one in body["parts"]]
        moved = [
            Part(table=one.table, path=cut.new, sha256=_name(cut.new), rows=0, bytes=cut.length)
            if (cut := blobs.get(one.path)) and cut.new
            else one
            for one in listed
            if one.path not in blobs or blobs[one.path].new
        ]
        if (now := [asdict(one) for one in moved]) != body["parts"]:
            store.put(path, canonical(body | {"parts": now}))
    return Swept(parts=parts, folders=tuple(_folders(store, gone)))


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _parts(store: Store, gone: Gone) -> Iterator[tuple[str, Part]]:
    for path in list(store.list("parts")):
        if not path.endswith(".parquet"):
            continue
        kind = path.split("/")[1]
        table = _table(store, path)
        left = without(kind, table, gone)
        if left is not None:
            new = store.publish(kind, left)
            if new.path != path:
                yield path, new


def _table(store: Store, path: str) -> pa.Table:
    source = str(store.local(path)) if store.is_local else pa.BufferReader(store.read(path))
    return pq.ParquetFile(source).read()


def _folders(store: Store, gone: Gone) -> Iterator[str]:
    """Folders of `shards/` that hold something of what goes."""
    root = store.local("shards")
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if held(folder) & gone.items:
            yield f"shards/{folder.name}"


def delete_folder(store: Store, path: str) -> None:
    """Delete all files below a path; what is gone already is no matter."""
    for file in list(store.list(path)):
        store.delete(file)


def delete_receipts(store: Store, folders: tuple[str, ...]) -> None:
    """Delete the receipts of shards whose folders go, so that they are made anew where they are wanted again."""
    keys = {folder.removeprefix("shards/") for folder in folders}
    for path in list(store.list("rooms")):
        if path.split("/")[-2] == "sharded" and read_receipt(store, path).key in keys:
            store.delete(path)


def file_digest(store: Store, path: str) -> str:
    """SHA-256 of a file of the store, hex."""
    return sha256(store.read(path)).hex()
