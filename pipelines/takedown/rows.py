"""The rows of one file of the store without what goes: which tables lose rows, and which only what those rows say."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.takedown.gone import STAGE, Gone
from schemas.capture import Outcome, erased
from schemas.item import PAYLOAD
from schemas.reasons import Reason

# Ids, numbers and times of what was done: nothing of the content is in them, and the accounts stand on them.
KEPT = frozenset((
    "item", "disposition", "duplicate", "edge", "repeated_span", "recut", "component", "hot", "placement", "release", "shard", "op", "run",
    "source", "room", "holding", "capture_fact", "request", "request_match", "suppression", "training_run", "consumption", "checkpoint", "document", "fed",
    "robots",
))  # fmt: skip


def without(kind: str, table: pa.Table, gone: Gone) -> pa.Table | None:
    """The table as it is to be; null where it stays as it is. `kind`: the folder of `parts/` that it lies in, none of KEPT."""
    if kind in ("capture", "capture_place"):
        return _captures(table, gone)
    if kind == "decision":
        return _silent(table, gone)
    if kind == "archive":
        return _moved_archives(table, gone)
    found = _left(table, gone)
    if kind in ("frontier", "hosts"):
        found = _unnamed(found, gone)
    if kind == "frontier":
        found = _moved_frontier(found, gone)
    if "payload" in found.column_names:
        found = _moved(found, gone)
    return None if found is table or found.equals(table) else found


def _left(table: pa.Table, gone: Gone) -> pa.Table:
    """The rows that are of nothing that goes."""
    by_item = "item_id" in table.column_names
    for name, values in (
        ("item_id", gone.item_ids), ("capture_id", gone.silent_ids),
        ("subject", pa.array(sorted(gone.subjects), pa.string())), ("url", pa.array(sorted(gone.uris), pa.string())),
    ):  # fmt: skip
        if name in table.column_names and not (by_item and name != "item_id"):
            table = table.filter(pc.invert(pc.is_in(table.column(name), value_set=values)))
    return table


def _captures(table: pa.Table, gone: Gone) -> pa.Table | None:
    """The captures: those that go have no address and no payload, and say why; others name its new place."""
    is_gone = pc.is_in(table.column("capture_id"), value_set=gone.capture_ids)
    held = table.column("payload").combine_chunks()
    is_cut = pc.is_in(pc.struct_field(held, "uri"), value_set=pa.array(sorted(gone.cuts), pa.string()))
    if not pc.any(pc.or_(is_gone, is_cut)).as_py():
        return None
    for name, value in (
        ("outcome", Outcome.REFUSED.value), ("reason", Reason.TAKEN_DOWN.value), ("detail", f"taken down under request {gone.request}"),
        ("headers", []), ("payload_bytes", None),
    ):  # fmt: skip
        if name in table.column_names:  # the ledger keeps no number beside the places
            said = pa.scalar(value, table.schema.field(name).type)
            table = _set(table, name, pc.if_else(is_gone, said, table.column(name)))
    for name in ("uri", "uri_key", "host"):
        had = pc.and_(is_gone, pc.is_valid(table.column(name)))
        table = _set(table, name, pc.if_else(had, erased(gone.request), table.column(name)))
    flags = is_gone.to_pylist()
    places = [None if flag else gone.place(place) for flag, place in zip(flags, held.to_pylist(), strict=True)]
    return _set(table, "payload", pa.array(places, PAYLOAD))


def _silent(table: pa.Table, gone: Gone) -> pa.Table | None:
    """Decisions on what goes stay, without the words they quote; takedowns quote none."""
    says = pc.and_(pc.is_in(table.column("item_id"), value_set=gone.item_ids), pc.is_valid(table.column("detail")))
    says = pc.and_(says, pc.not_equal(table.column("stage"), STAGE))
    if not pc.any(says).as_py():
        return None
    return _set(table, "detail", pc.if_else(says, pa.scalar(None, pa.string()), table.column("detail")))


def _moved(table: pa.Table, gone: Gone) -> pa.Table:
    held = table.column("payload").combine_chunks()
    is_cut = pc.is_in(pc.struct_field(held, "uri"), value_set=pa.array(sorted(gone.cuts), pa.string()))
    if not pc.any(is_cut).as_py():
        return table
    return _set(table, "payload", pa.array([gone.place(place) for place in held.to_pylist()], PAYLOAD))


def _moved_archives(table: pa.Table, gone: Gone) -> pa.Table | None:
    """Archives that a crawl wrote, at their new places; the digest stays that of what was written, for it names their captures."""
    rows = table.to_pylist()
    if not any(row["stored"] in gone.cuts for row in rows):
        return None
    for row in rows:
        if cut := gone.cuts.get(row["stored"]):
            row |= {"stored": cut.new or cut.old, "length": cut.length}
    return pa.Table.from_pylist(rows, schema=table.schema)


def _unnamed(table: pa.Table, gone: Gone) -> pa.Table:
    """The frontier or hosts of a crawl without addresses that the request names, asked for or not."""
    if not gone.taken.names_uris:
        return table
    uris = (f"http://{host}/" for host in table.column("host").to_pylist())
    uris = table.column("url").to_pylist() if "url" in table.column_names else uris
    return table.filter(pa.array([not gone.taken.has_uri(uri) for uri in uris], pa.bool_()))


def _moved_frontier(table: pa.Table, gone: Gone) -> pa.Table:
    rows = table.to_pylist()
    for row in rows:
        if (cut := gone.cuts.get(row["archive"] or "")) and row["offset"] is not None:
            at = cut.moved(row["offset"])
            held = {"archive": cut.new, "offset": at}
            row |= (
                held
                if at is not None
                else dict.fromkeys(("archive", "offset", "length", "payload_sha256", "payload_at"))
            )
    return pa.Table.from_pylist(rows, schema=table.schema)


def _set(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(name), values)
