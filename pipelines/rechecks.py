"""What later visits to sites found, as evidence of a source: kept by `pipelines.recheck`, and read by every run after it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.receipt import Receipt, read_receipt, room
from pipelines.store import Store
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE
from schemas.digest import digest
from schemas.rights import LICENCE, RIGHTS, ROBOTS

SUBJECT = "recheck"  # subject_kind of these rows: the capture itself, as a later visit found it
_ROOM = "rechecked"


def keep(store: Store, source: str, rows: Sequence[Mapping[str, Any]]) -> Receipt | None:
    """The receipt of RIGHTS rows about captures of a source, kept for every later run; none leave nothing behind."""
    return rights_alone(store, source, _ROOM, rows) if rows else None


def rights_alone(store: Store, source: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Receipt:
    """The receipt of room `name` of a source that holds these RIGHTS rows, and no captures."""
    part = store.publish("rights", pa.Table.from_pylist(list(rows), schema=RIGHTS))
    empty = (("capture", CAPTURE), ("robots", ROBOTS), ("licence", LICENCE), ("annotation", ANNOTATION))
    return room(
        store, source, name, digest("room", name, 1, source, part.sha256),
        lambda: ([("rights", part), *((table, schema.empty_table()) for table, schema in empty)], {"rows": len(rows)}),
    )  # fmt: skip


def rechecked(store: Store, source: str) -> list[Receipt]:
    """The receipts of what every visit to the sites of a source found, in order of their keys."""
    return [read_receipt(store, path) for path in store.list(f"rooms/{source}/{_ROOM}")]
