"""Rows of tables that describe files which nobody captured: found once all captures of a source are there."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import SCHEME, names
from pipelines.receipt import Receipt, Tables, room
from pipelines.store import Store
from schemas.annotation import ANNOTATION
from schemas.digest import digest
from schemas.rights import LICENCE

UNMATCHED = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),  # URI of the table
        pa.field("locator", pa.string(), nullable=False),  # "row 7"
        pa.field("subject", pa.string(), nullable=False),  # the URI that the row is about
    ]
)


def unmatched(store: Store, source: str, receipts: Sequence[Receipt]) -> Receipt:
    """The room that holds UNMATCHED, for the capture receipts of one source; `counts`: rows that say something, unmatched."""
    parts = [
        part for receipt in receipts for table in ("capture", "annotation", "licence") for part in receipt.all(table)
    ]
    key = digest("room", "unmatched", 1, source, sorted(part.sha256 for part in parts))
    return room(store, source, "unmatched", key, lambda: _build(store, receipts))


def _build(store: Store, receipts: Sequence[Receipt]) -> tuple[Tables, dict[str, int]]:
    columns = ["capture_id", "subject", "location", "locator"]
    said = pa.concat_tables(
        [
            store.table([part for receipt in receipts for part in receipt.all(name)], schema, columns)
            for name, schema in (("annotation", ANNOTATION), ("licence", LICENCE))
        ],
        promote_options="default",  # the subject of a licence may be null
    )
    said = said.filter(
        pc.and_(pc.equal(said.column("location"), "table"), pc.starts_with(said.column("subject"), SCHEME))
    )
    rows = _lost(store, said, receipts) if len(said) else []
    return [("unmatched", pa.Table.from_pylist(rows, schema=UNMATCHED))], {"said": len(said), "unmatched": len(rows)}


def _lost(store: Store, said: pa.Table, receipts: Sequence[Receipt]) -> list[dict[str, str]]:
    """The rows of UNMATCHED among what was said. Most subjects are a URI as captured: those are found without a loop."""
    captures = pa.concat_tables(
        store.read_part(part, ["capture_id", "uri"]) for receipt in receipts for part in receipt.all("capture")
    )
    uris = captures.column("uri")
    rest = said.filter(pc.invert(pc.is_in(said.column("subject"), value_set=uris.combine_chunks()))).to_pylist()
    if not rest:
        return []
    known = {name for uri in uris.to_pylist() if uri is not None for name in names(uri)}
    by_id = dict(zip(captures.column("capture_id").to_pylist(), uris.to_pylist(), strict=True))
    lost = {(by_id[row["capture_id"]], row["locator"], row["subject"]) for row in rest if row["subject"] not in known}
    return [dict(zip(UNMATCHED.names, row, strict=True)) for row in sorted(lost)]
