"""Texts of items as their rooms hold them, for what no digest can tell: which page holds the words of a picture that goes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.database import Database
from pipelines.receipt import read_receipt
from pipelines.store import Part, Store
from schemas.item import ID

# Chosen: shorter words ("photo", "a river") stand on pages that have nothing to do with the picture.
LEAST_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """The parts that hold the items of the runs a database knows, as they were split."""

    store: Store
    parts: tuple[Part, ...]

    def texts(self, ids: Collection[bytes]) -> dict[bytes, str]:
        """The texts of these items; those without one have no entry."""
        wanted, found = pa.array(sorted(ids), ID), dict[bytes, str]()
        for part in self.parts if ids else ():
            rows = self.store.read_part(part, ["item_id", "text"])
            rows = rows.filter(
                pc.and_(pc.is_in(rows.column("item_id"), value_set=wanted), pc.is_valid(rows.column("text")))
            )
            found |= dict(zip(rows.column("item_id").to_pylist(), rows.column("text").to_pylist(), strict=True))
        return found

    def places(self, ids: Collection[bytes]) -> list[dict[str, Any]]:
        """Where the payloads of these items lie: of what was converted, in a file of its own."""
        wanted, found = pa.array(sorted(ids), ID), []
        for part in self.parts if ids else ():
            rows = self.store.read_part(part, ["item_id", "payload"])
            rows = rows.filter(
                pc.and_(pc.is_in(rows.column("item_id"), value_set=wanted), pc.is_valid(rows.column("payload")))
            )
            found += rows.column("payload").to_pylist()
        return found


def reading(store: Store, db: Database) -> Reading:
    """What can be read of the runs whose rooms this database names; nothing of runs whose receipts are gone."""
    parts: dict[str, Part] = {}
    for row in db.rows("SELECT DISTINCT path FROM room WHERE room IN ('split', 'edited') ORDER BY path"):
        if store.exists(row["path"]):
            parts |= {
                part.path: part for part in read_receipt(store, row["path"]).all("items") if store.exists(part.path)
            }
    return Reading(store, tuple(parts.values()))


def holding_captions(read: Reading, db: Database, items: Collection[bytes]) -> dict[bytes, bytes]:
    """Items of the pages that say the words of these items, and hold them: item -> the item whose words it holds."""
    rows = db.rows(
        "SELECT DISTINCT said.item_id AS of, page.item_id AS page FROM item said JOIN item page ON page.capture_id = said.text_capture_id"
        " WHERE said.item_id IN (SELECT unnest(?::BLOB[])) AND page.parent_id IS NOT NULL",
        [list(items)],
    )
    texts = read.texts({row[name] for row in rows for name in ("of", "page")})
    return {
        row["page"]: row["of"] for row in rows if words_are_in(texts.get(row["of"], ""), texts.get(row["page"], ""))
    }


def words_are_in(words: str, page: str) -> bool:
    """Whether a text holds these words, whatever its case and spaces; never for words too short to tell."""
    folded = _folded(words)
    return len(folded) >= LEAST_CHARACTERS and folded in _folded(page)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
