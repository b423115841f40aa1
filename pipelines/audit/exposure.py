"""Exposure: which recorded checkpoints saw an item, computed from the plans of their training runs."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database
from pipelines.ledger.training import FED
from schemas.item import ID
from schemas.training import RECORD


def checkpoints(db: Database, ids: Collection[bytes]) -> dict[bytes, list[Row]] | str:
    """By item the checkpoints that saw it (an item that none saw has no entry); "unknown" where no training is recorded.

    Per checkpoint: id, training_run, step, path in the run's folder, and how many of the item's documents it was fed, those of
    the checkpoints it went on from included; "unknown" where its run did not record what it consumed.
    """
    record = _record(db)
    if not record["training_run"].num_rows:
        return UNKNOWN
    from schemas.exposure import exposure, seen_by_index, told

    asked = sorted(set(ids))
    feeding = fed_rows(db, asked, set(record["consumption"].column("training_run").to_pylist()))
    if feeding is None:
        record["document"] = _table(db, "document", RECORD["document"])
        exposed = exposure(asked, record)
    else:
        index = feeding
        exposed = told(asked, record, lambda checkpoint_id: seen_by_index(checkpoint_id, record, index))
    found: dict[bytes, list[Row]] = {}
    for row in exposed.to_pylist():
        item = row.pop("item_id")
        found.setdefault(item, []).append(row | {"times": UNKNOWN if row["times"] is None else row["times"]})
    return found


def steps(db: Database, ids: Collection[bytes]) -> dict[str, dict[bytes, list[int]]]:
    """By training run that recorded what it consumed, by item, the steps of it that fed these items, ascending from 1."""
    record = _record(db)
    from schemas import exposure

    feeding = fed_rows(db, ids, set(record["consumption"].column("training_run").to_pylist()))
    if feeding is None:
        every = exposure.feedings(record | {"document": _table(db, "document", RECORD["document"])})
        feeding = every.filter(pc.is_in(every.column("item_id"), value_set=pa.array(ids, ID)))
    return exposure.steps(feeding, record)


def _record(db: Database) -> dict[str, pa.Table]:
    """RECORD without the documents, which are many."""
    return {name: pa.Table.from_pylist(db.find(name), schema) for name, schema in RECORD.items() if name != "document"}


def fed_rows(db: Database, ids: Collection[bytes], consumed: set[str]) -> pa.Table | None:
    """When these items were fed, from the index that compaction keeps; None where a run recorded more than it holds."""
    if not db.count(FED) or not db.has(FED, "training_run", consumed):
        return None
    from schemas.exposure import FEEDING

    return pa.Table.from_pylist(db.find(FED, "item_id", ids), FEEDING)


def _table(db: Database, name: str, schema: pa.Schema) -> pa.Table:
    return db.table(f'SELECT DISTINCT * FROM "{name}"').select(schema.names).cast(schema)
