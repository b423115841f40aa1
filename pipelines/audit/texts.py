"""The texts of a run's items as they would be published, where the rooms still hold them."""

from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.open import Ledger
from pipelines.receipt import read_receipt
from schemas.errors import StoreError
from schemas.item import ID

# Of what was cut after it was edited, the text that was left comes first.
_EDITED = "SELECT DISTINCT room, path FROM room WHERE room IN ('edited', 'spans') ORDER BY room DESC, path"


def edited_texts(ledger: Ledger, wanted: Collection[bytes]) -> Iterator[tuple[list[bytes], list[str | None]]]:
    """(item ids, their texts), a pair a part that holds some of these items, each item once, in the order of the parts.

    A part that is gone is passed over: who asks counts what came.
    """
    waiting = pa.array(sorted(wanted), ID)
    for table in _tables(ledger):
        if not len(waiting):
            return
        mine = table.filter(pc.is_in(table.column("item_id"), value_set=waiting))
        ids = mine.column("item_id").to_pylist()
        # The same item may lie in a room of an earlier recipe too.
        waiting = waiting.filter(pc.invert(pc.is_in(waiting, value_set=pa.array(ids, ID))))
        if ids:
            yield ids, mine.column("text").to_pylist()


def _tables(ledger: Ledger) -> Iterator[pa.Table]:
    for row in ledger.db.rows(_EDITED):
        try:
            parts = read_receipt(ledger.store, row["path"]).all("items")
        except (FileNotFoundError, StoreError):
            continue
        for part in parts:
            try:
                yield ledger.store.read_part(part, ["item_id", "text"])
            except (FileNotFoundError, StoreError):
                continue
