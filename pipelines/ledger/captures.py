"""Captures in the ledger: what may name a person in files of their own, so that an erasure leaves all other files as they are.

Who asks names `capture`, a view of both. The rooms keep captures whole: their parts lie beside those of the ledger.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.database import Database
from pipelines.store import Part, Store
from schemas.capture import CAPTURE, CAPTURE_FACT, CAPTURE_PLACE


def apart(store: Store, parts: Mapping[str, Sequence[Part]]) -> dict[str, list[Part]]:
    """The parts of a run as the ledger keeps them: captures as places and facts, all else as it lies."""
    found = {table: list(those) for table, those in parts.items() if table != "capture"}
    for part in parts.get("capture", ()):
        captures = store.read_part(part)
        for table, schema in (("capture_place", CAPTURE_PLACE), ("capture_fact", CAPTURE_FACT)):
            found.setdefault(table, []).append(store.publish(table, captures.select(schema.names)))
    return found


def captures(store: Store, db: Database, ids: pa.Array | None = None) -> pa.Table:
    """CAPTURE: the captures of a database of this store, those of `ids` where given, in the order of the places.

    A record that lies in two archives is there twice.
    """
    place, fact = (
        store.table(db.parts(table), schema)
        for table, schema in (("capture_place", CAPTURE_PLACE), ("capture_fact", CAPTURE_FACT))
    )
    if ids is not None:
        place = place.filter(pc.is_in(place.column("capture_id"), value_set=ids))
    at = pc.index_in(place.column("capture_id"), value_set=fact.column("capture_id").combine_chunks())
    whole = {name: fact.column(name).take(at) for name in fact.column_names} | {
        name: place.column(name) for name in place.column_names
    }
    return pa.table([whole[name] for name in CAPTURE.names], schema=CAPTURE)
