"""What the kept items of a ledger share with sets that may be newer than its run: from stored texts, no room is run again."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.audit.open import Ledger
from pipelines.audit.texts import edited_texts
from pipelines.dedup.overlap import Hit, Sets, overlaps
from schemas.item import sample_key


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
    looked.kept = len(kept)
    for ids, texts in edited_texts(ledger, kept.column("item_id").to_pylist()):
        looked.read += len(ids)
        for item, hits in zip(ids, overlaps(sets, [text or "" for text in texts]), strict=True):
            if hits:
                looked.held += 1
                yield Held(item_id=item, hits=hits)
