"""Duplicates: the cluster of a name's items: who is in it, who was kept, how similar, and where the closest pairs differ."""

from collections.abc import Iterable
from typing import Any

from pipelines.audit.items import lineage
from pipelines.audit.names import resolve
from pipelines.audit.open import Ledger
from pipelines.audit.texts import edited_texts
from pipelines.audit.words import UNKNOWN, Row
from pipelines.dedup.side import differences
from pipelines.ledger.database import Database
from schemas.digest import plain

PAIRS_SHOWN = 5  # Chosen: what a person reads before looking for a pattern


def duplicates(ledger: Ledger, name: str) -> dict[str, Any]:
    """The clusters of verified pairs that a name's items are in, as JSON values; no cluster is an empty list.

    Of each: its `members`, kept ones first, each with its witness, the method and the similarity where it was merged; how many
    `pairs` were verified; and the `closest` near ones, with where their texts differ ("unknown" where a text lies in the store no more).

    Raises:
        NotFound: neither this commit nor one before it knows the name.
        InputError: several ids begin so.
    """
    at, found = resolve(ledger, name)
    rows = lineage(at.db, found.items, found.captures)
    above = {row["parent_id"] for row in rows}
    asked = [row["item_id"] for row in rows if row["item_id"] not in above or row["item_id"] in found.items]
    clusters, seen = [], set[bytes]()
    for item in asked:
        if item not in seen and (edges := _component(at.db, item)):
            members = {row[side] for row in edges for side in ("item_id", "other_id")}
            seen |= members
            clusters.append(_cluster(at, members, edges))
    answer = {
        "name": name,
        "kind": found.kind,
        "commit": {"seq": at.commit.seq, "hash": at.commit.hash, "run": at.commit.run},
        "clusters": clusters,
    }
    return plain(answer)  # type: ignore[return-value]


def _component(db: Database, item: bytes) -> list[Row]:
    """All verified pairs that hang together with an item."""
    seen: dict[tuple[bytes, bytes], Row] = {}
    known, new = {item}, [item]
    sql = "SELECT DISTINCT * FROM edge WHERE item_id IN (SELECT unnest(?::BLOB[])) OR other_id IN (SELECT unnest(?::BLOB[]))"
    while new:
        rows = db.rows(sql, [new, new])
        seen |= {(row["item_id"], row["other_id"]): row for row in rows}
        new = sorted({row[side] for row in rows for side in ("item_id", "other_id")} - known)
        known |= set(new)
    return [seen[key] for key in sorted(seen)]


def _cluster(ledger: Ledger, members: set[bytes], edges: list[Row]) -> Row:
    sql = (
        "SELECT DISTINCT i.item_id, i.lane, i.source, c.uri, coalesce(d.state, 'unknown') AS state, u.witness_id, u.method, u.similarity"
        " FROM item i LEFT JOIN capture c USING (capture_id) LEFT JOIN disposition d USING (item_id)"
        " LEFT JOIN duplicate u USING (item_id) WHERE i.item_id IN (SELECT unnest(?::BLOB[]))"
        " ORDER BY u.witness_id IS NOT NULL, u.similarity DESC, i.item_id, c.uri"
    )
    told = {row["item_id"]: row for row in reversed(ledger.db.rows(sql, [sorted(members)]))}
    rows = list(reversed(told.values()))
    near = sorted((row for row in edges if row["method"] != "exact"), key=lambda row: -row["similarity"])[:PAIRS_SHOWN]
    texts = _texts(ledger, {row[side] for row in near for side in ("item_id", "other_id")})
    return {
        "cluster_id": min(members),
        "lane": rows[0]["lane"] if rows else UNKNOWN,
        "members": [
            {name: value for name, value in row.items() if value is not None and name != "lane"} for row in rows
        ],
        "pairs": len(edges),
        "closest": [_pair(row, texts) for row in near],
    }


def _pair(edge: Row, texts: dict[bytes, str | None]) -> Row:
    a, b = (texts.get(edge[side]) for side in ("item_id", "other_id"))
    shown: object = UNKNOWN
    if a is not None and b is not None:
        shown = [{"item": left, "other": right} for left, right in differences(a, b)]
    return edge | {"differences": shown}


def _texts(ledger: Ledger, ids: Iterable[bytes]) -> dict[bytes, str | None]:
    """The texts of these items as the lanes' rooms hold them; an item whose room is gone is left out."""
    found = dict[bytes, str | None]()
    for items, texts in edited_texts(ledger, set(ids)):
        found |= dict(zip(items, texts, strict=True))
    return found
