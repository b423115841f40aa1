"""Archives that crawls wrote and nothing names: those of rounds that were killed before their receipt."""

from collections.abc import Collection

import pyarrow.compute as pc

from pipelines.capture.stored import CAPTURED, REPLACED
from pipelines.store import Store

# Tables that name files of the store, and the field that does; the small ones first.
_NAMING = {
    "archive": ("stored",), "holding": ("store",), "capture_place": ("payload", "uri"), "capture": ("payload", "uri"),
}  # fmt: skip
_SUFFIX = ".warc.gz"


def unnamed_archives(store: Store, parts: Collection[str]) -> list[str]:
    """The archives of web records in the store that none of these parts names, sorted. A round that is run again writes its own anew."""
    held = (path for path in store.list(CAPTURED) if not path.startswith(f"{REPLACED}/"))
    found = {path for path in held if path.endswith(_SUFFIX)}
    for table in _NAMING:
        for path in sorted(parts):
            if found and path.split("/")[1] == table and store.exists(path):  # a takedown may have deleted it
                found -= _named(store, path, table)
    return sorted(found)


def _named(store: Store, path: str, table: str) -> set[str]:
    column, *fields = _NAMING[table]
    values = store.rows(path, [column]).column(column)
    for field in fields:
        values = pc.struct_field(values, field)
    return set(pc.unique(values).to_pylist())
