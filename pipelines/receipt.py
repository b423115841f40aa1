"""Receipts: what a room made of one input, found again by key. A room whose receipt exists is not run again.

`rooms/<lane>/<room>/<key>.json` is created exclusively once its parts lie in the store, so a killed run leaves either a
whole receipt or none. The parts are content-named; readers follow receipts and commits, never a listing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa

from pipelines.store import Part, Store
from schemas.digest import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The parts one room made of one input. `counts` are for progress and logs only, never for the balance."""

    lane: str
    room: str
    key: str
    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    reused: bool = False

    @property
    def path(self) -> str:
        """Where the receipt lies, relative to the store."""
        return _path(self.lane, self.room, self.key)

    def part(self, table: str) -> Part:
        """The one part of a table."""
        (found,) = self.all(table)
        return found

    def all(self, table: str) -> tuple[Part, ...]:
        """The parts of a table, in the order in which the room made them."""
        return tuple(part for part in self.parts if part.table == table)


Tables = list[tuple[str, pa.Table | Part]]  # a Part is published already


def room(
    store: Store, lane: str, name: str, key: bytes, build: Callable[[], tuple[Tables, Mapping[str, int]]]
) -> Receipt:
    """The receipt of room `name` for `key`: the stored one, or a new one from what `build` makes."""
    path = _path(lane, name, key.hex())
    try:
        return read_receipt(store, path)
    except FileNotFoundError:
        tables, counts = build()
    parts = tuple(rows if isinstance(rows, Part) else store.publish(table, rows) for table, rows in tables)
    receipt = Receipt(lane=lane, room=name, key=key.hex(), parts=parts, counts=dict(counts))
    body = {k: v for k, v in asdict(receipt).items() if k != "reused"}
    # Whoever is first wins: pure rooms made the same, but a crawl did not.
    return receipt if store.create(path, canonical(body)) else read_receipt(store, path)


def is_stored(store: Store, lane: str, name: str, key: str) -> bool:
    """Whether there is a receipt of room `name` for `key` (hex)."""
    return store.exists(_path(lane, name, key))


def stored(store: Store, lane: str, name: str, key: str) -> Receipt:
    """The receipt of room `name` for `key` (hex), which must exist."""
    return read_receipt(store, _path(lane, name, key))


def _path(lane: str, room: str, key: str) -> str:
    return f"rooms/{lane}/{room}/{key}.json"


def read_receipt(store: Store, path: str) -> Receipt:
    """The receipt that lies there, `reused`. Raises FileNotFoundError."""
    body = json.loads(store.read(path))
    return Receipt(
        lane=body["lane"],
        room=body["room"],
        key=body["key"],
        parts=tuple(Part(**part) for part in body["parts"]),
        counts=body["counts"],
        reused=True,
    )
