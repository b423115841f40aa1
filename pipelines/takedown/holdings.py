"""Every store that held what goes: cleared, or remaining with the reason. Rows of HOLDING."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.capture.layout import MEMBERS, TABLES
from pipelines.capture.subject import MEMBER, upload_uri
from pipelines.ledger.database import Database
from pipelines.takedown.gone import Cut

Row = dict[str, Any]
SHARING_NAMED = 5  # items a file; Chosen: of boilerplate there are thousands
_OBTAINED = ", obtained as "


def containers(db: Database, uris: Iterable[str]) -> list[str]:
    """Stored files that captures of these URIs were unpacked from, and whose bytes cannot be cut: zips, compressed tars, tables."""
    holders = {uri.partition(MEMBER)[0] for uri in uris if MEMBER in uri} | set(uris)
    found = []
    for row in db.rows("SELECT DISTINCT store, what FROM holding WHERE kind = 'upload' ORDER BY store"):
        said, _, name = row["what"].partition(_OBTAINED)
        source = said.rpartition(" ")[2]
        is_whole = row["store"].endswith((*MEMBERS, *TABLES)) and not row["store"].endswith(".tar")
        if is_whole and any(uri.startswith(upload_uri(source, name)) for uri in holders):
            found.append(row["store"])
    return found


def unread(db: Database, request: str) -> list[Row]:
    """Archives that could not be read to their end: nobody knows what else they hold."""
    lost = [row["uri"].partition(MEMBER)[0] for row in db.rows(
        "SELECT DISTINCT uri FROM capture WHERE outcome = 'damaged' AND uri IS NOT NULL ORDER BY uri"
    )]  # fmt: skip
    found = []
    for one in db.rows("SELECT DISTINCT store, what FROM holding WHERE kind = 'upload' ORDER BY store"):
        said, _, name = one["what"].partition(_OBTAINED)
        if one["store"].endswith((*MEMBERS, *TABLES)) and upload_uri(said.rpartition(" ")[2], name) in lost:
            reason = "it could not be read to its end, so it may hold copies that nobody knows of"
            found.append(row(one["store"], "upload", one["what"], "remaining", reason, request))
    return found


def sharing(db: Database, items: Sequence[bytes], request: str) -> list[Row]:
    """Captured files with other items that hold spans of what goes, word for word: a later run takes them for their own."""
    rows = db.rows(
        "WITH pairs AS (SELECT DISTINCT item_id, witness_id, start, words FROM repeated_span WHERE item_id <> witness_id),"
        " gone AS (SELECT DISTINCT unnest(?::BLOB[]) AS item_id), shared AS (SELECT b.item_id, start, words FROM pairs b JOIN gone g"
        " ON g.item_id = b.witness_id UNION ALL SELECT b.witness_id, start, words FROM pairs b JOIN gone g ON g.item_id = b.item_id)"
        " SELECT c.payload.uri AS path, s.item_id, sum(s.words)::BIGINT AS words FROM shared s ANTI JOIN gone g USING (item_id)"
        " JOIN (SELECT DISTINCT item_id, capture_id FROM item) i USING (item_id) JOIN (SELECT DISTINCT capture_id, payload FROM capture) c"
        " USING (capture_id) WHERE c.payload IS NOT NULL GROUP BY ALL ORDER BY path, words DESC, s.item_id",
        [list(items)],
    )
    by_path: dict[str, list[Row]] = {}
    for one in rows:
        by_path.setdefault(one["path"], []).append(one)
    reason = "they are of other captures, which say them too, and a later run publishes them as such: name an item with --item where it should go"
    return [
        row(
            path, _kind(path), f"spans of what goes in {len(found)} other items: "
            + ", ".join(f"{one['item_id'].hex()} ({one['words']} words)" for one in found[:SHARING_NAMED]), "remaining", reason, request,
        )
        for path, found in by_path.items()
    ]  # fmt: skip


def of_cuts(cuts: Mapping[str, Cut], request: str) -> list[Row]:
    """What was cut: the old files, cleared."""
    return [
        {
            "store": cut.old, "kind": _kind(cut.old), "what": "bytes of captures that a request covers", "state": "cleared",
            "reason": "deleted; nothing was left of it" if cut.new is None else f"written again without them as {cut.new}",
            "request": request,
        }
        for cut in cuts.values()
    ]  # fmt: skip


def _kind(path: str) -> str:
    folder = path.split("/")[1] if path.startswith("parts/") else ""
    return folder or ("warc" if ".warc" in path or ".arc" in path else "upload")


def row(store: str, kind: str, what: str, state: str, reason: str, request: str) -> Row:
    """One row of HOLDING."""
    return {"store": store, "kind": kind, "what": what, "state": state, "reason": reason, "request": request}


def moved(rows: Sequence[Row], new: Mapping[str, str | None]) -> list[Row]:
    """Held stores under their new paths; those that are gone are left out."""
    found = []
    for one in rows:
        if one.get("state"):
            continue
        path = new.get(one["store"], one["store"])
        if path is not None:
            found.append({**one, "store": path})
    return found
