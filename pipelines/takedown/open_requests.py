"""The work that open requests make: answers to the questions `requests` and `takedown-work`."""

import pyarrow as pa

from pipelines.audit.open import Ledger
from pipelines.takedown.closure import close, seeds
from pipelines.takedown.register import is_overdue, requests
from pipelines.takedown.texts import reading
from schemas.item import ID
from schemas.request import Scope, Status

_TIME = pa.timestamp("us", "UTC")
_REGISTER = pa.schema(
    [
        ("request", pa.string()), ("status", pa.string()), ("scope_kind", pa.string()), ("basis", pa.string()), ("received_at", _TIME),
        ("due_at", _TIME), ("at", _TIME), ("by", pa.string()), ("reason", pa.string()), ("matched", pa.int64()), ("overdue", pa.bool_()),
    ]
)  # fmt: skip
_WORK = pa.schema(
    [
        ("request", pa.string()), ("due_at", _TIME), ("release", pa.string()), ("lane", pa.string()), ("shard", pa.string()),
        ("shard_id", ID), ("items", pa.int64()),
    ]
)  # fmt: skip


def register(ledger: Ledger) -> pa.Table:
    """Every request by time of receipt: where it stands since when, due when, items it took out; no personal data.

    `overdue`: open and past its due date when the ledger's commit was made; null where the commit has no time.
    """
    now = ledger.commit.time
    matched = {
        row["request"]: row["n"]
        for row in ledger.db.rows("SELECT request, count(DISTINCT item_id) AS n FROM request_match GROUP BY 1")
    }
    rows = [
        row | {"matched": matched.get(row["request"], 0), "overdue": None if now is None else is_overdue(row, now)}
        for row in requests(ledger.db)
    ]
    return pa.Table.from_pylist([{name: row[name] for name in _REGISTER.names} for row in rows], schema=_REGISTER)


def work(ledger: Ledger) -> pa.Table:
    """A row a request and shard that must be rewritten for accepted requests: how many of its items go; by due date.

    A request by file has its rows only in its own plan: the file is not kept.
    """
    rows = []
    read = reading(ledger.store, ledger.db)
    for asked in requests(ledger.db):
        if asked["status"] != Status.ACCEPTED.value or asked["scope_kind"] == Scope.FILE.value:
            continue
        found = close(ledger.db, seeds(ledger.db, Scope(asked["scope_kind"]), asked["scope_value"]), read)
        for shard in touched_shards(ledger, list(found.items)):
            rows.append({"request": asked["request"], "due_at": asked["due_at"]} | shard)
    rows.sort(key=lambda row: (row["due_at"], row["request"], row["shard"]))
    return pa.Table.from_pylist(rows, schema=_WORK)


def touched_shards(ledger: Ledger, items: list[bytes]) -> list[dict[str, object]]:
    """The shards of the release that hold these items: release, lane, shard (relative to the store), shard_id, items; by shard."""
    return ledger.db.rows(
        "SELECT s.release, s.lane, 'releases/' || s.release || '/' || s.path AS shard, s.shard_id, count(*) AS items"
        " FROM (SELECT DISTINCT item_id, release, shard_id FROM placement) p"
        " JOIN (SELECT DISTINCT shard_id, release, lane, path FROM shard) s USING (shard_id, release)"
        " WHERE p.item_id IN (SELECT unnest(?::BLOB[])) GROUP BY ALL ORDER BY shard",
        [items],
    )
