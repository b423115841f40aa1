"""What the kept items of a ledger share with sets that may be newer than its run: from stored texts, no room is run again."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.items import EDITED
from pipelines.audit.open import Ledger
from pipelines.dedup.overlap import Hit, Sets, overlaps
from pipelines.store import Part
from schemas.errors import StoreError
from schemas.item import ID, sample_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An item that holds something of the sets."""

    item_id: bytes
    hits: list[Hit]

    @property
    def key(self) -> str:
        """The key of its sample in the shards."""
        return sample_key(self.item_id)


@dataclass(slots=True, kw_only=True)
class Looked:
    """How many items are kept, how many were read, how many of these hold something; filled as the search goes."""

    kept: int = 0
    read: int = 0
    held: int = 0


def held(ledger: Ledger, sets: Sets, looked: Looked) -> Iterator[Held]:
    """The kept items that hold something of the sets, in the order of the rooms. An item whose text lies in the store no more is not read."""
    kept = ledger.db.table("SELECT DISTINCT item_id FROM disposition WHERE state = 'kept' ORDER BY item_id")
    waiting = kept.column("item_id").combine_chunks().cast(ID)
    looked.kept = len(waiting)
    for row in ledger.db.rows(EDITED):
        part = Part(table="items", path=row["store"], sha256="", rows=0, bytes=0)
        try:
            table = ledger.store.read_part(part, ["item_id", "text"])
        except (FileNotFoundError, StoreError):
            continue
        mine = table.filter(pc.is_in(table.column("item_id"), value_set=waiting))
        ids = mine.column("item_id").to_pylist()
        # The same item may lie in a room of an earlier recipe too.
        waiting = waiting.filter(pc.invert(pc.is_in(waiting, value_set=pa.array(ids, ID))))
        looked.read += len(ids)
        for item, hits in zip(ids, overlaps(sets, mine.column("text").fill_null("").to_pylist()), strict=True):
            if hits:
                looked.held += 1
                yield Held(item_id=item, hits=hits)
