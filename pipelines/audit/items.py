"""Items as the audit tells them: how each ended and why, what was measured, what it came from and where it lies."""

from collections.abc import Iterable, Sequence

from pipelines.audit.exposure import checkpoints
from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database
from schemas.item import sample_key
from schemas.reasons import Reason

# The parts that hold the texts of items as they would be published, relative to the store.
EDITED = "SELECT DISTINCT store FROM holding WHERE kind = 'room' AND what LIKE 'items of lane % after room edited' ORDER BY store"


def lineage(db: Database, items: Iterable[bytes], captures: Sequence[bytes] = ()) -> list[Row]:
    """The rows of these items and of those of these captures, of all they were cut from, and of all cut from them."""
    named = db.find("item", "item_id", items)
    # What is cut from an item has its capture.
    of_captures = db.find("item", "capture_id", {*captures, *(row["capture_id"] for row in named)})
    family = {row["item_id"]: row for row in [*of_captures, *named]}
    found = {row["item_id"] for row in named} | {
        row["item_id"] for row in of_captures if row["capture_id"] in {*captures}
    }
    below = {*found}
    above = {family[one]["parent_id"] for one in found}
    while above := (above & family.keys()) - found:
        found |= above
        above = {family[one]["parent_id"] for one in above}
    while below := {one for one, row in family.items() if row["parent_id"] in below} - found:
        found |= below
    return [family[one] for one in sorted(found)]


def told(db: Database, rows: Sequence[Row], training: Database) -> list[Row]:
    """Each item with its disposition, decisions, signals, witness, what it stands for, who holds what was cut, and placements, in row order.

    `training`: of the last commit, which knows all checkpoints, also where an older one knows the items.
    """
    ids = [row["item_id"] for row in rows]
    ended = {row["item_id"]: row for row in db.find("disposition", "item_id", ids)}
    said = sorted(db.find("decision", "item_id", ids), key=lambda row: (row["stage"], row["verdict"]))
    decisions = _group(said)
    merged = {row["item_id"]: row for row in db.find("duplicate", "item_id", ids)}
    places = placements(db, ids)
    signals = _signals(db, rows)
    witnesses = _witnesses(db, [row["successor_id"] for row in ended.values() if row["successor_id"]])
    stands_for = _stands_for(db, ids)
    spans = _group(sorted(db.find("repeated_span", "item_id", ids), key=lambda row: row["start"]))
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
    places = placements(db, ids)
    ended = {row["item_id"]: row for row in db.find("disposition", "item_id", ids)}
    return {
        row["item_id"]: row
        | {name: ended.get(row["item_id"], {}).get(name) for name in ("state", "stage", "reason")}
        | {"placements": places.get(row["item_id"], [])}
        for row in _addresses(db, ids)
    }


def _addresses(db: Database, ids: Sequence[bytes]) -> list[Row]:
    """item_id, uri and source of these items, as far as they are there; a row a URI."""
    items = db.find("item", "item_id", ids, columns=("item_id", "capture_id", "source"))
    places = db.find("capture_place", "capture_id", {row["capture_id"] for row in items}, columns=("capture_id", "uri"))
    uris = _group(sorted(places, key=lambda row: (row["uri"] is None, row["uri"])), by="capture_id")
    return [
        {"item_id": row["item_id"], "uri": one["uri"], "source": row["source"]}
        for row in sorted(items, key=lambda row: row["item_id"])
        for one in uris.get(row["capture_id"], [{"uri": None}])
    ]


def _stands_for(db: Database, ids: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """The items merged into these, by id of the witness."""
    rows = db.find("duplicate", "witness_id", ids, columns=("witness_id", "item_id", "method", "similarity"))
    rows.sort(key=lambda row: row["item_id"])
    if not rows:
        return {}
    uris = _group(_addresses(db, [row["item_id"] for row in rows]))
    told = [
        {"witness_id": row["witness_id"], "item_id": row["item_id"], "uri": one["uri"], "method": row["method"], "similarity": row["similarity"]}
        for row in rows
        for one in uris.get(row["item_id"], [{"uri": None}])
    ]  # fmt: skip
    return _group(told, by="witness_id")


def _signals(db: Database, rows: Sequence[Row]) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    for lane in sorted({row["lane"] for row in rows}):
        if f"signal_{lane}" in db.tables:
            mine = [row["item_id"] for row in rows if row["lane"] == lane]
            found |= {row.pop("item_id"): row for row in db.find(f"signal_{lane}", "item_id", mine)}
    return found


def placements(db: Database, ids: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """Where the items lie in what was published, by id. `shard`: relative to the store; offset and length: bytes."""
    rows = db.find("placement", "item_id", ids)
    shards = {
        (row["shard_id"], row["release"]): row
        for row in db.find("shard", "shard_id", {row["shard_id"] for row in rows})
    }
    told = [row | {"of": shards.get((row["shard_id"], row["release"]), {})} for row in rows]
    return _group(
        {
            "item_id": row["item_id"], "release": row["release"], "lane": row["of"].get("lane"), "split": row["of"].get("split"),
            "shard": f"releases/{row['release']}/{row['of']['path']}" if row["of"] else None,
            **{name: row[name] for name in ("key", "ordinal", "offset", "length", "shard_id")}, "shard_sha256": row["of"].get("sha256"),
        }
        for row in sorted(told, key=lambda row: row["release"])
    )  # fmt: skip


def seen_by(item: bytes, seen: dict[bytes, list[Row]] | str) -> list[Row] | str:
    """The checkpoints that saw an item; "unknown" where no training is recorded."""
    return seen if isinstance(seen, str) else seen.get(item, [])


def _placed(places: list[Row], seen: list[Row] | str) -> Row:
    return {"placements": places} | ({"checkpoints": seen} if places else {})


def _group(rows: Iterable[Row], by: str = "item_id") -> dict[bytes, list[Row]]:
    found: dict[bytes, list[Row]] = {}
    for row in rows:
        found.setdefault(row.pop(by), []).append(row)
    return found
