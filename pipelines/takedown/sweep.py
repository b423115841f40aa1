"""Every file of the store that may hold what goes, written again under its new content's name; what is there stays as it is.

Captured files, members and media are cut in `bytes`; here are the Parquet parts and the folders of shards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.store import Part, Store
from pipelines.takedown.gone import Gone
from pipelines.takedown.release import items_below
from pipelines.takedown.rows import KEPT, without


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What is to take the place of what. `parts`: Parquet parts by old path. `folders`: of `shards/`, to be deleted with their receipts."""

    parts: Mapping[str, Part]
    folders: tuple[str, ...]


def sweep(store: Store, gone: Gone) -> Swept:
    """New parts for all that hold something of what goes, whichever run made them."""
    folders = (f"shards/{name}" for name in store.folders("shards"))
    return Swept(
        parts=dict(_parts(store, gone)),
        folders=tuple(folder for folder in folders if items_below(store, folder) & gone.items),
    )


def _parts(store: Store, gone: Gone) -> Iterator[tuple[str, Part]]:
    for path in list(store.list("parts")):
        kind = path.split("/")[1]
        if kind in KEPT or not path.endswith(".parquet"):
            continue
        left = without(kind, store.rows(path), gone)
        if left is not None:
            new = store.publish(kind, left)
            if new.path != path:
                yield path, new
