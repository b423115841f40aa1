"""Items as the audit tells them: how each ended and why, what was measured, what it came from and where it lies."""

from collections.abc import Iterable, Sequence

from pipelines.audit.exposure import checkpoints
from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database, among
from schemas.item import sample_key
from schemas.reasons import Reason

# The parts that hold the texts of items as they would be published, relative to the store.
EDITED = "SELECT DISTINCT store FROM holding WHERE kind = 'room' AND what LIKE 'items of lane % after room edited' ORDER BY store"


def lineage(db: Database, items: Iterable[bytes], captures: Sequence[bytes] = ()) -> list[Row]:
    """The rows of these items and of those of these captures, of all they were cut from, and of all cut from them."""
    start = _items(db, "item_id", list(items)) + (_items(db, "capture_id", list(captures)) if captures else [])
    found = {row["item_id"]: row for row in start}
    above, below = list(found.values()), list(found.values())
    while above:
        above = _items(db, "item_id", [row["parent_id"] for row in above if row["parent_id"] not in {None, *found}])
        found |= {row["item_id"]: row for row in above}
    while below:
        children = _items(db, "parent_id", [row["item_id"] for row in below])
        below = [row for row in children if row["item_id"] not in found]
        found |= {row["item_id"]: row for row in below}
    return [found[key] for key in sorted(found)]


def _items(db: Database, column: str, ids: list[bytes]) -> list[Row]:
    return db.rows(f"SELECT DISTINCT * FROM item WHERE {among(column, ids)}") if ids else []


def told(db: Database, rows: Sequence[Row], training: Database) -> list[Row]:
    """Each item with its disposition, decisions, signals, witness, what it stands for, who holds what was cut, and placements, in row order.

    `training`: of the last commit, which knows all checkpoints, also where an older one knows the items.
    """
    ids = [row["item_id"] for row in rows]
    ended = {row["item_id"]: row for row in _of(db, "SELECT * FROM disposition", ids)}
    decisions = _group(_of(db, "SELECT * FROM decision", ids, order="stage, verdict"))
    merged = {row["item_id"]: row for row in _of(db, "SELECT * FROM duplicate", ids)}
    places = placements(db, ids)
    signals = _signals(db, rows)
    witnesses = _witnesses(db, [row["successor_id"] for row in ended.values() if row["successor_id"]])
    stands_for = _stands_for(db, ids)
    spans = _group(_of(db, "SELECT * FROM repeated_span", ids, order="item_id, start"))
    seen = checkpoints(training, list(places)) if places else UNKNOWN
    return [
        _item(row)
        | {"disposition": _disposition(ended.get(i), decisions.get(i, []))}
        | _witness(ended.get(i), merged.get(i), witnesses)
        | {"decisions": [_recorded(decision) for decision in decisions.get(i, [])], "signals": signals.get(i, UNKNOWN)}
        | ({"stands_for": stands_for[i]} if i in stands_for else {})
        | ({"repeated_spans": spans[i]} if i in spans else {})
        | _placed(places.get(i, []), seen_by(i, seen))
        for i, row in zip(ids, rows, strict=True)
    ]


def _item(row: Row) -> Row:
    known = {name: value for name, value in row.items() if name != "capture_id"}
    return known | {
        "key": sample_key(row["item_id"]),
        "language": row["language"] or UNKNOWN,
        "licence": row["licence"] or UNKNOWN,
    }


def _disposition(ended: Row | None, decisions: Sequence[Row]) -> Row | str:
    """How the item ended, with the numbers of the decision that ended it."""
    if ended is None:
        return UNKNOWN
    reason = ended["reason"]
    how = {"state": ended["state"], "stage": ended["stage"], "reason": reason}
    if reason:
        how["meaning"] = Reason(reason).explanation if reason in set(Reason) else UNKNOWN
    for decision in decisions:
        if decision["stage"] == ended["stage"] and decision["reason"] == reason:
            names = ("signal", "value", "threshold", "detail")
            return how | {name: decision[name] for name in names if decision[name] is not None}
    return how


def _recorded(decision: Row) -> Row:
    return {name: value for name, value in decision.items() if value is not None}


def _witness(ended: Row | None, merged: Row | None, witnesses: dict[bytes, Row]) -> Row:
    if ended is None or ended["state"] != "merged":
        return {}
    proof = {"method": merged["method"], "similarity": merged["similarity"]} if merged else {}
    return {"witness": witnesses.get(ended["successor_id"], {"item_id": ended["successor_id"]}) | proof}


def _witnesses(db: Database, ids: Sequence[bytes]) -> dict[bytes, Row]:
    """What became of the items that others were merged into, by id."""
    if not ids:
        return {}
    sql = (
        "SELECT item_id, uri, source, state, stage, reason FROM (SELECT item_id, capture_id, source FROM item)"
        " LEFT JOIN (SELECT capture_id, uri FROM capture) USING (capture_id)"
        " LEFT JOIN (SELECT item_id, state, stage, reason FROM disposition) USING (item_id)"
    )
    places = placements(db, ids)
    return {row["item_id"]: row | {"placements": places.get(row["item_id"], [])} for row in _of(db, sql, ids)}


def _stands_for(db: Database, ids: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """The items merged into these, by id of the witness."""
    sql = (
        "SELECT DISTINCT d.witness_id, d.item_id, c.uri, d.method, d.similarity FROM duplicate d"
        " LEFT JOIN item i USING (item_id) LEFT JOIN capture c USING (capture_id)"
        f" WHERE {among('d.witness_id', ids)} ORDER BY d.item_id"
    )
    return _group(db.rows(sql), by="witness_id")


def _signals(db: Database, rows: Sequence[Row]) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    for lane in sorted({row["lane"] for row in rows}):
        if f"signal_{lane}" in db.tables:
            mine = [row["item_id"] for row in rows if row["lane"] == lane]
            found |= {row.pop("item_id"): row for row in _of(db, f'SELECT * FROM "signal_{lane}"', mine)}
    return found


def placements(db: Database, ids: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """Where the items lie in what was published, by id. `shard`: relative to the store; offset and length: bytes."""
    sql = (
        "SELECT p.item_id, p.release, s.lane, s.split, 'releases/' || p.release || '/' || s.path AS shard,"
        " p.key, p.ordinal, p.offset, p.length, p.shard_id, s.sha256 AS shard_sha256"
        " FROM placement p LEFT JOIN shard s USING (shard_id, release)"
    )
    return _group(_of(db, sql, ids, order="release"))


def seen_by(item: bytes, seen: dict[bytes, list[Row]] | str) -> list[Row] | str:
    """The checkpoints that saw an item; "unknown" where no training is recorded."""
    return seen if isinstance(seen, str) else seen.get(item, [])


def _placed(places: list[Row], seen: list[Row] | str) -> Row:
    return {"placements": places} | ({"checkpoints": seen} if places else {})


def _of(db: Database, sql: str, ids: Sequence[bytes], order: str = "item_id") -> list[Row]:
    # Distinct after the condition: inside, it would sort whole tables first (160 ms against 12 on a million rows).
    return db.rows(f"SELECT DISTINCT * FROM ({sql}) WHERE {among('item_id', ids)} ORDER BY {order}") if ids else []


def _group(rows: Iterable[Row], by: str = "item_id") -> dict[bytes, list[Row]]:
    found: dict[bytes, list[Row]] = {}
    for row in rows:
        found.setdefault(row.pop(by), []).append(row)
    return found
